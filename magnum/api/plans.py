# SPDX-License-Identifier: Apache-2.0
"""Dry runs: what a request would do, told instead of done."""

import dataclasses

from magnum.api import expose
from magnum.api import types
from magnum import openstack
from magnum.operations import plans
from magnum.operations import verdicts

DRY_RUN = expose.Parameter('dry_run', types.BOOLEAN, False)

# Of a specification: keys, logins, and what does not outlive the request.
_HIDDEN = {'trust', 'authorities', 'access', 'public_key', 'gives_trusts'}

_COUNTS = {'type': 'object', 'additionalProperties': {'type': 'integer'}}
_TEXTS = {'type': 'array', 'items': {'type': 'string'}}

# Several limits of different services have the same shape.
_QUOTA = {
    'type': 'object',
    'properties': {
        'service': {'type': 'string'},
        'resource': {'type': 'string'},
        'needed': {'type': 'integer'},
        'used': {'type': ['integer', 'null']},
        'limit': {'type': ['integer', 'null'],
                  'description': 'Null where there is none, or none is '
                                 'known.'},
        'verdict': {'enum': [verdicts.SUFFICIENT, verdicts.EXCEEDED,
                             verdicts.UNKNOWN]}},
    'required': ['service', 'resource', 'needed', 'used', 'limit', 'verdict'],
    'additionalProperties': False}

RESULT = {
    'type': 'object',
    'properties': {
        'operation': {'type': 'string'},
        'cluster': {
            'type': 'object',
            'description': 'The cluster as it would be, with all defaults.'},
        'changes': {
            'type': 'object',
            'description': 'Old and new values, by the uuid of a cluster or '
                           'nodegroup and the name of an attribute.',
            'additionalProperties': {
                'type': 'object', 'additionalProperties': {
                    'type': 'array', 'minItems': 2, 'maxItems': 2}}},
        'labels': {'type': 'object',
                   'additionalProperties': {'type': 'string'}},
        'resources': _COUNTS | {
            'description': 'How many would be made, by kind; negative: how '
                           'many would go.'},
        'quota': {'type': 'array', 'items': _QUOTA},
        'warnings': _TEXTS},
    'required': ['operation', 'cluster', 'changes', 'labels', 'resources',
                 'quota', 'warnings'],
    'additionalProperties': False}


def show(call, wish, room=None):
    """The answer to a dry run of a wish.

    :param room: what the project's quota of clusters leaves, where the wish
        takes of it.
    """
    plan = plans.of(wish)
    call.status = 200
    return {'operation': plan.kind, 'cluster': _cluster(plan),
            'changes': plan.changes, 'labels': dict(plan.labels),
            'resources': dict(plan.resources),
            'quota': [dataclasses.asdict(one)
                      for one in _quotas(call, plan, room)],
            'warnings': list(dict.fromkeys([*call.warned, *plan.warnings]))}


def _quotas(call, plan, room):
    own = [verdicts.verdict('container-infra', 'clusters', 1, room.taken,
                            room.limit)] if room else []
    return own + verdicts.of(openstack.request_cloud(call.context), plan)


def _cluster(plan):
    """The specification, without what nobody else will ever see."""
    known = plan.before.nodegroups if plan.before else ()
    uuids = {group.uuid for group in known}
    told = dataclasses.asdict(plan.after)
    for name in _HIDDEN:
        del told[name]
    if plan.before is None:
        told['uuid'] = None
    for group in told['nodegroups']:
        if group['uuid'] not in uuids:
            group['uuid'] = None
    return told
