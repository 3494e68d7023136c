# SPDX-License-Identifier: Apache-2.0
"""What a rotation of authorities leaves behind, however it fails."""

import pytest
import sqlalchemy as sa

from magnum.certificates import database_store
from magnum.db import models
from magnum.db import session as db
from magnum.drivers import base
from magnum import errors
from magnum.tests import asking
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds


@pytest.fixture
def world(sqlite_database, monkeypatch):
    """A rotation has been asked for."""
    with worlds.configured():
        made = worlds.build(monkeypatch)
        asking.prepare(made, 'rotate_ca')
        made.old = rows()
        asking.ask(made, 'rotate_ca')
        yield made


def rows():
    with db.reader() as session:
        return set(session.scalars(sa.select(models.X509KeyPair.uuid)))


def apply_with(world, monkeypatch, error):
    def apply(cloud, spec):
        raise error
    monkeypatch.setattr(world.able, 'apply', apply)


def last():
    return worlds.operations()[-1]


def test_new_keys_stay_while_the_rotation_is_tried_again(world, monkeypatch):
    apply_with(world, monkeypatch, errors.ServiceUnavailable('later'))
    conducting.work_once()
    assert len(rows()) == 8


def test_they_go_when_it_is_refused(world, monkeypatch):
    apply_with(world, monkeypatch, errors.InfrastructureFailed('no'))
    conducting.work()
    assert last().error == 'no'
    assert rows() == world.old


def test_they_go_when_it_takes_too_long(world):
    world.able.state = base.State.IN_PROGRESS
    conducting.work_once()
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .values(deadline=conducting.LONG_AGO))
    conducting.work()
    assert 'took too long' in last().error
    assert rows() == world.old


def test_they_go_when_a_step_meets_the_same_bug_again_and_again(
        world, monkeypatch):
    apply_with(world, monkeypatch, RuntimeError('bug'))
    conducting.work()
    assert 'internal error' in last().error
    assert rows() == world.old


def test_it_fails_even_if_they_cannot_be_removed(world, monkeypatch):
    def delete(self, *refs):
        raise RuntimeError('bug')
    monkeypatch.setattr(database_store.DatabaseStore, 'delete', delete)
    apply_with(world, monkeypatch, errors.InfrastructureFailed('no'))
    conducting.work()
    assert last().error == 'no'
    assert worlds.cluster().status == 'UPDATE_FAILED'
