# SPDX-License-Identifier: Apache-2.0
"""Workers that claim from one journal, as conductors do."""

import threading
import time

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.conductor import worker
from magnum.db import models
from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import registry

CONF = cfg.CONF


@pytest.fixture
def ran(monkeypatch):
    """The cluster names of the steps that ran, in order."""
    names, lock = [], threading.Lock()

    def dig(work):
        with lock:
            names.append(work.cluster.name)
        if work.cluster.name == 'slow' and names.count('slow') < 3:
            return kinds.Again(0)
        return None

    monkeypatch.setattr(registry, 'KINDS', kinds.table(kinds.Kind(
        name='dig', action='UPDATE', nodegroups=kinds.every_group,
        steps=(kinds.Step('dig', 'digging', dig),))))
    return names


@pytest.fixture
def workers(database, ran):
    CONF.set_override('poll_interval', 0.1, group='conductor')
    CONF.set_override('workers', 3, group='conductor')
    made = [worker.Worker(), worker.Worker()]
    yield made
    for each in made:
        each.stop()
    CONF.clear_override('poll_interval', group='conductor')
    CONF.clear_override('workers', group='conductor')


def record(*names):
    for name in names:
        with db.writer() as session:
            session.add(models.Cluster(uuid=name, name=name, project_id='p',
                                       status='UPDATE_IN_PROGRESS'))
            session.flush()
            journal.record(session, 'dig', name)


def wait_until_done(seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with db.reader() as session:
            states = set(session.scalars(sa.select(models.Operation.state)))
        if states == {'DONE'}:
            return
        time.sleep(0.05)
    raise AssertionError(f'operations are still {states}')


def test_each_operation_is_done_once_whoever_claims_it(ran, workers):
    names = [f'c{number}' for number in range(12)]
    record(*names)
    for each in workers:
        each.start()
    wait_until_done()
    assert sorted(ran) == sorted(names)


def test_what_waits_is_looked_at_again(ran, workers):
    record('slow')
    workers[0].start()
    wait_until_done()
    assert ran == ['slow'] * 3


def test_the_work_of_a_dead_conductor_is_taken_over(ran, workers):
    record('c')
    with db.writer() as session:
        (operation_id, attempt), = journal.ready(session, ['dig'])
        journal.claim(session, operation_id, attempt, 'dead', 1)
    workers[1].start()
    time.sleep(0.3)
    assert ran == []
    wait_until_done()
    assert ran == ['c']


def test_a_hint_spares_the_wait_for_the_poll(ran, workers):
    CONF.set_override('poll_interval', 60, group='conductor')
    workers[0].start()
    time.sleep(0.3)
    record('c')
    workers[0].wake()
    wait_until_done(5)
    assert ran == ['c']


def test_a_stopped_worker_takes_nothing_new(ran, workers):
    workers[0].start()
    workers[0].stop()
    record('c')
    workers[0].wake()
    time.sleep(0.3)
    assert ran == []


def test_leases_are_kept_while_a_step_runs(ran, workers, monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    def dig(work):
        started.set()
        go_on.wait(10)

    monkeypatch.setattr(registry, 'KINDS', kinds.table(kinds.Kind(
        name='dig', action='UPDATE', nodegroups=kinds.every_group,
        steps=(kinds.Step('dig', 'digging', dig),))))
    CONF.set_override('lease_seconds', 5, group='conductor')
    record('c')
    workers[0].start()
    assert started.wait(5)
    with db.reader() as session:
        first = session.scalar(sa.select(models.Operation.not_before))
    time.sleep(2.2)
    with db.reader() as session:
        later = session.scalar(sa.select(models.Operation.not_before))
    go_on.set()
    CONF.clear_override('lease_seconds', group='conductor')
    assert later > first
    wait_until_done()
