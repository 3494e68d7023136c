# SPDX-License-Identifier: Apache-2.0
"""Baymodels: cluster templates under their first name, up to version 1.10."""

import ipaddress

from magnum.api import cluster_templates
from magnum.api import expose
from magnum.api import paging
from magnum.api import types
from magnum.api import versions
from magnum.db import session as db
from magnum.db import templates
from magnum.policies import bay as rules
from magnum import policy


class _NameServer(types.NameServers):
    """One IPv4 address."""

    many = False

    def validate(self, value):
        super().validate(value)
        try:
            ipaddress.IPv4Address(value)
        except ValueError:
            raise ValueError('must be one IPv4 address') from None
        return value


class BayModel(cluster_templates.Template):
    keypair_id = types.Attribute(types.SHORT, required=True, removable=False,
                                 never_null=False)
    dns_nameserver = types.Attribute(_NameServer())
    labels = types.Attribute(types.StringLabels(), default=dict,
                             accepts_text=True)


SORT_KEYS = {'id', *types.attributes(BayModel)} - {'links'}


@expose.method(query=paging.parameters(SORT_KEYS), until=versions.LAST_BAYS,
               result=[BayModel])
def get_all(call):
    """List baymodels."""
    policy.authorize(call.context, rules.MODEL_GET_ALL)
    return _list(call, 'baymodels')


@expose.method(query=paging.parameters(SORT_KEYS), until=versions.LAST_BAYS,
               result=[BayModel])
def detail(call):
    """List baymodels with all their attributes."""
    policy.authorize(call.context, rules.MODEL_DETAIL)
    return _list(call, 'baymodels/detail')


@expose.method(until=versions.LAST_BAYS, result=BayModel)
def get_one(call, baymodel_ident):
    """Show a baymodel."""
    row = find(call, baymodel_ident)
    if not row.public:
        policy.authorize(call.context, rules.MODEL_GET, row)
    return _show(call, row)


@expose.method(until=versions.LAST_BAYS, body=BayModel, answers=201,
               result=BayModel, warns=True,
               headers={'Location': 'Where the new baymodel is.'})
def post(call):
    """Create a baymodel."""
    policy.authorize(call.context, rules.MODEL_CREATE)
    if call.body['public']:
        policy.authorize(call.context, rules.MODEL_PUBLISH)
    return cluster_templates.create(call, BayModel, 'model', _created)


@expose.method(until=versions.LAST_BAYS, patch=BayModel, result=BayModel,
               warns=True)
def patch(call, baymodel_ident):
    """Change a baymodel."""
    row = find(call, baymodel_ident)
    policy.authorize(call.context, rules.MODEL_UPDATE, row)
    return cluster_templates.change(call, row, BayModel, rules.MODEL_PUBLISH,
                                    _show)


@expose.method(until=versions.LAST_BAYS, answers=204)
def delete(call, baymodel_ident):
    """Delete a baymodel that no bay uses."""
    row = find(call, baymodel_ident)
    policy.authorize(call.context, rules.MODEL_DELETE, row)
    cluster_templates.remove(call, row)


def find(call, ident):
    """The baymodel of that uuid or name; administrators see all."""
    return db.read(templates.find, call.context, ident, call.context.is_admin)


def _list(call, path):
    page = paging.page(call)
    rows = db.read(templates.page, call.context, page)
    return paging.body(call, page, 'baymodels', path,
                       [_show(call, row) for row in rows])


def _created(call, row):
    call.headers['Location'] = f'{call.url}/v1/baymodels/{row.uuid}'
    return _show(call, row)


def _show(call, row):
    return types.show(BayModel, row,
                      links=call.links('baymodels', row.uuid))
