# SPDX-License-Identifier: Apache-2.0
"""Who may do what to operations; they are asked about their clusters."""

from magnum.policies import base

ABORT = 'operation:abort'
ABORT_ALL_PROJECTS = 'operation:abort_all_projects'
GET = 'operation:get'
GET_ONE_ALL_PROJECTS = 'operation:get_one_all_projects'
GET_ALL = 'operation:get_all'
GET_ALL_ALL_PROJECTS = 'operation:get_all_all_projects'
RETRY = 'operation:retry'
RETRY_ALL_PROJECTS = 'operation:retry_all_projects'

_ALL = '/v1/clusters/{cluster_ident}/operations'
_ONE = '/v1/operations/{operation_uuid}'

RULES = [
    base.operation(ABORT, base.MEMBER_NOT_CLUSTER_USER,
                   'Abort an operation.', f'POST {_ONE}/abort'),
    base.operation(ABORT_ALL_PROJECTS, base.ADMIN,
                   "Abort an operation on any project's cluster.",
                   f'POST {_ONE}/abort'),
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
    base.operation(RETRY, base.MEMBER_NOT_CLUSTER_USER,
                   'Retry an operation. The rule of the original request is '
                   'asked, too.', f'POST {_ONE}/retry'),
    base.operation(RETRY_ALL_PROJECTS, base.ADMIN,
                   "Retry an operation on any project's cluster.",
                   f'POST {_ONE}/retry'),
]
