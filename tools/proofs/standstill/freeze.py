# SPDX-License-Identifier: Apache-2.0
"""What becomes of a conductor whose database stands still for a while."""

import argparse
import contextlib
import os
import pathlib
import signal
import sys
import threading
import time

import sqlalchemy as sa

from tools.proofs import conductors

STEP_SECONDS = 5
END_SECONDS = 300


def processes(dialect):
    """The pids of the database's server, all of them."""
    url = sa.make_url(os.environ[f'MAGNUM_TEST_{dialect.upper()}_URL'])
    if dialect == 'mysql':
        folder = pathlib.Path(url.query['unix_socket']).parent
        return [int((folder / 'mariadb.pid').read_text())]
    record = pathlib.Path(url.query['host']) / 'data' / 'postmaster.pid'
    server = int(record.read_text().split()[0])
    return [server, *children(server)]


def children(parent):
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(')')[2].split()
            if int(fields[1]) == parent:
                yield int(stat.parent.name)


@contextlib.contextmanager
def frozen(dialect):
    pids = processes(dialect)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def measure(dialect, seconds, slots):
    still = threading.Event()

    def begin(work):
        # All slots are at work when the database stops.
        still.wait(END_SECONDS)

    def work(work):
        time.sleep(STEP_SECONDS)

    steps = (('first', begin), ('second', work), ('third', work))
    with conductors.conductor(dialect, steps, slots) as worker:
        # Each is of a project of its own: the last slots are kept for those.
        for number in range(slots):
            conductors.record(worker, f'p{number}', [f'c{number}'])
        deadline = time.monotonic() + END_SECONDS
        while len(worker._holding()) < slots and time.monotonic() < deadline:
            time.sleep(0.1)
        busy = len(worker._holding())
        with frozen(dialect):
            still.set()
            time.sleep(seconds)
        began = time.monotonic()
        states, lapses = {}, 0
        while ((not states or 'ACTIVE' in states)
               and time.monotonic() < began + END_SECONDS):
            time.sleep(1)
            with contextlib.suppress(Exception):
                states = conductors.states()
                lapses = max(lapses, conductors.most_lapses())
        alive = (worker._claims.is_alive(), worker._leases.is_alive())
    good = busy == slots and all(alive) and states == {'DONE': slots}
    print(f'{dialect:10} {busy} of {slots} slots busy, frozen for {seconds} s:'
          f' claims and leases alive {alive}; {states} '
          f'{time.monotonic() - began:.0f} s later; at most {lapses} lapses: '
          f'{"good" if good else "WRONG"}', flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--slots', type=int, default=80)
    options = parser.parse_args()
    conductors.configure()
    results = [measure(dialect, options.seconds, options.slots)
               for dialect in ('mysql', 'postgresql')]
    sys.exit(0 if all(results) else 1)


if __name__ == '__main__':
    main()
