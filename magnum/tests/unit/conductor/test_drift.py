# SPDX-License-Identifier: Apache-2.0
"""Stacks that vanish or fail while nobody is changing their clusters."""

import datetime
import threading
import time

from heatclient import exc
import pytest
import sqlalchemy as sa

from magnum.conductor import drift
from magnum.conductor import polls
from magnum.db import clusters
from magnum.db import models
from magnum.db import polls as claims
from magnum.db import session as db
from magnum.tests import asking
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds

LONG_AGO = datetime.datetime(2000, 1, 1)


@pytest.fixture
def world(database, monkeypatch):
    with worlds.configured():
        world = worlds.build(monkeypatch)
        asking.create(world, 'c')
        conducting.work()
        world.heat.auto = False
        yield world


@pytest.fixture
def poller():
    made = polls.Poller(drift.Stacks(), 2)
    yield made
    made.stop()


def look(poller):
    """Have all looked at, and wait until it is written."""
    with db.writer() as session:
        session.execute(sa.update(models.Poll)
                        .where(models.Poll.kind == claims.STACKS)
                        .values(next_at=LONG_AGO))
    poller._enrolled = 0
    poller.turn()
    until = time.monotonic() + 30
    while poller._asked and time.monotonic() < until:
        time.sleep(0.02)
        poller._collect()


def condition():
    with db.reader() as session:
        row = session.scalar(sa.select(models.Condition))
        return row and (row.status, row.code)


def statuses():
    cluster = worlds.cluster()
    return {cluster.status, *(group.status for group in cluster.nodegroups)}


def test_a_stack_that_is_well_is_found_so(world, poller):
    look(poller)
    assert condition() == ('True', 'OK')
    assert statuses() == {'CREATE_COMPLETE'}
    assert worlds.cluster().status_reason is None


def test_a_stack_that_fails_says_so_and_says_so_when_it_is_well(world,
                                                                poller):
    stack, = world.heat.live()
    stack.begin('UPDATE')
    world.heat.fail(stack.id, 'Resource UPDATE failed: Conflict: '
                              'resources.kube_minions: the port is in use')
    look(poller)
    assert statuses() == {'UPDATE_FAILED'}
    reason = worlds.cluster().status_reason
    assert reason.startswith(
        'default-master failed, default-worker failed: The stack '
        f'{stack.stack_name} failed in Heat: ')
    assert condition() == ('False', 'STACK_FAILED')
    world.heat.complete(stack.id)
    look(poller)
    assert statuses() == {'CREATE_COMPLETE'}
    assert worlds.cluster().status_reason is None
    assert condition() == ('True', 'OK')


def test_a_stack_that_vanished_is_reported(world, poller):
    stack, = world.heat.live()
    del world.heat.stacks[stack.id]
    look(poller)
    assert statuses() == {'UPDATE_FAILED'}
    assert f'Stack with id {stack.id} not found in Heat.' in (
        worlds.cluster().status_reason)
    assert {group.status_reason for group in worlds.cluster().nodegroups} == {
        f'Stack with id {stack.id} not found in Heat.'}
    assert condition() == ('False', 'STACK_LOST')
    before = worlds.cluster()
    look(poller)
    assert worlds.cluster().updated_at == before.updated_at


@pytest.mark.parametrize('status, doing', [
    ('IN_PROGRESS', 'is being'), ('COMPLETE', 'was'),
    ('FAILED', 'could not be')])
def test_a_stack_that_somebody_deletes_is_reported(world, poller, status,
                                                   doing):
    stack, = world.heat.live()
    stack.begin('DELETE')
    stack.status = status
    look(poller)
    assert f'{stack.stack_name} {doing} deleted in Heat.' in (
        worlds.cluster().status_reason)


def test_an_empty_list_is_not_believed(world, poller, monkeypatch):
    monkeypatch.setattr('magnum.drivers.heat.IDS_PER_LIST', 1)
    monkeypatch.setattr(type(world.cloud.heat.stacks), 'list',
                        lambda *arguments, **named: iter(()))
    look(poller)
    assert condition() == ('True', 'OK')
    assert statuses() == {'CREATE_COMPLETE'}


def test_heat_that_is_away_is_no_drift(world, poller, caplog):
    world.heat.faults['list'] = [exc.HTTPServiceUnavailable('away')]
    look(poller)
    assert condition() is None
    assert statuses() == {'CREATE_COMPLETE'}
    assert 'The stacks of 1 is not known now' in caplog.text


def test_somebody_at_work_in_heat_is_no_drift(world, poller):
    stack, = world.heat.live()
    stack.begin('UPDATE')
    look(poller)
    assert condition() is None
    assert statuses() == {'CREATE_COMPLETE'}


def test_a_change_that_came_meanwhile_is_left_alone(world, poller):
    stack, = world.heat.live()
    world.heat.fail(stack.id, 'Somehow.')
    errand = drift.Stacks()
    look(poller)
    with db.writer() as session:
        cluster = worlds.cluster()
        clusters.set_columns(session, cluster.uuid,
                             {'status': 'UPDATE_COMPLETE',
                              'status_reason': None})
    task = errand.load([worlds.PROJECT])[worlds.PROJECT]
    found = errand.ask(task)
    with db.writer() as session:
        clusters.set_columns(session, cluster.uuid,
                             {'status': 'UPDATE_IN_PROGRESS'})
    errand.write(task, found, poller.owner)
    assert worlds.cluster().status == 'UPDATE_IN_PROGRESS'


def test_what_an_operation_failed_of_stays(world, poller):
    stack, = world.heat.live()
    world.heat.fail(stack.id, 'Somehow.')
    cluster = worlds.cluster()
    with db.writer() as session:
        clusters.set_columns(session, cluster.uuid,
                             {'status': 'UPDATE_FAILED',
                              'status_reason': 'No quota.'})
    for state in ('False', 'True'):
        look(poller)
        assert condition()[0] == state
        assert worlds.cluster().status == 'UPDATE_FAILED'
        assert worlds.cluster().status_reason == 'No quota.'
        world.heat.complete(stack.id)


def test_many_clusters_of_a_project_are_one_list(world, poller):
    for number in range(5):
        world.heat.auto = True
        asking.create(world, f'more-{number}')
        conducting.work()
    world.heat.calls.clear()
    look(poller)
    assert dict(world.heat.calls) == {'list': 1}
    with db.reader() as session:
        assert len(session.scalars(sa.select(models.Condition)).all()) == 6


def test_heat_that_hangs_makes_no_threads(world, poller):
    world.heat.delay = 0.3
    look(poller)
    threads = threading.active_count()
    for _ in range(4):
        look(poller)
    assert threading.active_count() <= threads + 2


def test_news_have_the_health_looked_at_soon(world, poller):
    claims.enrol(claims.HEALTH, {worlds.cluster().uuid})
    asked = claims.claim(claims.HEALTH, 1, 'me', 60)
    claims.finish(claims.HEALTH, asked, 'me', 3600)
    stack, = world.heat.live()
    for failed, soon in ((False, False), (True, True)):
        if failed:
            world.heat.fail(stack.id, 'Somehow.')
        look(poller)
        with db.reader() as session:
            left = claims.seconds_to_next(session, claims.HEALTH)
        assert (left < 60) is soon
