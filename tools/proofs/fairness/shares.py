# SPDX-License-Identifier: Apache-2.0
"""How soon a newcomer is served beside a project that waits by the hundred."""

import argparse
import sys
import threading
import time

from magnum import errors
from magnum.operations import kinds
from tools.proofs import conductors

SLOTS = 8
CALL_SECONDS = 0.05
HANG_SECONDS = 30


class Heat:
    """Stacks that are never done, by calls that answer or hang."""

    def __init__(self, hangs):
        self.hangs, self.over = hangs, threading.Event()
        self.seen, self.came = {}, threading.Event()

    def call(self, work):
        self.seen[work.cluster.name] = self.seen.get(work.cluster.name, 0) + 1
        if work.cluster.name == 'newcomer':
            self.came.set()
        self.over.wait(HANG_SECONDS if self.hangs else CALL_SECONDS)
        if self.hangs:
            raise errors.ServiceUnavailable('Heat does not answer')

    def apply(self, work):
        self.call(work)

    def settle(self, work):
        self.call(work)
        return kinds.Again(0.5, 'in progress')


def measure(dialect, creates, hangs, limit):
    heat = Heat(hangs)
    steps = (('apply', heat.apply), ('settle', heat.settle))
    with conductors.conductor(dialect, steps, SLOTS) as worker:
        conductors.record(worker, 'many',
                          [f'c{number}' for number in range(creates)])
        # The conductor has its hands full.
        time.sleep(10)
        began = time.monotonic()
        conductors.record(worker, 'one', ['newcomer'])
        served = heat.came.wait(limit * 3)
        took = time.monotonic() - began
        turns = sum(heat.seen.values())
        heat.over.set()
    good = served and took <= limit
    print(f'{dialect:10} {creates} creates, Heat '
          f'{"hangs" if hangs else "answers"}: first step after {took:.2f} s '
          f'(at most {limit} s); {turns} turns, {len(heat.seen)} clusters '
          f'seen: {"good" if good else "TOO LATE"}', flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--creates', type=int, default=300)
    creates = parser.parse_args().creates
    conductors.configure()
    results = [measure(dialect, creates, hangs, limit)
               for dialect in ('mysql', 'postgresql')
               for hangs, limit in ((False, 3), (True, 40))]
    sys.exit(0 if all(results) else 1)


if __name__ == '__main__':
    main()
