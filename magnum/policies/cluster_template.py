# SPDX-License-Identifier: Apache-2.0
"""Who may do what to cluster templates."""

from magnum.policies import base

CREATE = 'clustertemplate:create'
DELETE = 'clustertemplate:delete'
DELETE_ALL_PROJECTS = 'clustertemplate:delete_all_projects'
DETAIL = 'clustertemplate:detail'
DETAIL_ALL_PROJECTS = 'clustertemplate:detail_all_projects'
GET = 'clustertemplate:get'
GET_ONE_ALL_PROJECTS = 'clustertemplate:get_one_all_projects'
GET_ALL = 'clustertemplate:get_all'
GET_ALL_ALL_PROJECTS = 'clustertemplate:get_all_all_projects'
UPDATE = 'clustertemplate:update'
UPDATE_ALL_PROJECTS = 'clustertemplate:update_all_projects'
PUBLISH = 'clustertemplate:publish'

_ALL = '/v1/clustertemplates'
_ONE = '/v1/clustertemplates/{template_ident}'

RULES = [
    base.operation(CREATE, base.MEMBER_NOT_CLUSTER_USER,
                   'Create a cluster template.', f'POST {_ALL}'),
    base.operation(DELETE, base.MEMBER,
                   'Delete a cluster template.', f'DELETE {_ONE}'),
    base.operation(DELETE_ALL_PROJECTS, base.ADMIN,
                   'Delete a cluster template of any project.',
                   f'DELETE {_ONE}'),
    base.operation(DETAIL, base.READER_NOT_CLUSTER_USER,
                   'List cluster templates with all their attributes.',
                   f'GET {_ALL}/detail'),
    base.operation(DETAIL_ALL_PROJECTS, base.ADMIN,
                   'List cluster templates of all projects with all '
                   'attributes.', f'GET {_ALL}/detail'),
    base.operation(GET, base.READER_NOT_CLUSTER_USER,
                   'Show a cluster template that is not public.',
                   f'GET {_ONE}'),
    base.operation(GET_ONE_ALL_PROJECTS, base.ADMIN,
                   'Show a cluster template of any project.', f'GET {_ONE}'),
    base.operation(GET_ALL, base.READER_NOT_CLUSTER_USER,
                   'List cluster templates.', f'GET {_ALL}'),
    base.operation(GET_ALL_ALL_PROJECTS, base.ADMIN,
                   'List cluster templates of all projects.', f'GET {_ALL}'),
    base.operation(UPDATE, base.MEMBER,
                   'Change a cluster template.', f'PATCH {_ONE}'),
    base.operation(UPDATE_ALL_PROJECTS, base.ADMIN,
                   'Change a cluster template of any project.',
                   f'PATCH {_ONE}'),
    base.operation(PUBLISH, base.ADMIN,
                   'Make a cluster template public or hidden.',
                   f'POST {_ALL}', f'PATCH {_ONE}'),
]
