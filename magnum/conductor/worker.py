# SPDX-License-Identifier: Apache-2.0
"""Claim operations and run them, so many at once, for as long as it takes.

One thread claims, a pool runs, one thread keeps the leases of what runs.  A
hint over the bus only wakes the claiming thread; without one it looks when
the next wait ends, and every `poll_interval` anyway.  Which of those that wait
get the free slots is said by `shares`.
"""

from concurrent import futures
import os
import socket
import threading
import uuid

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_log import log

from magnum.conductor import loops
from magnum.conductor import shares
from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import runner

LOG = log.getLogger(__name__)
CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('workers', min=0,
               help='How many operations this conductor works on at once; '
                    'default, and with 0: four for each CPU. One in eight, '
                    'at least one, is only for projects that have no '
                    'operation at work here, so that no project can keep '
                    'the others waiting.'),
    cfg.FloatOpt('poll_interval', default=2.0, min=0.1,
                 help='Seconds between two looks of a conductor for work that '
                      'the message bus did not announce.'),
    cfg.IntOpt('lease_seconds', default=30, min=5,
               help='Seconds after which another conductor may take over the '
                    'work of one that no longer renews its lease.'),
]

CONF.register_opts(OPTS, group='conductor')

# Waits that end within so short a time are waited for, not slept through.
MIN_SLEEP_SECONDS = 0.05
IDLE_SECONDS = 0.25

# Beside those of the slots: claims, leases, heartbeat, upkeep, polls and those
# that read certificates for them.
OTHER_CONNECTIONS = 10


def slots() -> int:
    """How many operations a conductor works on at once."""
    return CONF.conductor.workers or 4 * (os.cpu_count() or 1)


class Worker:
    """One conductor's share of the work."""

    def __init__(self):
        self.owner = f'{socket.gethostname()}:{os.getpid()}:' \
                     f'{uuid.uuid4().hex[:8]}'
        self._slots = slots()
        db.expect_connections(self._slots + OTHER_CONNECTIONS)
        self._pool = futures.ThreadPoolExecutor(
            self._slots, thread_name_prefix='operation')
        self._known = {name: kind.step_names
                       for name, kind in registry.KINDS.items()}
        # By id and attempt: what was lost to another conductor, and came
        # back, is another piece of work.
        self._held = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._claims = loops.Loop('claims', self._claim, self._stopping,
                                  self._woken)
        self._leases = loops.Loop('leases', self._renew, self._ended)

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
        self._claims.join(loops.DATABASE_SECONDS)
        self._pool.shutdown(wait=True)
        self._ended.set()
        self._leases.join(loops.DATABASE_SECONDS)

    def _claim(self):
        """Fill the free slots; the seconds until it is worth looking again."""
        chosen = self._chosen()
        for one in chosen:
            if self._stopping.is_set():
                break
            operation = self._claim_one(one)
            if operation is not None:
                self._pool.submit(self._run, operation)
        return self._pause(bool(chosen))

    def _chosen(self):
        held = self._holding()
        if len(held) >= self._slots:
            return []
        with db.reader() as session:
            # As many as there are slots: each project that holds one may be
            # passed over, and those that follow are as many as are free.
            waiting = journal.candidates(
                session, self._known, self._slots,
                but=[operation.id for operation in held])
        return shares.choose(
            waiting, [operation.project_id for operation in held],
            self._slots)

    def _claim_one(self, one):
        """Claim an operation; None: others were faster, or it is illegible."""
        try:
            with db.writer() as session:
                operation = journal.claim(session, one.id, one.attempt,
                                          self.owner,
                                          CONF.conductor.lease_seconds)
        except (db_exception.DBDuplicateEntry, db_exception.DBDeadlock):
            return None
        except db.UNREACHABLE:
            raise
        except Exception:
            # A row that cannot be read must not stop those behind it.
            LOG.exception('Operation number %d cannot be claimed.', one.id)
            runner.set_aside(registry.KINDS, one.id, one.attempt)
            return None
        if operation is None:
            return None
        with self._lock:
            self._held[operation.id, operation.attempt] = operation
        if operation.lapses > 1:
            LOG.info('Took over operation %s (%s of cluster %s).',
                     operation.uuid, operation.kind, operation.cluster_uuid)
        return operation

    def _pause(self, some_were_chosen):
        """Seconds until it is worth looking again."""
        held = self._holding()
        if len(held) >= self._slots:
            return CONF.conductor.poll_interval
        with db.reader() as session:
            seconds = journal.seconds_to_next(
                session, self._known, [operation.id for operation in held])
        if seconds is None:
            return CONF.conductor.poll_interval
        # What is due and was not chosen waits for a slot that its project may
        # have: the end of an operation wakes this thread.
        least = MIN_SLEEP_SECONDS if some_were_chosen else IDLE_SECONDS
        return min(max(seconds, least), CONF.conductor.poll_interval)

    def _holding(self):
        with self._lock:
            return list(self._held.values())

    def _run(self, operation):
        try:
            runner.run(registry.KINDS, operation, self._stopping.is_set)
        finally:
            with self._lock:
                self._held.pop((operation.id, operation.attempt), None)
            self._woken.set()

    def _renew(self):
        for operation in self._holding():
            try:
                with db.writer() as session:
                    journal.renew(session, operation,
                                  CONF.conductor.lease_seconds)
            except journal.LeaseLost:
                # Ended or taken over meanwhile: its own thread finds out.
                LOG.debug('Operation %s has no lease to renew.',
                          operation.uuid)
        return CONF.conductor.lease_seconds / 3
