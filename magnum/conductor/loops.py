# SPDX-License-Identifier: Apache-2.0
"""Threads of a conductor that take one turn after the other, for ever.

A turn that fails is logged and the next one comes after a pause: no error, of
the database or of our own, may leave a conductor that looks alive and does
nothing.  Should a loop end in spite of that, the process ends with it, so
that whoever supervises it starts another.
"""

from collections.abc import Callable
import os
import threading

from oslo_log import log

from magnum.db import session as db

LOG = log.getLogger(__name__)

# After a turn that failed.
PAUSE_SECONDS = 2.0

# How long stopping waits for a thread that may hang in the database: what it
# would have written there, the end of the leases makes good.
DATABASE_SECONDS = 5

EXIT_STATUS = 70  # EX_SOFTWARE


class Loop:
    """A thread that calls `turn`, waits as long as that says, and so on.

    :param turn: returns the seconds until the next one; None: it was the
        last.
    :param stopped: no turn begins once it is set.
    :param woken: ends a wait early; default: `stopped`.
    """

    def __init__(self, name: str, turn: Callable[[], float | None],
                 stopped: threading.Event,
                 woken: threading.Event | None = None):
        self._name, self._turn = name, turn
        self._stopped, self._woken = stopped, woken or stopped
        self._thread = threading.Thread(target=self._run, name=name,
                                        daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        done = False
        try:
            while not done and not self._stopped.is_set():
                if self._woken is not self._stopped:
                    self._woken.clear()
                seconds = self._survive()
                done = seconds is None
                if seconds:
                    self._woken.wait(seconds)
        finally:
            if not done and not self._stopped.is_set():
                end_process(self._name)

    def _survive(self) -> float | None:
        try:
            return self._turn()
        except db.UNREACHABLE as e:
            LOG.warning('The database is out of reach of %s (%s).',
                        self._name, type(e).__name__)
        except Exception:
            # Whatever it is, the next turn may go well.
            LOG.exception('%s failed; it continues in %.0f s.', self._name,
                          PAUSE_SECONDS)
        return PAUSE_SECONDS


def end_process(name: str) -> None:
    """End this process, as something has that it cannot be without."""
    LOG.critical('The loop of %s has ended: this process ends, so that '
                 'another can be started.', name)
    os._exit(EXIT_STATUS)
