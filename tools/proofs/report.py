# SPDX-License-Identifier: Apache-2.0
"""How proofs tell what they do, wait, and fail."""

import sys
import time

from tools.minicloud import daemons
from tools.minicloud import settings
from tools.minicloud import tenant

BEGUN = time.monotonic()


class Failed(Exception):
    """Something was not as it must be; the text says what."""


def say(*words):
    print(f'[{time.monotonic() - BEGUN:5.0f} s]', *words, flush=True)


def prove(holds, what):
    if not holds:
        raise Failed(what)
    print(f'   ok    {what}', flush=True)


class Progress:
    """One line that changes on a terminal, a new line per change elsewhere."""

    def __init__(self):
        self.last, self.begun = None, time.monotonic()

    def show(self, text):
        seconds = time.monotonic() - self.begun
        if sys.stdout.isatty():
            print(f'\r\033[K   ...   {seconds:4.0f} s  {text}'[:120],
                  end='', flush=True)
        elif text != self.last:
            print(f'   ...   {seconds:4.0f} s  {text}', flush=True)
        self.last = text

    def end(self):
        if sys.stdout.isatty():
            print()


def wait(demo, uuid, status, seconds=600):
    """Until the cluster has this status; None: until it is gone."""
    progress, end = Progress(), time.monotonic() + seconds
    try:
        while True:
            cluster = demo.cluster(uuid)
            if cluster is None or cluster['status'] == status:
                break
            stack = demo.stack_of(uuid)
            counts = '{} of {} resources'.format(
                *demo.resources(stack)) if stack else 'no stack'
            progress.show(f'{cluster["status"]}, {counts}; '
                          f'{cluster["status_reason"] or ""}')
            if cluster['status'].endswith('_FAILED'):
                raise Failed(f'{cluster["status"]}: '
                             f'{cluster["status_reason"]} '
                             f'{cluster.get("faults") or ""}')
            if time.monotonic() > end:
                raise Failed(f'still {cluster["status"]} after {seconds} s')
            time.sleep(1)
    finally:
        progress.end()
    if (cluster is None) != (status is None):
        raise Failed('the cluster vanished')
    return cluster


def prove_nothing_left(demo, admin, before):
    after = tenant.leftovers(demo, admin)
    for kind, ids in after.items():
        more = sorted(set(ids) - set(before[kind]))
        prove(not more, f'deleted: no {kind} left {more or ""}'.strip())


def report_failures(work):
    """Call it; of a failure say what and show the ends of the logs."""
    try:
        work()
    except KeyboardInterrupt:
        sys.exit(130)
    except (Failed, AssertionError) as e:
        print(f'\n FAILED  {e}', flush=True)
        for name in (*daemons.names(), 'guest'):
            print(f'--- the end of {settings.LOG}/{name}.log')
            print(daemons.log_tail(name))
        sys.exit(1)
