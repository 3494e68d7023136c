# SPDX-License-Identifier: Apache-2.0
"""The processes of this service, as their heartbeats show them."""

from oslo_config import cfg

from magnum.api import expose
from magnum.api import types
from magnum.db import models
from magnum.db import services
from magnum.db import session as db
from magnum.policies import service as rules
from magnum import policy

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('service_down_time', default=180,
               help='A service whose last heartbeat is older than this many '
                    'seconds is shown as down.'),
]

CONF.register_opts(OPTS)


class Service(types.Resource):
    id = types.Attribute(types.COUNT, write=types.READONLY, never_null=True)
    host = types.Attribute(types.STRING, write=types.READONLY, never_null=True)
    binary = types.Attribute(types.STRING, write=types.READONLY,
                             never_null=True)
    state = types.Attribute(types.Enum('up', 'down'), write=types.READONLY,
                            never_null=True)
    report_count = types.Attribute(types.COUNT, write=types.READONLY,
                                   never_null=True)
    disabled = types.Attribute(types.BOOLEAN, write=types.READONLY,
                               never_null=True)
    disabled_reason = types.Attribute(types.STRING, write=types.READONLY)
    created_at = types.Attribute(types.TIME, write=types.READONLY,
                                 never_null=True)
    updated_at = types.Attribute(types.TIME, write=types.READONLY)


@expose.method(result=[Service])
def get_all(call):
    """List the conductors."""
    policy.authorize(call.context, rules.GET_ALL)
    rows = db.read(services.every)
    return {'mservices': [types.show(Service, row, state=_state(row))
                          for row in rows]}


def _state(row):
    beat = row.last_seen_up or row.updated_at or row.created_at
    if row.forced_down or beat is None:
        return 'down'
    # A clock that runs ahead of ours is as bad as one that stands still.
    age = abs((models.utcnow() - beat).total_seconds())
    return 'up' if age <= CONF.service_down_time else 'down'
