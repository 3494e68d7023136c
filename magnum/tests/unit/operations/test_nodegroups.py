# SPDX-License-Identifier: Apache-2.0
"""Nodegroups, upgrades and rotation: what is written down and what comes.

The cluster is built by a driver that has every power, or by none that has.
"""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.drivers import base
from magnum import errors
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import delete_cluster
from magnum.operations import delete_nodegroup
from magnum.operations import resize_cluster
from magnum.operations import rotate_ca
from magnum.operations import rotate_credential
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster
from magnum.tests import conducting
from magnum.tests import factories
from magnum.tests.fakes import world as worlds

cluster = worlds.cluster

GROUP = {'name': 'own', 'role': 'worker', 'node_count': 2,
         'min_node_count': 0, 'max_node_count': None, 'flavor_id': None,
         'image_id': None, 'docker_volume_size': None, 'labels': None,
         'merge_labels': False, 'node_labels': None, 'node_taints': None}


@pytest.fixture
def world(sqlite_database, monkeypatch):
    """With a cluster that has been built."""
    with worlds.configured():
        made = worlds.build(monkeypatch)
        made.empower()
        create_cluster.request(made.context, made.template,
                               {'name': 'c', 'node_count': 3})
        conducting.work()
        yield made


def group(name='default-worker'):
    return next((row for row in cluster().nodegroups if row.name == name),
                None)


def active():
    with db.reader() as session:
        return session.scalars(
            sa.select(models.Operation).order_by(models.Operation.id)
            .where(models.Operation.state == 'ACTIVE',
                   models.Operation.cancelled == sa.false())).all()


def add(world, **wish):
    return create_nodegroup.request(world.context, cluster(),
                                    {**GROUP, **wish})


def change(world, name='default-worker', **wish):
    update_nodegroup.request(world.context, cluster(), group(name), wish)


def resize(world, name, node_count, *leaving):
    resize_cluster.request(world.context, cluster(), group(name), node_count,
                           leaving)


def fail(world, state=base.State.FAILED):
    world.able.state, world.able.reason = state, 'no more hosts'


def refuse(world, monkeypatch, meanwhile=None, times=100):
    """Let the driver refuse, while somebody else asks for something."""
    allowed, left = world.able.apply, [None] * times

    def apply(cloud, spec):
        if not left:
            return allowed(cloud, spec)
        left.pop()
        if meanwhile:
            meanwhile()
        raise errors.InfrastructureFailed('no')

    monkeypatch.setattr(world.able, 'apply', apply)


def sizes(spec):
    return {group.name: group.node_count for group in spec.nodegroups}


def test_a_new_group_and_its_work_are_there_at_once(world):
    made = add(world, labels={'x': 1}, node_labels={'a': 'b'})
    assert (cluster().status, group('own').status) == (
        'UPDATE_IN_PROGRESS', 'CREATE_IN_PROGRESS')
    operation, = active()
    assert (operation.kind, operation.nodegroup_uuid) == ('create_nodegroup',
                                                          made.uuid)
    assert operation.changes == {made.uuid: {
        'uuid': [None, made.uuid], 'name': [None, 'own'],
        'flavor_id': [None, 'm1.small'], 'image_id': [None, 'ubuntu-k8s'],
        'node_count': [None, 2], 'min_node_count': [None, 0]}}
    assert operation.sealed_token and operation.timeout_seconds
    conducting.work()
    assert (cluster().status, group('own').status) == (
        'UPDATE_COMPLETE', 'CREATE_COMPLETE')
    assert group('own').node_addresses == ['10.0.0.5']
    assert world.able.applied[-1].nodegroups[-1].node_labels == {'a': 'b'}


def test_a_group_that_was_not_made_says_why(world):
    fail(world)
    add(world)
    conducting.work()
    assert (cluster().status, group('own').status) == (
        'UPDATE_FAILED', 'CREATE_FAILED')
    assert cluster().status_reason == 'own failed: no more hosts'
    assert group().status == 'CREATE_COMPLETE'


def test_of_two_with_one_name_there_is_one(world):
    seen_before = cluster()
    add(world)
    with pytest.raises(errors.AlreadyExists):
        create_nodegroup.request(world.context, seen_before, GROUP)
    assert len(active()) == 1


@pytest.mark.parametrize('ask', [
    lambda world: create_nodegroup.request(world.context, cluster(), GROUP),
    lambda world: change(world, node_labels={'a': 'b'}),
    lambda world: delete_nodegroup.request(
        world.context, cluster(), factories.nodegroup(cluster())),
    lambda world: upgrade_cluster.request(
        world.context, cluster(), cluster().template, group()),
    lambda world: rotate_ca.request(world.context, cluster()),
    lambda world: rotate_credential.request(world.context, cluster())])
def test_a_driver_without_the_power_is_named(world, ask):
    world.able.powers = frozenset()
    with pytest.raises(errors.NotSupported, match='driver, able, cannot'):
        ask(world)
    assert active() == []
    assert cluster().status == 'CREATE_COMPLETE'


def test_limits_take_no_power_and_change_nothing_but_rows(world):
    world.able.powers = frozenset()
    applied = len(world.able.applied)
    change(world, min_node_count=1, max_node_count=5)
    assert (cluster().status, group().status) == ('UPDATE_IN_PROGRESS',) * 2
    assert (group().min_node_count, group().max_node_count) == (1, 5)
    conducting.work()
    assert (cluster().status, group().status) == ('UPDATE_COMPLETE',) * 2
    assert len(world.able.applied) == applied


def test_limits_repair_nothing(world):
    fail(world)
    resize(world, 'default-worker', 4)
    change(world, max_node_count=5)
    conducting.work()
    assert (cluster().status, group().status) == ('UPDATE_FAILED',) * 2
    assert group().max_node_count == 5


def test_limits_of_clusters_that_no_driver_knows_can_be_changed(world):
    with db.writer() as session:
        session.execute(sa.update(models.ClusterTemplate)
                        .values(driver='of-long-ago'))
    change(world, max_node_count=5)
    conducting.work()
    assert group().status == 'UPDATE_COMPLETE'


def test_limits_are_held_against_the_size_of_now(world):
    seen_before, row = cluster(), group()
    resize(world, 'default-worker', 5)
    with pytest.raises(errors.Conflict, match='above'):
        update_nodegroup.request(world.context, seen_before, row,
                                 {'max_node_count': 4})
    assert group().max_node_count is None


def test_labels_that_were_refused_are_taken_back(world, monkeypatch):
    refuse(world, monkeypatch)
    change(world, node_labels={'a': 'b'}, max_node_count=5)
    assert group().node_labels == {'a': 'b'}
    conducting.work()
    assert (group().node_labels, group().max_node_count) == ({}, None)
    assert group().status == 'UPDATE_FAILED'


def test_a_group_goes_and_its_cluster_stays(world):
    add(world)
    conducting.work()
    delete_nodegroup.request(world.context, cluster(), group('own'))
    delete_nodegroup.request(world.context, cluster(), group('own'))
    assert (cluster().status, group('own').status) == (
        'UPDATE_IN_PROGRESS', 'DELETE_IN_PROGRESS')
    assert [operation.kind for operation in active()] == ['delete_nodegroup']
    conducting.work()
    assert group('own') is None
    assert cluster().status == 'UPDATE_COMPLETE'


def test_what_was_to_be_done_to_a_group_that_goes_is_not_done(world):
    add(world)
    resize(world, 'default-worker', 4)
    resize(world, 'own', 5)
    delete_nodegroup.request(world.context, cluster(), group('own'))
    assert [operation.kind for operation in active()] == [
        'resize_cluster', 'delete_nodegroup']
    conducting.work()
    assert group('own') is None
    assert group().status == cluster().status == 'UPDATE_COMPLETE'


def test_a_group_that_goes_with_its_cluster_needs_no_work_of_its_own(world):
    add(world)
    conducting.work()
    delete_cluster.request(world.context, cluster())
    delete_nodegroup.request(world.context, cluster(), group('own'))
    assert [operation.kind for operation in active()] == ['delete_cluster']


def test_a_group_that_does_not_go_says_why(world, monkeypatch):
    add(world)
    conducting.work()
    monkeypatch.setattr(world.able, 'destroy_nodegroup', lambda *args: None)
    fail(world)
    delete_nodegroup.request(world.context, cluster(), group('own'))
    conducting.work()
    assert (cluster().status, group('own').status) == (
        'UPDATE_FAILED', 'DELETE_FAILED')
    assert group('own').status_reason == 'no more hosts'


def test_an_operation_does_not_see_what_waits_behind_it(world):
    add(world, node_count=1)
    resize(world, 'own', 2)
    resize(world, 'default-worker', 4, '0')
    before = len(world.able.applied)
    conducting.work()
    assert [sizes(spec) for spec in world.able.applied[before:]] == [
        {'default-master': 1, 'default-worker': 3, 'own': 1},
        {'default-master': 1, 'default-worker': 3, 'own': 2},
        {'default-master': 1, 'default-worker': 4, 'own': 2}]


def test_a_refused_resize_leaves_the_size_that_another_asked_for(
        world, monkeypatch):
    refuse(world, monkeypatch, lambda: resize(world, 'default-worker', 5))
    resize(world, 'default-worker', 4)
    conducting.work_once()
    assert group().node_count == 5


def test_every_node_named_meanwhile_reaches_the_driver(world, monkeypatch):
    before, apply = len(world.able.applied), world.able.apply

    def meanwhile(cloud, spec):
        monkeypatch.setattr(world.able, 'apply', apply)
        resize(world, 'default-worker', 2, '0')
        resize(world, 'default-worker', 2, 'server-2', '1')
        return apply(cloud, spec)

    monkeypatch.setattr(world.able, 'apply', meanwhile)
    resize(world, 'default-worker', 3, 'server-1')
    conducting.work()
    assert [(spec.workers.node_count, spec.workers.nodes_to_remove)
            for spec in world.able.applied[before:]] == [
        (3, ('server-1',)), (2, ('0', 'server-2', '1'))]
    assert (cluster().status, group().status) == ('UPDATE_COMPLETE',) * 2


def test_a_group_that_has_just_gone_gets_no_size(world):
    seen_before, row = cluster(), add(world)
    conducting.work()
    delete_nodegroup.request(world.context, cluster(), row)
    with pytest.raises(errors.WrongStatus, match='own'):
        resize_cluster.request(world.context, seen_before, row, 3)
    conducting.work()
    with pytest.raises(errors.NotFound, match='own'):
        resize_cluster.request(world.context, seen_before, row, 3)
    assert active() == []
    assert cluster().status == 'UPDATE_COMPLETE'


def test_a_size_is_held_against_the_limits_of_now(world):
    seen_before, row = cluster(), group()
    change(world, max_node_count=4)
    with pytest.raises(errors.Invalid, match='above max_node_count 4'):
        resize_cluster.request(world.context, seen_before, row, 5)
    assert group().node_count == 3


def test_masters_without_a_template_are_not_resized(world):
    with db.writer() as session:
        session.execute(sa.delete(models.ClusterTemplate))
    with pytest.raises(errors.NotSupported, match='template'):
        resize(world, 'default-master', 3)


def test_an_upgrade_takes_the_default_groups_along(world):
    add(world)
    conducting.work()
    newer = factories.template(driver='able', image_id='coreos')
    factories.store(newer)
    upgrade_cluster.request(world.context, cluster(), newer, group(), 2)
    assert cluster().cluster_template_id == newer.uuid
    assert [(row.status, row.image_id) for row in cluster().nodegroups] == [
        ('UPDATE_IN_PROGRESS', 'coreos'), ('UPDATE_IN_PROGRESS', 'coreos'),
        ('CREATE_COMPLETE', 'ubuntu-k8s')]
    conducting.work()
    spec = world.able.applied[-1]
    assert (spec.image_id, spec.max_batch_size, spec.image_properties) == (
        'coreos', 2, {'os_distro': 'coreos'})
    assert [row.status for row in cluster().nodegroups] == [
        'UPDATE_COMPLETE', 'UPDATE_COMPLETE', 'CREATE_COMPLETE']


def test_a_refused_upgrade_is_taken_back(world, monkeypatch):
    newer = factories.template(driver='able', image_id='coreos')
    factories.store(newer)
    refuse(world, monkeypatch)
    upgrade_cluster.request(world.context, cluster(), newer, group())
    conducting.work()
    assert cluster().cluster_template_id == world.template.uuid
    assert {row.image_id for row in cluster().nodegroups} == {'ubuntu-k8s'}
    assert cluster().status == 'UPDATE_FAILED'


def test_an_upgrade_comes_behind_nothing(world):
    seen_before = cluster()
    resize(world, 'default-worker', 4)
    with pytest.raises(errors.Invalid, match='UPDATE_IN_PROGRESS'):
        upgrade_cluster.request(world.context, seen_before,
                                world.template, group())
    assert [operation.kind for operation in active()] == ['resize_cluster']


def references():
    return {column: getattr(cluster(), column) for column in (
        'ca_cert_ref', 'etcd_ca_cert_ref', 'front_proxy_ca_cert_ref',
        'magnum_cert_ref')}


def stored_certificates():
    with db.reader() as session:
        return set(session.scalars(sa.select(models.X509KeyPair.uuid)))


def test_new_authorities_take_the_place_of_the_old(world):
    old, given = references(), world.able.applied[-1].authorities
    rotate_ca.request(world.context, cluster())
    assert references() == old
    conducting.work()
    new = references()
    assert not set(new.values()) & set(old.values())
    assert stored_certificates() == set(new.values())
    assert world.able.applied[-1].authorities.etcd != given.etcd
    assert cluster().status == 'UPDATE_COMPLETE'


def test_old_authorities_stay_when_the_new_ones_do_not_arrive(world):
    old = references()
    fail(world)
    rotate_ca.request(world.context, cluster())
    conducting.work()
    assert references() == old
    assert stored_certificates() == set(old.values())
    assert cluster().status == 'UPDATE_FAILED'


def test_a_credential_is_renewed_without_a_word(world):
    applied = len(world.able.applied)
    rotate_credential.request(world.context, cluster())
    operation, = active()
    assert operation.kind == 'rotate_credential'
    assert cluster().status == 'CREATE_COMPLETE'
    conducting.work()
    assert len(world.able.applied) == applied + 1
    assert cluster().status == 'CREATE_COMPLETE'


def test_no_credential_is_renewed_of_what_goes(world):
    seen_before = cluster()
    delete_cluster.request(world.context, cluster())
    with pytest.raises(errors.Invalid, match='DELETE_IN_PROGRESS'):
        rotate_credential.request(world.context, seen_before)
