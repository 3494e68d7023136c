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
from magnum.tests import conducting

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


def record(*names, project='p'):
    for name in names:
        with db.writer() as session:
            session.add(models.Cluster(uuid=name, name=name,
                                       project_id=project,
                                       status='UPDATE_IN_PROGRESS'))
            session.flush()
            journal.record(session, 'dig', name, project_id=project)


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
    assert conducting.claim('dead', lease_seconds=1)
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


def spoil(cluster):
    with db.writer() as session:
        session.execute(sa.text(
            "UPDATE operation SET args = '{' WHERE cluster_uuid = :c"),
            {'c': cluster})


def test_a_row_that_cannot_be_read_stops_nobody(ran, workers):
    record('illegible', *'abcdefg')
    spoil('illegible')
    for each in workers:
        each.start()
    wait_until(lambda: sorted(ran) == list('abcdefg'))
    with db.reader() as session:
        state, lapses = session.execute(
            sa.select(models.Operation.state, models.Operation.lapses)
            .where(models.Operation.cluster_uuid == 'illegible')).one()
    assert state == 'ACTIVE'
    assert lapses > 0
    assert all(each._claims.is_alive() for each in workers)


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def gate(monkeypatch):
    """Steps end when this event is set; `entered` are those that began."""
    gate = threading.Event()
    gate.entered = []

    def dig(work):
        gate.entered.append(work.cluster.name)
        gate.wait(120)

    monkeypatch.setattr(registry, 'KINDS', kinds.table(kinds.Kind(
        name='dig', action='UPDATE', nodegroups=kinds.every_group,
        steps=(kinds.Step('dig', 'digging', dig),))))
    yield gate
    gate.set()


def test_what_is_still_running_is_not_claimed_again(workers, gate):
    record('c')
    workers[0].start()
    wait_until(lambda: gate.entered)
    conducting.make_ready()
    # A turn of the claiming thread that has seen the lapsed lease.
    assert workers[0]._chosen() == []
    assert workers[1]._chosen() != []


def test_a_lease_that_was_lost_and_came_back_is_kept_apart(ran, workers):
    record('c')
    worker = workers[0]
    one, = worker._chosen()
    lost = worker._claim_one(one)
    conducting.make_ready()
    again = worker._claim_one(journal.Candidate(lost.id, lost.attempt, 'p', 1))
    worker._run(lost)
    assert worker._holding() == [again]
    worker._run(again)
    assert worker._holding() == []


def test_a_project_that_waits_gets_a_slot_while_another_has_hundreds(
        workers, gate):
    record(*(f'c{number}' for number in range(20)))
    workers[0].start()
    wait_until(lambda: len(gate.entered) == 2)
    assert len(workers[0]._chosen()) == 0
    record('other', project='q')
    workers[0].wake()
    wait_until(lambda: 'other' in gate.entered)


@pytest.mark.parametrize('size, overflow, expected', [
    (None, None, (5, 85)), (5, 50, (5, 85)), (100, 50, (100, 50)),
    (5, 200, (5, 200)), (0, 50, None), (5, -1, None)])
def test_a_pool_has_room_for_all_slots(workers, size, overflow, expected):
    CONF.set_override('workers', 80, group='conductor')
    CONF.set_override('max_pool_size', size, group='database')
    CONF.set_override('max_overflow', overflow, group='database')
    try:
        worker.Worker()
        pool = db._pool()
    finally:
        CONF.clear_override('max_pool_size', group='database')
        CONF.clear_override('max_overflow', group='database')
        db.expect_connections(0)
    assert pool == ({} if expected is None else dict(
        zip(('max_pool_size', 'max_overflow'), expected, strict=True)))


@pytest.mark.parametrize('unit', [db.reader, db.writer])
def test_an_exhausted_pool_is_an_error_of_the_database(sqlite_database, unit):
    pool = sa.QueuePool(db.engine().raw_connection, pool_size=1,
                        max_overflow=0, timeout=0.1)
    connection = pool.connect()
    with pytest.raises(db.PoolExhausted), unit():  # noqa: PT012
        pool.connect()
    connection.close()
