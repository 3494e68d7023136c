# SPDX-License-Identifier: Apache-2.0
"""Who may read, sign and rotate a cluster's certificates."""

from magnum.policies import base

CREATE = 'certificate:create'
CREATE_ALL_PROJECTS = 'certificate:create_all_projects'
GET = 'certificate:get'
GET_ALL_PROJECTS = 'certificate:get_one_all_projects'
ROTATE_CA = 'certificate:rotate_ca'
ROTATE_CA_ALL_PROJECTS = 'certificate:rotate_ca_all_projects'

_ONE = '/v1/certificates/{cluster_ident}'
_TYPED = f'{_ONE}/{{ca_cert_type}}'

RULES = [
    base.operation(CREATE, base.MEMBER_USER,
                   "Sign a request with a cluster's CA.",
                   'POST /v1/certificates'),
    base.operation(CREATE_ALL_PROJECTS, base.ADMIN,
                   "Sign a request with the CA of any project's cluster.",
                   'POST /v1/certificates'),
    base.operation(GET, base.READER_USER,
                   "Read a cluster's CA certificate.", f'GET {_ONE}',
                   f'GET {_TYPED}'),
    base.operation(GET_ALL_PROJECTS, base.ADMIN,
                   "Read the CA certificate of any project's cluster.",
                   f'GET {_ONE}', f'GET {_TYPED}'),
    base.operation(ROTATE_CA, base.MEMBER,
                   "Replace a cluster's CAs.", f'PATCH {_ONE}'),
    base.operation(ROTATE_CA_ALL_PROJECTS, base.ADMIN,
                   "Replace the CAs of any project's cluster.",
                   f'PATCH {_ONE}'),
]
