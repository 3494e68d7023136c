# SPDX-License-Identifier: Apache-2.0
"""Federations: rows that an older release may have left, to be read.

No driver ever built one.  Rather than to accept what nobody will do, the
requests to create and change them are refused; what is wrong with a request
itself is said first.
"""

from magnum.api import expose
from magnum.api import paging
from magnum.api import patch as patches
from magnum.api import types
from magnum.db import clusters
from magnum.db import federations
from magnum.db import session as db
from magnum import errors
from magnum.policies import federation as rules
from magnum import policy

STATUS = types.Enum(*(f'{action}_{state}'
                      for action in ('CREATE', 'UPDATE', 'DELETE')
                      for state in ('IN_PROGRESS', 'FAILED', 'COMPLETE')))


class Federation(types.Resource):
    uuid = types.Attribute(types.UUID, write=types.IGNORED, never_null=True)
    name = types.Attribute(types.RESOURCE_NAME, never_null=True)
    hostcluster_id = types.Attribute(types.SHORT, required=True)
    member_ids = types.Attribute(types.STRINGS, default=list)
    properties = types.Attribute(types.STRING_MAP, required=True,
                                 removable=False)
    status = types.Attribute(STATUS, write=types.IGNORED, never_null=True)
    status_reason = types.Attribute(types.STRING, write=types.IGNORED)
    links = types.Attribute(types.LINKS, write=types.READONLY, never_null=True)
    created_at = types.Attribute(types.TIME, write=types.READONLY,
                                 never_null=True)
    updated_at = types.Attribute(types.TIME, write=types.READONLY)


SHORT = frozenset({'uuid', 'name', 'hostcluster_id', 'member_ids', 'status',
                   'properties', 'links'})

_STORED = ('name', 'hostcluster_id', 'member_ids', 'properties', 'status',
           'status_reason')

SORT_KEYS = ({'id', 'project_id', *types.attributes(Federation)} - {'links'})


@expose.method(query=paging.parameters(SORT_KEYS), result=[Federation],
               only=SHORT)
def get_all(call):
    """List federations."""
    policy.authorize(call.context, rules.GET_ALL)
    return _list(call, 'federations', SHORT)


@expose.method(query=paging.parameters(SORT_KEYS), result=[Federation])
def detail(call):
    """List federations with all their attributes."""
    policy.authorize(call.context, rules.DETAIL)
    return _list(call, 'federations/detail')


@expose.method(result=Federation)
def get_one(call, federation_ident):
    """Show a federation."""
    return _show(call, _find(call, federation_ident, rules.GET))


@expose.method(body=Federation, answers=None)
def post(call):
    """Refused: no driver builds federations."""
    policy.authorize(call.context, rules.CREATE)
    _check_properties(call.body['properties'])
    _cluster(call, call.body['hostcluster_id'])
    raise _unable()


@expose.method(patch=Federation, answers=202, result=types.Identity,
               query=(expose.Parameter('rollback', types.BOOLEAN),))
def patch(call, federation_ident):
    """Refused, unless it changes nothing: no driver builds federations."""
    row = _find(call, federation_ident, rules.UPDATE)
    moved = [change for change in call.changes
             if change.name == 'member_ids' and change.op != 'replace']
    for change in moved:
        _check_member(call, row, change)
    before = {name: getattr(row, name) for name in _STORED}
    after = patches.apply(Federation, [change for change in call.changes
                                       if change not in moved], before)
    changed = patches.differences(before, after)
    refused = changed - {'member_ids', 'properties'}
    if refused:
        raise errors.Invalid(f'Only member_ids and properties of a '
                             f'federation can be changed, not '
                             f'{", ".join(sorted(refused))}.')
    _check_properties(after['properties'])
    if changed or moved:
        raise _unable()
    return {'uuid': row.uuid}


@expose.method(answers=204)
def delete(call, federation_ident):
    """Forget a federation; there is nothing behind it."""
    row = _find(call, federation_ident, rules.DELETE)
    db.write(federations.delete, row.uuid)


def _find(call, ident, rule):
    row = db.read(federations.find, call.context, ident)
    policy.authorize(call.context, rule, {
        'project_id': row.project_id, 'user_id': call.context.user_id})
    return row


def _cluster(call, ident):
    return db.read(clusters.find, call.context, ident)


def _check_properties(properties):
    if 'dns-zone' not in properties:
        raise errors.InvalidParameter('properties',
                                      'it must have a dns-zone.')


def _check_member(call, row, change):
    """Refuse to join who is in, and to part with who is not."""
    if change.keys or not isinstance(change.value, str):
        raise errors.InvalidParameter(
            'member_ids', f'{change.op} takes the uuid of one cluster as its '
                          f'value.')
    uuid = _cluster(call, change.value).uuid
    if change.op == 'add' and uuid in row.member_ids:
        raise errors.Conflict(f'Cluster {uuid} is a member of federation '
                              f'{row.uuid} already.')
    if change.op == 'remove' and uuid not in row.member_ids:
        raise errors.NotFound(f'Member of federation {row.uuid}', uuid)


def _list(call, path, only=None):
    page = paging.page(call)
    rows = db.read(federations.page, call.context, page)
    return paging.body(call, page, 'federations', path,
                       [_show(call, row, only) for row in rows])


def _show(call, row, only=None):
    return types.show(Federation, row, only,
                      links=call.links('federations', row.uuid))


def _unable():
    return errors.NotSupported('Federations are not supported: no cluster '
                               'driver can build one.')
