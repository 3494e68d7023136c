# SPDX-License-Identifier: Apache-2.0
"""What is over is removed, in batches, and what is needed is not."""

import concurrent.futures
import datetime
import threading

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.conductor import loops
from magnum.conductor import service
from magnum.conductor import upkeep
from magnum.db import models
from magnum.db import quotas
from magnum.db import session as db
from magnum import errors
from magnum import quota
from magnum.tests import factories

CONF = cfg.CONF

pytestmark = pytest.mark.usefixtures('database')


@pytest.fixture(autouse=True)
def keep_days():
    CONF.set_override('keep_days', 10, 'journal')
    yield
    CONF.clear_override('keep_days', 'journal')


def ended(cluster, days, **columns):
    return factories.operation(
        cluster, finished_at=models.utcnow() - datetime.timedelta(days=days),
        **columns)


def stored(model=models.Operation, column='uuid'):
    with db.reader() as session:
        return set(session.scalars(sa.select(getattr(model, column))))


def test_what_ended_long_ago_goes():
    gone = factories.cluster()
    old, new = ended(gone, 11), ended(gone, 9)
    active = factories.operation(gone, state='ACTIVE', finished_at=None)
    factories.store(old, new, active)
    assert upkeep.purge() == upkeep.PURGE_SECONDS
    assert stored() == {new.uuid, active.uuid}


@pytest.mark.parametrize('state', ['DONE', 'FAILED', 'CANCELLED'])
def test_the_newest_of_a_living_cluster_stays(state):
    living, other = factories.cluster(), factories.cluster()
    factories.store(living, other)
    first, last = ended(living, 40), ended(living, 30, state=state)
    only = ended(other, 50)
    factories.store(first, last, only)
    upkeep.purge()
    assert stored() == {last.uuid, only.uuid}


def test_nothing_goes_where_all_is_to_be_kept():
    CONF.set_override('keep_days', 0, 'journal')
    old = ended(factories.cluster(), 10000)
    factories.store(old)
    upkeep.purge()
    assert stored() == {old.uuid}


def test_a_batch_has_its_bounds(monkeypatch):
    monkeypatch.setattr(upkeep, 'PURGE_ROWS', 2)
    gone = factories.cluster()
    factories.store(*(ended(gone, 20 + age) for age in range(5)))
    turns, left = [], []
    for _ in range(3):
        turns.append(upkeep.purge())
        left.append(len(stored()))
    assert left == [3, 1, 0]
    assert turns == [upkeep.PAUSE_SECONDS, upkeep.PAUSE_SECONDS,
                     upkeep.PURGE_SECONDS]


def hold(project):
    db.write(quotas.hold_project, project)


def test_a_project_without_clusters_needs_no_lock():
    factories.store(factories.cluster(project_id='busy'))
    for project in ('busy', 'idle', 'gone'):
        hold(project)
    upkeep.purge()
    assert stored(models.QuotaLock, 'project_id') == {'busy'}


def take(project):
    """Take a place of a project's quota of two; whether there was one."""
    def try_it(session):
        quota.hold(session, project)
        quota.check(quota.Room(2, quota.room(session, project).taken))
        session.add(factories.cluster(project_id=project))
        session.flush()
        return True

    try:
        return db.write(try_it)
    except errors.QuotaExceeded:
        return False


def test_a_lock_that_comes_and_goes_has_one_holder_at_a_time():
    over = threading.Event()

    def purge():
        while not over.is_set():
            db.write(quotas.purge_locks, 100)

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        purging = pool.submit(purge)
        for round_ in range(4):
            project = f'p{round_}'
            taken = list(pool.map(take, [project] * 8))
            assert taken.count(True) == 2
        over.set()
        purging.result()


def test_a_conductor_does_it_and_survives_the_database(monkeypatch):
    """Three turns that fail, and one that does not."""
    done = threading.Event()
    failures = [db.PoolExhausted(), RuntimeError('bug'),
                db.UNREACHABLE[0]()]

    def fail(session, *arguments):
        if failures:
            raise failures.pop()
        done.set()
        return 0

    monkeypatch.setattr(loops, 'PAUSE_SECONDS', 0.01)
    monkeypatch.setattr(quotas, 'purge_locks', fail)
    conductor = service.Conductor()
    loop, = (loop for loop in conductor._loops if loop._name == 'upkeep')
    loop.start()
    assert done.wait(30)
    conductor._stopped.set()
    loop.join()


def test_hosts_that_are_gone_for_good_leave_the_list():
    def beat(host, days, **columns):
        return models.MagnumService(
            host=host, binary='magnum-conductor', last_seen_up=models.utcnow()
            - datetime.timedelta(days=days), **columns)

    factories.store(beat('gone', 8), beat('down', 6), beat('up', 0),
                    beat('marked', 9, forced_down=True),
                    beat('off', 9, disabled=True))
    assert upkeep.purge() == upkeep.PURGE_SECONDS
    assert stored(models.MagnumService, 'host') == {'down', 'up', 'marked',
                                                    'off'}
