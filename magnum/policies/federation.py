# SPDX-License-Identifier: Apache-2.0
"""Who may do what to federations."""

from magnum.policies import base

CREATE = 'federation:create'
DELETE = 'federation:delete'
DETAIL = 'federation:detail'
GET = 'federation:get'
GET_ALL = 'federation:get_all'
UPDATE = 'federation:update'

_ONE = '/v1/federations/{federation_ident}'

RULES = [
    base.operation(CREATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Create a federation.', 'POST /v1/federations'),
    base.operation(DELETE, base.MEMBER_NOT_CLUSTER_USER,
                   'Delete a federation.', f'DELETE {_ONE}'),
    base.operation(DETAIL, base.READER_NOT_CLUSTER_USER,
                   'List federations with all their attributes.',
                   'GET /v1/federations/detail'),
    base.operation(GET, base.READER_NOT_CLUSTER_USER,
                   'Show a federation.', f'GET {_ONE}'),
    base.operation(GET_ALL, base.READER_NOT_CLUSTER_USER,
                   'List federations.', 'GET /v1/federations'),
    base.operation(UPDATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Change a federation.', f'PATCH {_ONE}'),
]
