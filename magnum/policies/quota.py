# SPDX-License-Identifier: Apache-2.0
"""Who may read and set quotas."""

from magnum.policies import base

CREATE = 'quota:create'
DELETE = 'quota:delete'
GET = 'quota:get'
GET_ALL = 'quota:get_all'
UPDATE = 'quota:update'

_ONE = '/v1/quotas/{project_id}/{resource}'

RULES = [
    base.operation(CREATE, base.ADMIN, 'Set a quota.', 'POST /v1/quotas'),
    base.operation(DELETE, base.ADMIN, 'Delete a quota.', f'DELETE {_ONE}'),
    base.operation(GET, base.READER, 'Show a quota.', f'GET {_ONE}'),
    base.operation(GET_ALL, base.ADMIN, 'List quotas.', 'GET /v1/quotas'),
    base.operation(UPDATE, base.ADMIN, 'Change a quota.', f'PATCH {_ONE}'),
]
