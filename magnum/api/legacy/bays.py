# SPDX-License-Identifier: Apache-2.0
"""Bays: clusters under their first name, up to version 1.10.

At version 1.1 a request was answered when the work had begun, with the whole
bay.  As work is now written down before the answer, nobody has to wait; only
the form of the answer differs.
"""

from magnum.api import clusters
from magnum.api import expose
from magnum.api import paging
from magnum.api import patch as patches
from magnum.api import types
from magnum.api import versions
from magnum.db import clusters as cluster_rows
from magnum.db import session as db
from magnum import errors
from magnum import node_text
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import desired
from magnum.operations import resize_cluster
from magnum.policies import bay as rules
from magnum import policy


def _readonly(kind, **options):
    return types.Attribute(kind, write=types.READONLY, **options)


class Bay(types.Resource):
    uuid = types.Attribute(types.UUID, write=types.IGNORED, never_null=True)
    name = types.Attribute(types.RESOURCE_NAME, empty_means_unset=True,
                           never_null=True)
    baymodel_id = types.Attribute(types.SHORT, required=True,
                                  removable=False)
    node_count = types.Attribute(types.SIZE, default=1)
    master_count = types.Attribute(types.SIZE, default=1)
    docker_volume_size = types.Attribute(types.SIZE)
    labels = types.Attribute(types.LABELS, default=dict, accepts_text=True)
    master_flavor_id = types.Attribute(types.SHORT)
    flavor_id = types.Attribute(types.SHORT)
    bay_create_timeout = types.Attribute(types.MINUTES, default=60,
                                         never_null=False)
    links = _readonly(types.LINKS, never_null=True)
    stack_id = _readonly(types.STRING, patchable=False)
    status = types.Attribute(clusters.STATUS, write=types.IGNORED,
                             never_null=True)
    status_reason = types.Attribute(types.STRING, write=types.IGNORED)
    discovery_url = types.Attribute(
        types.NodeText(node_text.url, min_length=0), empty_means_unset=True)
    api_address = _readonly(types.STRING, patchable=False)
    coe_version = _readonly(types.STRING)
    container_version = _readonly(types.STRING)
    node_addresses = _readonly(types.STRINGS, patchable=False,
                               never_null=True)
    master_addresses = _readonly(types.STRINGS, patchable=False,
                               never_null=True)
    bay_faults = types.Attribute(types.STRING_MAP, write=types.IGNORED,
                                 optional=True)
    fixed_network = types.Attribute(types.SHORT)
    fixed_subnet = types.Attribute(types.SHORT)
    floating_ip_enabled = types.Attribute(types.BOOLEAN, default=True)
    master_lb_enabled = types.Attribute(types.BOOLEAN, never_null=True)
    created_at = _readonly(types.TIME, never_null=True)
    updated_at = _readonly(types.TIME)


SHORT = frozenset({
    'uuid', 'name', 'baymodel_id', 'docker_volume_size', 'labels',
    'master_flavor_id', 'flavor_id', 'node_count', 'status',
    'bay_create_timeout', 'master_count', 'stack_id', 'links',
    'floating_ip_enabled'})

# A bay's own names of what a cluster has as well.
NAMES = {'baymodel_id': 'cluster_template_id',
         'bay_create_timeout': 'create_timeout'}

SORT_KEYS = ((clusters.SORT_KEYS & {'id', *types.attributes(Bay)})
             | {'baymodel_id', 'bay_create_timeout'})

ROLLBACK = expose.Parameter('rollback', types.BOOLEAN,
                            since=versions.ROLLBACK)


@expose.method(query=paging.parameters(SORT_KEYS), until=versions.LAST_BAYS,
               result=[Bay], only=SHORT)
def get_all(call):
    """List bays."""
    policy.authorize(call.context, rules.GET_ALL)
    return _list(call, 'bays', SHORT)


@expose.method(query=paging.parameters(SORT_KEYS), until=versions.LAST_BAYS,
               result=[Bay])
def detail(call):
    """List bays with all their attributes."""
    policy.authorize(call.context, rules.DETAIL)
    return _list(call, 'bays/detail')


@expose.method(until=versions.LAST_BAYS, result=Bay)
def get_one(call, bay_ident):
    """Show a bay."""
    row = _find(call, bay_ident, rules.GET)
    faults = clusters.faults(row)
    return _show(call, row, **({'bay_faults': faults['faults']}
                               if faults else {}))


@expose.method(until=versions.LAST_BAYS, body=Bay, answers=202, begins=True,
               result=types.Identity, also={201: Bay}, warns=True,
               headers={'Location': 'Where the new bay is.'})
def post(call):
    """Create a bay."""
    policy.authorize(call.context, rules.CREATE)
    wish = {NAMES.get(name, name): value
            for name, value in call.body.items()}
    try:
        template, room = clusters.template(
            call, wish.pop('cluster_template_id'))
    except errors.NotFound as e:
        # Other than of a cluster, at every version.
        raise errors.Invalid(str(e)) from None
    wish['name'] = wish['name'] or desired.generated_name('bay')
    # Nobody ever asked whether the flavor of a bay has a disk.
    row = create_cluster.request(call.context, template, wish,
                                 flavors=lambda labels: {}, room=room,
                                 warn=call.warn)
    if call.version < versions.ASYNCHRONOUS_BAYS:
        call.headers['Location'] = f'{call.url}/v1/bays/{row.uuid}'
        return _whole(call, row.uuid, 201)
    return {'uuid': row.uuid}


@expose.method(until=versions.LAST_BAYS, patch=Bay, answers=202, begins=True,
               result=types.Identity, also={200: Bay}, query=(ROLLBACK,))
def patch(call, bay_ident):
    """Change the number of nodes of a bay."""
    row = _find(call, bay_ident, rules.UPDATE)
    known = clusters.patchable(row)
    before = {name: known[NAMES.get(name, name)]
              for name in types.attributes(Bay)
              if NAMES.get(name, name) in known}
    after = patches.apply(Bay, call.changes, before)
    changed = patches.differences(before, after)
    if changed - {'node_count'}:
        raise errors.Invalid(f'Only node_count of a bay can be changed, not '
                             f'{", ".join(sorted(changed))}.')
    if changed:
        try:
            resize_cluster.request_patch(call.context, row,
                                         after['node_count'])
        except errors.WrongStatus as e:
            if call.version < versions.ASYNCHRONOUS_BAYS:
                raise errors.Invalid(str(e)) from None
            raise
    if call.version < versions.ASYNCHRONOUS_BAYS:
        return _whole(call, row.uuid, 200)
    return {'uuid': row.uuid}


@expose.method(until=versions.LAST_BAYS, answers=204, begins=True)
def delete(call, bay_ident):
    """Delete a bay."""
    delete_cluster.request(call.context, _find(call, bay_ident,
                                               rules.DELETE))


def _find(call, ident, rule):
    row = db.read(cluster_rows.find, call.context, ident,
                  call.context.is_admin, template=True)
    policy.authorize(call.context, rule, row)
    return row


def _list(call, path, only=None):
    page = paging.page(call, NAMES)
    rows = db.read(cluster_rows.page, call.context, page,
                   call.context.is_admin)
    return paging.body(call, page, 'bays', path,
                       [_show(call, row, only) for row in rows])


def _whole(call, uuid, status):
    """The answer of version 1.1, as the bay is now."""
    call.status = status
    return _show(call, db.read(cluster_rows.find, call.context, uuid,
                               call.context.is_admin))


def _show(call, row, only=None, **computed):
    return types.show(
        Bay, row, only, **computed, **clusters.counts(row),
        **clusters.addresses(row), baymodel_id=row.cluster_template_id,
        bay_create_timeout=row.create_timeout,
        links=call.links('bays', row.uuid))
