# SPDX-License-Identifier: Apache-2.0
"""Who may do what to the nodegroups of a cluster."""

from magnum.policies import base

CREATE = 'nodegroup:create'
CREATE_ALL_PROJECTS = 'nodegroup:create_all_projects'
DELETE = 'nodegroup:delete'
DELETE_ALL_PROJECTS = 'nodegroup:delete_all_projects'
GET = 'nodegroup:get'
GET_ONE_ALL_PROJECTS = 'nodegroup:get_one_all_projects'
GET_ALL = 'nodegroup:get_all'
GET_ALL_ALL_PROJECTS = 'nodegroup:get_all_all_projects'
UPDATE = 'nodegroup:update'
UPDATE_ALL_PROJECTS = 'nodegroup:update_all_projects'

_ALL = '/v1/clusters/{cluster_ident}/nodegroups'
_ONE = _ALL + '/{nodegroup_ident}'

RULES = [
    base.operation(CREATE, base.MEMBER,
                   'Add a nodegroup to a cluster.', f'POST {_ALL}'),
    base.operation(CREATE_ALL_PROJECTS, base.ADMIN,
                   'Add a nodegroup to a cluster of any project.',
                   f'POST {_ALL}'),
    base.operation(DELETE, base.MEMBER,
                   'Delete a nodegroup.', f'DELETE {_ONE}'),
    base.operation(DELETE_ALL_PROJECTS, base.ADMIN,
                   'Delete a nodegroup of any project.', f'DELETE {_ONE}'),
    base.operation(GET, base.READER, 'Show a nodegroup.', f'GET {_ONE}'),
    base.operation(GET_ONE_ALL_PROJECTS, base.ADMIN,
                   'Show a nodegroup of any project.', f'GET {_ONE}'),
    base.operation(GET_ALL, base.READER,
                   "List a cluster's nodegroups.", f'GET {_ALL}'),
    base.operation(GET_ALL_ALL_PROJECTS, base.ADMIN,
                   "List the nodegroups of any project's cluster.",
                   f'GET {_ALL}'),
    base.operation(UPDATE, base.MEMBER,
                   'Change a nodegroup.', f'PATCH {_ONE}'),
    base.operation(UPDATE_ALL_PROJECTS, base.ADMIN,
                   'Change a nodegroup of any project.', f'PATCH {_ONE}'),
]
