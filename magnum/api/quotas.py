# SPDX-License-Identifier: Apache-2.0
"""Quotas: how many clusters a project may have."""

from oslo_config import cfg

from magnum.api import expose
from magnum.api import paging
from magnum.api import types
from magnum.db import models
from magnum.db import quotas
from magnum.db import session as db
from magnum import errors
from magnum import openstack
from magnum.policies import quota as rules
from magnum import policy
from magnum import quota as limits  # noqa: F401  (registers [quotas])

CONF = cfg.CONF

RESOURCE = types.Enum('Cluster')


class Quota(types.Resource):
    id = types.Attribute(types.Integer(1), write=types.IGNORED,
                         never_null=True)
    project_id = types.Attribute(types.SHORT, required=True, nullable=False)
    resource = types.Attribute(RESOURCE, default='Cluster', nullable=False)
    hard_limit = types.Attribute(types.COUNT, default=1)
    created_at = types.Attribute(types.TIME, write=types.READONLY,
                                 never_null=True)
    updated_at = types.Attribute(types.TIME, write=types.READONLY)


class Limit(types.Resource):
    """What holds for a project that was given no quota."""

    project_id = types.Attribute(types.SHORT, never_null=True)
    resource = types.Attribute(RESOURCE, never_null=True)
    hard_limit = types.Attribute(types.COUNT, never_null=True)


class QuotaChange(types.Resource):
    id = types.Attribute(types.Integer(1), write=types.IGNORED)
    project_id = types.Attribute(types.SHORT, write=types.IGNORED)
    resource = types.Attribute(RESOURCE, write=types.IGNORED)
    hard_limit = types.Attribute(types.COUNT, required=True)


SORT_KEYS = set(types.attributes(Quota))


@expose.method(query=(*paging.parameters(SORT_KEYS, types.COUNT),
                      expose.Parameter('all_tenants', types.BOOLEAN)),
               result=[Quota])
def get_all(call):
    """List quotas: of the project, or of all."""
    policy.authorize(call.context, rules.GET_ALL)
    page = paging.page(call)
    project_id = (None if call.query['all_tenants']
                  else call.context.project_id or '')
    rows = db.read(quotas.page, page, project_id)
    return paging.body(call, page, 'quotas', 'quotas',
                       [types.show(Quota, row) for row in rows], marker='id')


@expose.method(result=(Quota, Limit))
def get_one(call, project_id, resource):
    """Show what a project may have."""
    policy.authorize(call.context, rules.GET)
    if not call.context.is_admin and project_id != call.context.project_id:
        raise errors.Forbidden('Only administrators can see the quota of '
                               'another project.')
    try:
        RESOURCE.validate(resource)
    except ValueError as e:
        raise errors.InvalidParameter('resource', f'{e}.') from None
    row = db.read(quotas.find, project_id, resource)
    if row is None:
        return {'project_id': project_id, 'resource': resource,
                'hard_limit': CONF.quotas.max_clusters_per_project}
    return types.show(Quota, row)


@expose.method(body=Quota, answers=201, result=Quota)
def post(call):
    """Set what a project may have."""
    policy.authorize(call.context, rules.CREATE)
    openstack.request_cloud(call.context).project(call.body['project_id'])
    row = models.Quota(**call.body)
    db.write(quotas.add, row)
    return types.show(Quota, row)


@expose.method(body=QuotaChange, answers=202, result=Quota)
def patch(call, project_id, resource):
    """Change what a project may have."""
    policy.authorize(call.context, rules.UPDATE)
    row = db.write(quotas.update, project_id, resource,
                   call.body['hard_limit'])
    return types.show(Quota, row)


@expose.method(answers=204)
def delete(call, project_id, resource):
    """Let a project have what all have that were given no quota."""
    policy.authorize(call.context, rules.DELETE)
    db.write(quotas.delete, project_id, resource)

