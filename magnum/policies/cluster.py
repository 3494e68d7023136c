# SPDX-License-Identifier: Apache-2.0
"""Who may do what to clusters."""

from magnum.policies import base

CREATE = 'cluster:create'
DELETE = 'cluster:delete'
DELETE_ALL_PROJECTS = 'cluster:delete_all_projects'
DELETE_PROTECTED = 'cluster:delete_protected'
DETAIL = 'cluster:detail'
DETAIL_ALL_PROJECTS = 'cluster:detail_all_projects'
GET = 'cluster:get'
GET_ONE_ALL_PROJECTS = 'cluster:get_one_all_projects'
GET_PROTECTION = 'cluster:get_protection'
GET_PROTECTION_ALL_PROJECTS = 'cluster:get_protection_all_projects'
PROTECT = 'cluster:protect'
PROTECT_ALL_PROJECTS = 'cluster:protect_all_projects'
GET_ALL = 'cluster:get_all'
GET_ALL_ALL_PROJECTS = 'cluster:get_all_all_projects'
UPDATE = 'cluster:update'
UPDATE_ALL_PROJECTS = 'cluster:update_all_projects'
UPDATE_HEALTH_STATUS = 'cluster:update_health_status'
RESIZE = 'cluster:resize'
RESIZE_ALL_PROJECTS = 'cluster:resize_all_projects'
UPGRADE = 'cluster:upgrade'
UPGRADE_ALL_PROJECTS = 'cluster:upgrade_all_projects'

_ONE = '/v1/clusters/{cluster_ident}'

RULES = [
    base.operation(CREATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Create a cluster.', 'POST /v1/clusters'),
    base.operation(DELETE, base.MEMBER_NOT_CLUSTER_USER,
                   'Delete a cluster.', f'DELETE {_ONE}'),
    base.operation(DELETE_ALL_PROJECTS, base.ADMIN,
                   'Delete a cluster of any project.', f'DELETE {_ONE}'),
    base.operation(DELETE_PROTECTED, base.ADMIN,
                   'Delete a cluster in spite of its protection, with '
                   'force=true.', f'DELETE {_ONE}'),
    base.operation(GET_PROTECTION, base.READER_NOT_CLUSTER_USER,
                   'Show whether a cluster is protected against deletion.',
                   f'GET {_ONE}/protection'),
    base.operation(GET_PROTECTION_ALL_PROJECTS, base.ADMIN,
                   'Show whether a cluster of any project is protected '
                   'against deletion.', f'GET {_ONE}/protection'),
    base.operation(PROTECT, base.MEMBER_NOT_CLUSTER_USER,
                   'Protect a cluster against deletion, or end that.',
                   f'PATCH {_ONE}/protection'),
    base.operation(PROTECT_ALL_PROJECTS, base.ADMIN,
                   'Protect a cluster of any project against deletion, or '
                   'end that.', f'PATCH {_ONE}/protection'),
    base.operation(DETAIL, base.READER_NOT_CLUSTER_USER,
                   'List clusters with all their attributes.',
                   'GET /v1/clusters/detail'),
    base.operation(DETAIL_ALL_PROJECTS, base.ADMIN,
                   'List clusters of all projects with all attributes.',
                   'GET /v1/clusters/detail'),
    base.operation(GET, base.READER_NOT_CLUSTER_USER,
                   'Show a cluster.', f'GET {_ONE}'),
    base.operation(GET_ONE_ALL_PROJECTS, base.ADMIN,
                   'Show a cluster of any project.', f'GET {_ONE}'),
    base.operation(GET_ALL, base.READER_NOT_CLUSTER_USER,
                   'List clusters.', 'GET /v1/clusters'),
    base.operation(GET_ALL_ALL_PROJECTS, base.ADMIN,
                   'List clusters of all projects.', 'GET /v1/clusters'),
    base.operation(UPDATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Change a cluster.', f'PATCH {_ONE}'),
    base.operation(UPDATE_ALL_PROJECTS, base.ADMIN,
                   'Change a cluster of any project.', f'PATCH {_ONE}'),
    base.operation(UPDATE_HEALTH_STATUS, base.MEMBER_USER_OR_CLUSTER_USER,
                   'Report the health of a cluster.', f'PATCH {_ONE}'),
    base.operation(RESIZE, base.MEMBER_NOT_CLUSTER_USER,
                   'Resize a cluster.', f'POST {_ONE}/actions/resize'),
    base.operation(RESIZE_ALL_PROJECTS, base.ADMIN,
                   'Resize a cluster of any project.',
                   f'POST {_ONE}/actions/resize'),
    base.operation(UPGRADE, base.MEMBER_NOT_CLUSTER_USER,
                   'Upgrade a cluster.', f'POST {_ONE}/actions/upgrade'),
    base.operation(UPGRADE_ALL_PROJECTS, base.ADMIN,
                   'Upgrade a cluster of any project.',
                   f'POST {_ONE}/actions/upgrade'),
]
