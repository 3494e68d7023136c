# SPDX-License-Identifier: Apache-2.0
"""All options of this service, for oslo-config-generator.

They are declared in the modules that use them.  A new list must be named
here; a test finds the one that was forgotten.
"""

from keystoneauth1 import loading

from magnum import accounts
from magnum.api import options as api_options
from magnum.api import paging
from magnum.api import services
from magnum.certificates import stores
from magnum.certificates import x509
from magnum.conductor import drift
from magnum.conductor import health
from magnum.conductor import options as periodic
from magnum.conductor import upkeep
from magnum.conductor import worker
from magnum.db import session
from magnum.drivers import options
from magnum import identity
from magnum.openstack import options as client_options
from magnum import quota
from magnum import rpc
from magnum import seals


def list_opts():
    """Pairs of group and options; a group may come more than once."""
    return [
        (None, session.STATE_OPTS),
        (None, rpc.HOST_OPTS),
        (None, services.OPTS),
        (None, identity.PASSWORD_OPTS),
        (None, periodic.OPTS),
        ('api', api_options.OPTS),
        ('api', paging.OPTS),
        ('conductor', rpc.OPTS),
        ('conductor', worker.OPTS),
        ('conductor', health.OPTS),
        ('conductor', drift.OPTS),
        ('quotas', quota.OPTS),
        ('certificates', stores.OPTS),
        ('x509', x509.OPTS),
        ('trust', [*identity.TRUST_OPTS, *accounts.OPTS]),
        ('certificates', seals.CERTIFICATES_OPTS),
        ('journal', seals.JOURNAL_OPTS),
        ('journal', upkeep.OPTS),
        *options.OPTS.items(),
        *client_options.OPTS.items(),
        (client_options.AUTH_GROUP, client_options.AUTH_OPTS),
        # Those of the usual plugin; others bring their own.
        (client_options.AUTH_GROUP,
         loading.get_auth_plugin_conf_options('password')),
    ]
