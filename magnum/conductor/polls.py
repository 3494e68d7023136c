# SPDX-License-Identifier: Apache-2.0
"""Look at many things by the clock, so many at once, shared by all conductors.

One thread claims what is due, hands it to a pool of threads that ask, and
writes what they found.  Whatever is asked may be broken, or mean harm, so the
pool has a fixed size, and no more is claimed than it can do before the claims
end.  A thing that hangs costs one thread its time limit, and the others
nothing.
"""

import abc
from collections.abc import Collection
from collections.abc import Mapping
from concurrent import futures
import os
import socket
import threading
import time
from typing import Any
import uuid

from oslo_config import cfg
from oslo_log import log

from magnum.conductor import loops
from magnum.conductor import options  # noqa: F401  (registers what is read)
from magnum.db import polls
from magnum.db import session as db
from magnum import errors

LOG = log.getLogger(__name__)
CONF = cfg.CONF

# How often to look whether there are others to be looked at.
ENROL_SECONDS = 30

# Between two turns while something is being asked.
TURN_SECONDS = 1.0

# What waits for a thread, for each thread.
AHEAD = 2


class Errand(abc.ABC):
    """What is to be looked at, and how.

    `kind` is the word of the claims, `seconds` how long `ask` may take.
    """

    kind: str
    seconds: float

    @abc.abstractmethod
    def interval(self) -> float:
        """Seconds between two looks."""

    @abc.abstractmethod
    def wanted(self) -> set[str]:
        """All subjects there are."""

    @abc.abstractmethod
    def load(self, subjects: Collection[str]) -> Mapping[str, Any]:
        """What `ask` has to know, by subject; without it, it is not asked."""

    @abc.abstractmethod
    def ask(self, task: Any) -> Any:
        """Look, in a thread of the pool; it writes nothing.

        :raises MagnumError: it cannot be known now.
        """

    @abc.abstractmethod
    def write(self, task: Any, found: Any, owner: str) -> None:
        """Store what `ask` returned, if anything changed."""


class Poller:
    """One conductor's share of an errand."""

    def __init__(self, errand: Errand, threads: int):
        self.owner = f'{socket.gethostname()}:{os.getpid()}:' \
                     f'{uuid.uuid4().hex[:8]}'
        self._errand, self._room = errand, threads * AHEAD
        self._lease = errand.seconds * (AHEAD + 2)
        self._pool = futures.ThreadPoolExecutor(
            threads, thread_name_prefix=errand.kind)
        self._asked: dict[str, tuple[Any, futures.Future]] = {}
        self._enrolled = 0.0
        self._stopped = threading.Event()
        self._loop = loops.Loop(errand.kind, self.turn, self._stopped)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Claim nothing more, and leave to others what was not asked yet."""
        self._stopped.set()
        self._loop.join(loops.DATABASE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._asked and not self._loop.is_alive():
            last = loops.Loop(f'end of {self._errand.kind}', self._give_back,
                              threading.Event())
            last.start()
            last.join(loops.DATABASE_SECONDS)

    def _give_back(self) -> None:
        polls.finish(self._errand.kind, self._asked, self.owner, 0)

    def turn(self) -> float:
        """Write, claim, and have asked; the seconds until the next turn."""
        self._collect()
        now = time.monotonic()
        if not self._enrolled or now > self._enrolled + ENROL_SECONDS:
            polls.enrol(self._errand.kind, self._errand.wanted())
            self._enrolled = now
        self._claim()
        if self._asked:
            return TURN_SECONDS
        with db.reader() as session:
            seconds = polls.seconds_to_next(session, self._errand.kind)
        longest = min(ENROL_SECONDS, CONF.periodic_interval_max)
        return longest if seconds is None else min(
            max(seconds, TURN_SECONDS), longest)

    def _claim(self) -> None:
        room = self._room - len(self._asked)
        if room <= 0:
            return
        until = time.monotonic() + self._lease - self._errand.seconds
        subjects = polls.claim(self._errand.kind, room, self.owner,
                               max(self._lease, self._errand.interval()),
                               but=list(self._asked))
        if not subjects:
            return
        tasks = self._load(subjects)
        for subject, task in tasks.items():
            self._asked[subject] = task, self._pool.submit(
                self._ask, task, until)
        self._finish(set(subjects) - set(tasks))

    def _load(self, subjects: Collection[str]) -> Mapping[str, Any]:
        try:
            return self._errand.load(subjects)
        except ValueError:
            if len(subjects) == 1:
                LOG.warning('The %s of %s is not looked at: its row cannot '
                            'be read.', self._errand.kind, *subjects)
                return {}
        # A row that cannot be read must not stop the others.
        return {subject: task for one in subjects
                for subject, task in self._load([one]).items()}

    def _ask(self, task: Any, until: float) -> Any:
        if time.monotonic() > until:
            # The claim ends before this would.
            return None
        return self._errand.ask(task)

    def _collect(self) -> None:
        """Store what is known by now."""
        done = [subject for subject, (_, future) in self._asked.items()
                if future.done()]
        unknown: dict[str, int] = {}
        for subject in done:
            task, future = self._asked.pop(subject)
            error = future.exception()
            if isinstance(error, errors.MagnumError):
                text = str(error)
                unknown[text] = unknown.get(text, 0) + 1
            elif error is not None:
                LOG.error('Looking at the %s of %s met a bug.',
                          self._errand.kind, subject, exc_info=error)
            elif future.result() is not None:
                self._errand.write(task, future.result(), self.owner)
        self._finish(done)
        for text, count in list(unknown.items())[:5]:
            LOG.warning('The %s of %d is not known now: %s',
                        self._errand.kind, count, text)

    def _finish(self, subjects: Collection[str]) -> None:
        if subjects:
            polls.finish(self._errand.kind, subjects, self.owner,
                         self._errand.interval())
