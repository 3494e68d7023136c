# SPDX-License-Identifier: Apache-2.0
"""Claim operations and run them, so many at once, for as long as it takes.

One thread claims, a pool runs, one thread keeps the leases of what runs.  A
hint over the bus only wakes the claiming thread; without one it looks when
the next wait ends, and every `poll_interval` anyway.
"""

from concurrent import futures
import os
import socket
import threading
import uuid

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_log import log

from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import runner

LOG = log.getLogger(__name__)
CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('workers', min=0,
               help='How many operations this conductor works on at once; '
                    'default, and with 0: four for each CPU.'),
    cfg.FloatOpt('poll_interval', default=2.0, min=0.1,
                 help='Seconds after which a conductor looks for work that '
                      'no hint told it of.'),
    cfg.IntOpt('lease_seconds', default=30, min=5,
               help='Seconds after which another conductor may take over the '
                    'work of one that gives no sign of life.'),
]

CONF.register_opts(OPTS, group='conductor')

# Waits that end within so short a time are waited for, not slept through.
MIN_SLEEP_SECONDS = 0.05


class Worker:
    """One conductor's share of the work."""

    def __init__(self):
        self.owner = f'{socket.gethostname()}:{os.getpid()}:' \
                     f'{uuid.uuid4().hex[:8]}'
        self._slots = CONF.conductor.workers or 4 * (os.cpu_count() or 1)
        self._pool = futures.ThreadPoolExecutor(
            self._slots, thread_name_prefix='operation')
        self._kinds = list(registry.KINDS)
        self._held = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._claims = threading.Thread(target=self._claim_loop,
                                        name='claims')
        self._leases = threading.Thread(target=self._renew_loop,
                                        name='leases', daemon=True)

    def start(self):
        self._claims.start()
        self._leases.start()
        LOG.info('Working on up to %d operations at once as %s.',
                 self._slots, self.owner)

    def wake(self):
        """There may be new work: look now."""
        self._woken.set()

    def stop(self):
        """Take nothing new, end the running steps, give the leases back."""
        self._stopping.set()
        self._woken.set()
        if self._claims.is_alive():
            self._claims.join()
        self._pool.shutdown(wait=True)
        self._ended.set()

    def _claim_loop(self):
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                for operation in self._claim():
                    self._pool.submit(self._run, operation)
                pause = self._pause()
            except db_exception.DBError as e:
                LOG.warning('The database is out of reach: %s',
                            type(e).__name__)
                pause = CONF.conductor.poll_interval
            self._woken.wait(pause)

    def _pause(self):
        """Seconds until it is worth looking again."""
        if self._free() == 0:
            return CONF.conductor.poll_interval
        with db.reader() as session:
            seconds = journal.seconds_to_next(session, self._kinds)
        if seconds is None:
            return CONF.conductor.poll_interval
        return min(max(seconds, MIN_SLEEP_SECONDS),
                   CONF.conductor.poll_interval)

    def _free(self):
        with self._lock:
            return self._slots - len(self._held)

    def _claim(self):
        """Claim as many operations as there are free slots."""
        free = self._free()
        if not free:
            return
        with db.reader() as session:
            ready = journal.ready(session, self._kinds, free)
        for operation_id, attempt in ready:
            try:
                with db.writer() as session:
                    operation = journal.claim(
                        session, operation_id, attempt, self.owner,
                        CONF.conductor.lease_seconds)
            except db_exception.DBDuplicateEntry:
                continue
            if operation is not None:
                with self._lock:
                    self._held[operation.id] = operation
                if operation.lapses > 1:
                    LOG.info('Took over operation %s (%s of cluster %s).',
                             operation.uuid, operation.kind,
                             operation.cluster_uuid)
                yield operation

    def _run(self, operation):
        try:
            runner.run(operation, self._stopping.is_set)
        finally:
            with self._lock:
                del self._held[operation.id]
            self._woken.set()

    def _renew_loop(self):
        while not self._ended.wait(CONF.conductor.lease_seconds / 3):
            with self._lock:
                held = list(self._held.values())
            for operation in held:
                self._renew(operation)

    def _renew(self, operation):
        try:
            with db.writer() as session:
                journal.renew(session, operation,
                              CONF.conductor.lease_seconds)
        except journal.LeaseLost:
            # Ended or taken over meanwhile: its own thread finds out.
            LOG.debug('Operation %s has no lease to renew.', operation.uuid)
        except db_exception.DBError as e:
            LOG.warning('Could not renew a lease: %s', type(e).__name__)
