# SPDX-License-Identifier: Apache-2.0
"""All options of this service, for oslo-config-generator.

They are declared in the modules that use them.  A new list must be named
here; a test finds the one that was forgotten.
"""

from magnum.api import app
from magnum.api import paging
from magnum.conductor import worker
from magnum.db import session
from magnum.drivers import options
from magnum import quota
from magnum import rpc


def list_opts():
    """Pairs of group and options; a group may come more than once."""
    return [
        (None, session.STATE_OPTS),
        (None, rpc.HOST_OPTS),
        ('api', app.OPTS),
        ('api', paging.OPTS),
        ('conductor', rpc.OPTS),
        ('conductor', worker.OPTS),
        ('quotas', quota.OPTS),
        *options.OPTS.items(),
    ]
