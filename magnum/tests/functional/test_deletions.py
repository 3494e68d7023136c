# SPDX-License-Identifier: Apache-2.0
"""A cluster can be deleted whatever has gone, and nothing stays behind.

The rows, the runner and the real driver's steps, with Heat and the other
services in memory.
"""

from heatclient import exc
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import drivers
from magnum import identity
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import resize_cluster
from magnum.tests import conducting
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import world as worlds

cluster = worlds.cluster

NOTHING = worlds.NOTHING


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


@pytest.fixture
def built(world):
    """With a cluster that has been built."""
    create(world)
    conducting.work()
    assert cluster().status == 'CREATE_COMPLETE'
    return world


def create(world):
    create_cluster.request(world.context, world.template,
                           {'name': 'c', 'node_count': 2})


def delete(world):
    delete_cluster.request(world.context, cluster())


def work(times):
    """Take up so many operations, without any waiting."""
    for _ in range(times):
        conducting.work_once()


def without_template(world, monkeypatch):
    with db.writer() as session:
        session.execute(sa.delete(models.ClusterTemplate))


def without_driver(world, monkeypatch):
    monkeypatch.setattr(drivers, '_installed', dict)


def without_default_workers(world, monkeypatch):
    with db.writer() as session:
        session.execute(sa.delete(models.NodeGroup)
                        .where(models.NodeGroup.role == 'worker'))


def without_groups(world, monkeypatch):
    with db.writer() as session:
        session.execute(sa.delete(models.NodeGroup))


def without_trustee(world, monkeypatch):
    world.outside.keystone.users.clear()
    world.outside.keystone.trusts.clear()


def without_certificates(world, monkeypatch):
    with db.writer() as session:
        session.execute(sa.delete(models.X509KeyPair))


def without_stack(world, monkeypatch):
    world.heat.stacks.clear()


@pytest.mark.parametrize('gone', [
    without_template, without_driver, without_default_workers, without_groups,
    without_trustee, without_certificates, without_stack])
def test_what_has_gone_does_not_stop_the_rest(built, monkeypatch, gone):
    gone(built, monkeypatch)
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING


def test_without_a_driver_the_stack_is_found_by_name(built, monkeypatch):
    without_driver(built, monkeypatch)
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(stack_id=None))
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING


def test_without_a_driver_nothing_else_can_be_done(built, monkeypatch):
    resize_cluster.request_patch(built.context, cluster(), 3)
    without_driver(built, monkeypatch)
    conducting.work()
    assert cluster().status == 'UPDATE_FAILED'
    assert 'not available' in cluster().status_reason


def test_the_service_deletes_what_the_member_may_not_see(built, monkeypatch):
    """The token ended, and the driver is gone."""
    without_driver(built, monkeypatch)
    delete(built)
    built.end_the_token()
    conducting.work()
    assert built.seen() == NOTHING


def fail_deletions(world, times):
    """The next deletions of the stack fail in Heat; how many did."""
    stack, = world.heat.live()
    begin, failed = stack.begin, []

    def begin_and_fail(action):
        begin(action)
        if action == 'DELETE' and len(failed) < times:
            failed.append(1)
            world.heat.fail(stack.id, 'a port is in use')
    stack.begin = begin_and_fail
    return failed


def test_a_deletion_that_fails_in_heat_is_tried_again(built):
    failed = fail_deletions(built, 3)
    delete(built)
    conducting.work()
    assert len(failed) == 3
    assert built.seen() == NOTHING


def test_a_deletion_that_goes_on_failing_ends_with_the_reason(built):
    failed = fail_deletions(built, 100)
    delete(built)
    conducting.work()
    assert len(failed) == 1 + delete_cluster.TRIES
    assert cluster().status == 'DELETE_FAILED'
    assert cluster().status_reason.endswith('a port is in use')


def left_behind(world, name):
    world.cloud.things_left = {
        'servers': [clouds.Named('s', f'{name}-node-1'),
                    clouds.Named('other', 'another-node-1')],
        'ports': [clouds.Named('p', f'{name}-node-1')],
        'volumes': [clouds.Named('v', f'{name}-master-0-etcd')]}


def test_what_heat_forgot_is_out_of_the_way_of_the_next_try(built):
    stack, = built.heat.live()
    left_behind(built, stack.stack_name)
    fail_deletions(built, 1)
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING
    assert built.cloud.things_left == {
        'servers': [clouds.Named('other', 'another-node-1')], 'ports': [],
        'volumes': []}


def test_what_heat_forgot_is_named_while_it_goes(built):
    stack, = built.heat.live()
    left_behind(built, stack.stack_name)
    without_stack(built, None)
    delete(built)
    work(1)
    assert 'servers' in cluster().status_reason
    assert f'{stack.stack_name}-node-1' in cluster().status_reason
    conducting.work()
    assert built.seen() == NOTHING


def test_nested_stacks_without_their_root_go_too(built):
    stack, = built.heat.live()
    stack.stack_name += '-kube_minions-x'
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(stack_id='gone'))
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING


def test_a_list_of_nested_stacks_that_takes_too_long_ends_nothing(
        built, monkeypatch):
    listed = built.cloud.heat.stacks.list

    def list_stacks(**query):
        if 'show_nested' in query:
            raise exc.CommunicationError('timed out')
        return listed(**query)
    monkeypatch.setattr(built.cloud.heat.stacks, 'list', list_stacks)
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING


class Late:
    """Heat makes a stack after the connection for its answer broke."""

    def __init__(self, world, monkeypatch):
        self.create = world.cloud.heat.stacks.create
        self.wish = None
        monkeypatch.setattr(world.cloud.heat.stacks, 'create', self.hear)

    def hear(self, **wish):
        self.wish = wish
        raise exc.CommunicationError('timed out')

    def appear(self):
        self.create(**self.wish)


def test_a_stack_that_appears_after_the_deletion_began_goes_too(
        world, monkeypatch):
    late = Late(world, monkeypatch)
    create(world)
    work(2)
    delete(world)
    work(5)
    assert cluster().status == 'DELETE_IN_PROGRESS'
    assert 'appears' in cluster().status_reason
    late.appear()
    work(3)
    assert not world.heat.live()


def test_a_stack_that_never_appears_is_not_awaited_for_ever(
        world, monkeypatch):
    Late(world, monkeypatch)
    create(world)
    work(2)
    delete(world)
    work(5)
    assert cluster() is not None
    with db.writer() as session:
        session.execute(
            sa.update(models.Operation)
            .where(models.Operation.progress.is_not(None))
            .values(progress={'unanswered': '2020-01-01T00:00:00'}))
    conducting.work()
    assert world.seen() == NOTHING


def test_keystone_need_not_know_the_clusters_own_user(built, monkeypatch):
    assert identity.retire(cluster().uuid, 'p') is None
    delete(built)
    conducting.work()
    assert built.seen() == NOTHING
