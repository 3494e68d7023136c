# SPDX-License-Identifier: Apache-2.0
"""Who may do what to operations; they are asked about their clusters."""

from magnum.policies import base

GET = 'operation:get'
GET_ONE_ALL_PROJECTS = 'operation:get_one_all_projects'
GET_ALL = 'operation:get_all'
GET_ALL_ALL_PROJECTS = 'operation:get_all_all_projects'

_ALL = '/v1/clusters/{cluster_ident}/operations'
_ONE = '/v1/operations/{operation_uuid}'

RULES = [
    base.operation(GET, base.READER_NOT_CLUSTER_USER,
                   'Show an operation.', f'GET {_ONE}'),
    base.operation(GET_ONE_ALL_PROJECTS, base.ADMIN,
                   "Show an operation on any project's cluster.",
                   f'GET {_ONE}'),
    base.operation(GET_ALL, base.READER_NOT_CLUSTER_USER,
                   "List a cluster's operations.", f'GET {_ALL}'),
    base.operation(GET_ALL_ALL_PROJECTS, base.ADMIN,
                   "List the operations on any project's cluster.",
                   f'GET {_ALL}'),
]
