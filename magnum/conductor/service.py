# SPDX-License-Identifier: Apache-2.0
"""One conductor: its worker, its ear on the bus, and its work by the clock."""

import threading

from oslo_config import cfg
from oslo_log import log

from magnum.certificates import x509
from magnum.conductor import drift
from magnum.conductor import endpoints
from magnum.conductor import health
from magnum.conductor import loops
from magnum.conductor import polls
from magnum.conductor import upkeep
from magnum.conductor import worker
from magnum.db import services
from magnum.db import session as db
from magnum import drivers
from magnum import identity
from magnum import openstack
from magnum import reseal
from magnum import rpc
from magnum import seals

LOG = log.getLogger(__name__)
CONF = cfg.CONF

HEARTBEAT_SECONDS = 60
RECONNECT_SECONDS = 10


class Conductor:
    """Starts and stops as a whole; `stop` returns when all is given back."""

    def __init__(self):
        self._worker = worker.Worker()
        self._pollers = _pollers()
        self._stopped = threading.Event()
        self._server = None
        self._loops = [loops.Loop(name, turn, self._stopped)
                       for name, turn in (('hints', self._listen),
                                          ('heartbeat', self._beat),
                                          ('upkeep', upkeep.purge),
                                          ('warm-up', self._warm_up))]

    def start(self):
        missing = seals.missing()
        if missing:
            LOG.warning(missing)
        x509.keep_keys_ready()
        self._worker.start()
        for each in (*self._loops, *self._pollers):
            each.start()

    def stop(self):
        self._stopped.set()
        for poller in self._pollers:
            poller.stop()
        self._worker.stop()
        if self._server is not None:
            self._server.stop()

    def _listen(self):
        """Hear hints; the library reconnects by itself once it was up."""
        try:
            server = rpc.server(endpoints.Endpoint(self._worker))
            server.start()
        except rpc.UNREACHABLE as e:
            LOG.warning('The message bus is out of reach (%s); new work is '
                        'found by looking for it.', e)
            return RECONNECT_SECONDS
        self._server = server
        return None

    @staticmethod
    def _warm_up():
        """Log in and load what the first cluster would have to wait for."""
        try:
            drivers.names()
            cloud = openstack.service_cloud()
            cloud.has_service('orchestration')
            cloud.heat  # noqa: B018  (loads the client)
            if identity.is_delegating():
                identity.trustee_domain_id()
        except Exception as e:
            # Whoever needs it says so, where a user sees it.
            LOG.warning('Not ready yet to make clusters: %s', e)
        reseal.try_keys()

    def _beat(self):
        self._beat_once()
        return HEARTBEAT_SECONDS

    @staticmethod
    @db.retried
    def _beat_once():
        with db.writer() as session:
            services.beat(session, CONF.host, 'magnum-conductor')


def _pollers():
    """What looks after clusters that nobody is changing."""
    made = []
    if CONF.periodic_enable and CONF.kubernetes.health_polling_interval >= 0:
        made.append(polls.Poller(health.Health(),
                                 CONF.conductor.health_threads))
    if CONF.periodic_enable and CONF.conductor.drift_interval >= 0:
        made.append(polls.Poller(drift.Stacks(), drift.THREADS))
    return made
