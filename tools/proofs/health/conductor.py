# SPDX-License-Identifier: Apache-2.0
"""One conductor's polls, as a process that counts what they cost.

    python -m tools.proofs.health.conductor DATABASE-URL

Says `ready`, and answers each line that it reads with the counts since the
line before, as JSON; it ends with its input.
"""

import collections
import json
import sys
import threading
import time

from oslo_config import cfg
import sqlalchemy as sa

from magnum.conductor import service
from magnum.db import models
from magnum.db import session as db
from magnum import openstack
from magnum.tests.fakes import heat as heats
from tools.proofs import conductors

CONF = cfg.CONF

INTERVAL = 60

EMPTY = {'heat_template_version': 'wallaby', 'parameters': {}}


class Cloud:
    """A project, of which nothing is known but its stacks."""

    def __init__(self, heat, project_id):
        self.project_id, self.heat = project_id, heat.client(project_id)


def built():
    """Heat with a complete stack for each cluster there is."""
    heat = heats.FakeHeat()
    with db.reader() as session:
        rows = session.execute(sa.select(
            models.Cluster.name, models.Cluster.project_id,
            models.Cluster.stack_id)).all()
    for name, project_id, stack_id in rows:
        stack = heats.FakeStack(project_id, {
            'stack_name': name, 'template': EMPTY, 'parameters': {}})
        stack.id, stack.status = stack_id, 'COMPLETE'
        heat.stacks[stack_id] = stack
    return heat


class Counts:
    """What was done since somebody last asked."""

    def __init__(self, heat, pollers):
        self._heat, self._lock = heat, threading.Lock()
        self._counts, self.most_threads = collections.Counter(), 0
        sa.event.listen(db.engine(), 'after_cursor_execute', self._statement)
        for poller in pollers:
            self._count_looks(poller._errand)

    def _count_looks(self, errand):
        ask = errand.ask

        def counted(task):
            self.add(errand.kind)
            return ask(task)
        errand.ask = counted

    def _statement(self, *arguments):
        self.add('sql')

    def add(self, what):
        with self._lock:
            self._counts[what] += 1

    def taken(self):
        with self._lock:
            counts, self._counts = self._counts, collections.Counter()
        calls = sum(self._heat.calls.values())
        self._heat.calls.clear()
        return {**counts, 'heat': calls, 'threads': self.most_threads}

    def watch_threads(self):
        while True:
            self.most_threads = max(self.most_threads,
                                    threading.active_count())
            time.sleep(0.2)


def main():
    conductors.configure()
    CONF.set_override('connection', sys.argv[1], group='database')
    CONF.set_override('cert_manager_type', 'x509keypair', 'certificates')
    CONF.set_override('encryption_keys', [conductors.SEAL_KEY],
                      'certificates')
    CONF.set_override('drift_interval', INTERVAL, 'conductor')
    CONF.set_override('health_polling_interval', INTERVAL, 'kubernetes')
    heat = built()
    openstack.service_cloud = lambda project_id=None: Cloud(heat, project_id)
    pollers = service._pollers()
    counts = Counts(heat, pollers)
    threading.Thread(target=counts.watch_threads, daemon=True).start()
    for poller in pollers:
        poller.start()
    print('ready', flush=True)
    for _ in sys.stdin:
        print(json.dumps(counts.taken()), flush=True)
    for poller in pollers:
        poller.stop()


if __name__ == '__main__':
    main()
