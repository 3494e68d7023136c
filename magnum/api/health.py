# SPDX-License-Identifier: Apache-2.0
"""What `/healthcheck` may look at beside a file: the database and the bus.

Backends of oslo.middleware's health check, named in [healthcheck] backends:
`magnum_database` and `magnum_bus`.  Whoever asks needs no token, so that many
questions come to one look, and one that hangs keeps nobody waiting for long.
"""

import abc
import threading
import time

from oslo_log import log
from oslo_middleware.healthcheck import pluginbase

from magnum.db import clock
from magnum.db import session as db
from magnum import rpc

LOG = log.getLogger(__name__)

# How long a finding is good for, and how long a look may take.
FRESH_SECONDS = 2
LOOK_SECONDS = 5


class _Look:
    """One look in a thread of its own, which may hang."""

    def __init__(self, look):
        self._look = look
        self._begun = time.monotonic()
        self._ended = threading.Event()
        self._error = None
        threading.Thread(target=self._run, name='health', daemon=True).start()

    def _run(self):
        try:
            self._look()
        except Exception as e:
            # Whatever it is, the thing cannot be used.
            self._error = type(e).__name__
            LOG.debug('A health check failed.', exc_info=True)
        self._ended.set()

    def is_stale(self):
        """Whether it has ended so long ago that another one is due."""
        return (self._ended.is_set()
                and time.monotonic() - self._begun > FRESH_SECONDS)

    def error(self):
        """What went wrong, in a word; None: nothing."""
        left = self._begun + LOOK_SECONDS - time.monotonic()
        if not self._ended.wait(max(left, 0)):
            return 'no answer in time'
        return self._error


class _Backend(pluginbase.HealthcheckBaseExtension):
    """Looks when it is asked, but never twice at a time."""

    name = ''

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._lock = threading.Lock()
        self._last = None

    @abc.abstractmethod
    def look(self):
        """Use the thing, or raise."""

    def healthcheck(self, server_port):
        with self._lock:
            if self._last is None or self._last.is_stale():
                self._last = _Look(self.look)
            last = self._last
        error = last.error()
        if error is None:
            return pluginbase.HealthcheckResult(available=True, reason='OK')
        return pluginbase.HealthcheckResult(
            available=False, reason=f'{self.name} OUT OF REACH',
            details=error)


class Database(_Backend):
    """Whether this process reaches the database."""

    name = 'DATABASE'

    def look(self):
        with db.reader() as session:
            clock.now(session)


class Bus(_Backend):
    """Whether this process reaches the message bus."""

    name = 'MESSAGE BUS'

    def look(self):
        rpc.try_bus()
