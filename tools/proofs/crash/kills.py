# SPDX-License-Identifier: Apache-2.0
"""Kill conductors, and see that every wish comes true; `run` says more."""

import argparse
import contextlib
import os
import random
import signal
import threading
import time

from tools.minicloud import daemons
from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import tenant
from tools.proofs import report

CONDUCTORS = ('magnum-conductor', 'magnum-conductor-2')


class Killer(threading.Thread):
    """Kills one of the conductors every now and then, and starts it again."""

    def __init__(self, dice):
        super().__init__(daemon=True)
        self.dice, self.kills, self.ended = dice, 0, threading.Event()

    def run(self):
        # Short pauses hit the first steps, long ones the waits for Heat.
        while not self.ended.wait(self.dice.choice((0.3, 0.7, 1.5, 3, 6))):
            name = self.dice.choice(CONDUCTORS)
            kill(name)
            self.kills += 1
            self.ended.wait(self.dice.uniform(0, 2))
            daemons.start_conductor(name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()


def kill(name):
    pid = processes.running(name)
    for member in processes.session(pid) if pid else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    while processes.running(name):
        time.sleep(0.01)


@contextlib.contextmanager
def broker_paused():
    """RabbitMQ is there, and says nothing: the worst of its ways to fail."""
    members = processes.session(processes.running('rabbitmq'))
    for pid in members:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in members:
            os.kill(pid, signal.SIGCONT)


def wait_all(demo, uuids, status, seconds=900):
    """Until all have this status; None: until all are gone."""
    progress, end = report.Progress(), time.monotonic() + seconds
    while True:
        clusters = {u: demo.cluster(u) for u in uuids}
        states = [c and c['status'] for c in clusters.values()]
        progress.show(', '.join(f'{states.count(s)} {s or "gone"}'
                                for s in sorted(set(states), key=str)))
        failed = [c for c in clusters.values()
                  if c and c['status'].endswith('FAILED')]
        if failed:
            raise report.Failed(f'{failed[0]["status"]}: '
                               f'{failed[0]["status_reason"]}')
        if set(states) == {status}:
            progress.end()
            return
        if time.monotonic() > end:
            raise report.Failed(f'not {status} after {seconds} s: {states}')
        time.sleep(1)


def round_of_kills(demo, template, dice, count):
    with Killer(dice) as killer:
        uuids = [demo.create(f'crash-{n}', template, node_count=1)
                 for n in range(count)]
        wait_all(demo, uuids, 'CREATE_COMPLETE')
        report.prove(True, f'{count} clusters created through '
                          f'{killer.kills} kills')
        for uuid in uuids:
            demo.resize(uuid, 2)
        wait_all(demo, uuids, 'UPDATE_COMPLETE')
        report.prove(True, f'resized, {killer.kills} kills so far')
        one_stack_each(demo, uuids)
        for uuid in uuids:
            demo.delete(uuid)
        wait_all(demo, uuids, None)
        report.prove(True, f'deleted, {killer.kills} kills so far')


def delete_at_once(demo, template, dice, count):
    """Deletes that arrive while the create is still under way."""
    with Killer(dice) as killer:
        uuids = []
        for number in range(count):
            uuids.append(demo.create(f'crash-{number}', template,
                                     node_count=1))
            time.sleep(dice.uniform(0, 4))
            demo.delete(uuids[-1])
        wait_all(demo, uuids, None)
        report.prove(True, f'{count} clusters deleted amid their create, '
                          f'{killer.kills} kills')


def one_stack_each(demo, uuids):
    owners = [tenant.cluster_of(s) for s in demo.stacks().values()]
    report.prove(all(owners.count(u) == 1 for u in uuids),
                'each cluster has one stack')


def without_broker(demo, template):
    with broker_paused():
        begun = time.monotonic()
        uuid = demo.create('crash-mute', template, node_count=1)
        seconds = time.monotonic() - begun
        report.prove(seconds < 10 and demo.cluster(uuid),
                    f'broker mute: POST answered in {seconds:.1f} s and the '
                    'cluster can be read')
        time.sleep(5)
    wait_all(demo, [uuid], 'CREATE_COMPLETE')
    report.prove(True, 'and the cluster gets built')
    demo.delete(uuid)
    wait_all(demo, [uuid], None)


def configure(store, **more):
    daemons.configure(store, conductor={'lease_seconds': 5}, **more)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--clusters', type=int, default=3)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--barbican', action='store_true')
    args = parser.parse_args()
    dice = random.Random(args.seed)
    store = 'barbican' if args.barbican else 'x509keypair'
    report.say(f'Seed {args.seed}')
    configure(store)
    daemons.migrate()
    daemons.stop()
    daemons.start(*CONDUCTORS)
    demo, admin = tenant.Tenant('demo'), tenant.Tenant('admin')
    template = demo.template('crash')
    before = tenant.leftovers(demo, admin)

    for number in range(args.rounds):
        report.say(f'Round {number + 1}: conductors are killed')
        round_of_kills(demo, template, dice, args.clusters)
        delete_at_once(demo, template, dice, args.clusters)
        report.prove_nothing_left(demo, admin, before)
    report.say('The broker does not answer')
    without_broker(demo, template)
    report.say('There is no broker at all')
    daemons.stop()
    configure(store, DEFAULT={'transport_url': 'rabbit://127.0.0.1:1/'})
    daemons.start(*CONDUCTORS)
    uuid = demo.create('crash-lone', template, node_count=1)
    wait_all(demo, [uuid], 'CREATE_COMPLETE')
    report.prove(True, 'the conductors find the work by themselves')
    demo.delete(uuid)
    wait_all(demo, [uuid], None)
    report.prove_nothing_left(demo, admin, before)
    active = services.sql("SELECT count(*) FROM operation "
                          "WHERE state = 'ACTIVE'", 'magnum')
    report.prove(active == [['0']], 'no operation is left open')
    demo.call('DELETE', f'/v1/clustertemplates/{template}')
    report.say('All of it holds.')


if __name__ == '__main__':
    report.report_failures(main)
