# SPDX-License-Identifier: Apache-2.0
"""Who may do what to bays and baymodels, as clusters were called once."""

from magnum.policies import base

CREATE = 'bay:create'
DELETE = 'bay:delete'
DETAIL = 'bay:detail'
GET = 'bay:get'
GET_ALL = 'bay:get_all'
UPDATE = 'bay:update'

MODEL_CREATE = 'baymodel:create'
MODEL_DELETE = 'baymodel:delete'
MODEL_DETAIL = 'baymodel:detail'
MODEL_GET = 'baymodel:get'
MODEL_GET_ALL = 'baymodel:get_all'
MODEL_UPDATE = 'baymodel:update'
MODEL_PUBLISH = 'baymodel:publish'

_BAY = '/v1/bays/{bay_ident}'
_MODEL = '/v1/baymodels/{baymodel_ident}'

RULES = [
    base.operation(CREATE, base.MEMBER_NOT_CLUSTER_USER, 'Create a bay.',
                   'POST /v1/bays'),
    base.operation(DELETE, base.MEMBER_NOT_CLUSTER_USER, 'Delete a bay.',
                   f'DELETE {_BAY}'),
    base.operation(DETAIL, base.READER_NOT_CLUSTER_USER,
                   'List bays with all their attributes.',
                   'GET /v1/bays/detail'),
    base.operation(GET, base.READER_NOT_CLUSTER_USER, 'Show a bay.',
                   f'GET {_BAY}'),
    base.operation(GET_ALL, base.READER_NOT_CLUSTER_USER, 'List bays.',
                   'GET /v1/bays'),
    base.operation(UPDATE, base.MEMBER_NOT_CLUSTER_USER, 'Change a bay.',
                   f'PATCH {_BAY}'),
    base.operation(MODEL_CREATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Create a baymodel.', 'POST /v1/baymodels'),
    base.operation(MODEL_DELETE, base.MEMBER, 'Delete a baymodel.',
                   f'DELETE {_MODEL}'),
    base.operation(MODEL_DETAIL, base.READER_NOT_CLUSTER_USER,
                   'List baymodels with all their attributes.',
                   'GET /v1/baymodels/detail'),
    base.operation(MODEL_GET, base.READER_NOT_CLUSTER_USER,
                   'Show a baymodel that is not public.', f'GET {_MODEL}'),
    base.operation(MODEL_GET_ALL, base.READER_NOT_CLUSTER_USER,
                   'List baymodels.', 'GET /v1/baymodels'),
    base.operation(MODEL_UPDATE, base.MEMBER, 'Change a baymodel.',
                   f'PATCH {_MODEL}'),
    base.operation(MODEL_PUBLISH, base.ADMIN, 'Make a baymodel public.',
                   'POST /v1/baymodels', f'PATCH {_MODEL}'),
]
