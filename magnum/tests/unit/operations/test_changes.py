# SPDX-License-Identifier: Apache-2.0
"""Operations that wait behind others: what each sees, and what stays of them.

The cluster's nodes are those that the driver was told of last.
"""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import changes
from magnum.operations import create_nodegroup
from magnum.operations import journal
from magnum.operations import resize_cluster
from magnum.operations import rotate_credential
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster
from magnum.tests import conducting
from magnum.tests import factories
from magnum.tests.unit.operations import test_nodegroups as common

world = common.world
cluster, group, work = common.cluster, common.group, conducting.work
refuse, resize = common.refuse, common.resize


def change(world, **asked):
    update_nodegroup.request(world.context, cluster(), group(), asked)


def built(world):
    """The default workers as the cloud has them."""
    spec, = world.able.stacks.values()
    return workers(spec)


def workers(spec):
    return next(one for one in spec.nodegroups
                if one.name == 'default-worker')


def test_a_refused_resize_does_not_touch_one_that_came_meanwhile(
        world, monkeypatch):
    refuse(world, monkeypatch, times=1,
           meanwhile=lambda: resize(world, 'default-worker', 7))
    resize(world, 'default-worker', 5)
    work()
    assert group().node_count == built(world).node_count == 7
    assert cluster().status == 'UPDATE_COMPLETE'


def test_after_two_refused_resizes_the_row_is_as_the_cloud(
        world, monkeypatch):
    first = []

    def another():
        if not first:
            first.append(resize(world, 'default-worker', 7))

    refuse(world, monkeypatch, meanwhile=another)
    resize(world, 'default-worker', 5)
    work()
    assert group().node_count == built(world).node_count == 3
    assert cluster().status == 'UPDATE_FAILED'


def test_a_second_change_of_labels_outlives_the_first(world, monkeypatch):
    refuse(world, monkeypatch, times=1)
    change(world, node_labels={'a': '1'})
    change(world, node_labels={'a': '2'})
    work()
    assert group().node_labels == built(world).node_labels == {'a': '2'}


def test_labels_are_not_applied_by_the_resize_before_them(world):
    before = len(world.able.applied)
    resize(world, 'default-worker', 4)
    change(world, node_labels={'a': '1'})
    work()
    assert [(workers(spec).node_count, workers(spec).node_labels)
            for spec in world.able.applied[before:]] == [
        (4, {}), (4, {'a': '1'})]


def test_a_template_is_not_seen_before_the_upgrade_to_it(world):
    newer = factories.template(driver='able', image_id='coreos')
    factories.store(newer)
    before = len(world.able.applied)
    rotate_credential.request(world.context, cluster())
    upgrade_cluster.request(world.context, cluster(), newer, group())
    work()
    assert [(spec.image_id, workers(spec).image_id)
            for spec in world.able.applied[before:]] == [
        ('ubuntu-k8s', 'ubuntu-k8s'), ('coreos', 'coreos')]


# Kind: ask for it for the first or the second time, and what is then there.
PAIRS = {
    'resize_cluster': (
        lambda world, n: resize(world, 'default-worker', 4 + n),
        lambda: group().node_count, [3, 4, 5]),
    'update_nodegroup': (
        lambda world, n: change(world, node_labels={'a': f'{n}'}),
        lambda: group().node_labels, [{}, {'a': '0'}, {'a': '1'}]),
    'limit_nodegroup': (
        lambda world, n: change(world, max_node_count=8 + n),
        lambda: group().max_node_count, [None, 8, 9]),
    'create_nodegroup': (
        lambda world, n: create_nodegroup.request(
            world.context, cluster(), {**common.GROUP, 'name': f'own-{n}'}),
        lambda: [row.name for row in cluster().nodegroups][2:],
        [[], ['own-0'], ['own-0', 'own-1']]),
    'rotate_credential': (
        lambda world, n: rotate_credential.request(world.context, cluster()),
        lambda: cluster().status, ['CREATE_COMPLETE'] * 3),
}


@pytest.mark.parametrize('kind', PAIRS)
def test_of_two_the_second_is_carried_out_when_the_first_is_refused(
        world, monkeypatch, kind):
    ask, read, values = PAIRS[kind]
    assert read() == values[0]
    refuse(world, monkeypatch, times=1)
    ask(world, 0)
    begin()
    ask(world, 1)
    assert read() == values[2]
    work()
    assert read() == values[2]
    assert states(kind)[-1] == 'DONE'


@pytest.mark.parametrize('kind', ['resize_cluster', 'update_nodegroup'])
def test_of_two_refused_ones_nothing_stays(world, monkeypatch, kind):
    ask, read, values = PAIRS[kind]
    refuse(world, monkeypatch)
    ask(world, 0)
    begin()
    ask(world, 1)
    work()
    assert read() == values[0]
    assert states(kind) == ['FAILED', 'FAILED']


def begin():
    """What is recorded has been claimed once, and gave its lease back."""
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            attempt=1, started_at=models.utcnow()))


def states(kind):
    with db.reader() as session:
        return list(session.scalars(
            sa.select(models.Operation.state)
            .where(models.Operation.kind == kind)
            .order_by(models.Operation.id)))


OF_THE_RELEASE_BEFORE = {
    'resize': ({'nodegroup': 'g', 'node_count': 5, 'old_node_count': 3,
                'nodes_to_remove': []}, {'g': {'node_count': [3, 5]}}),
    'limits': ({'nodegroup': 'g', 'old': {'max_node_count': 2}},
               {'g': {'max_node_count': [2, None]}}),
    'new group': ({'nodegroup': 'g', 'is_new': True},
                  {'g': {'uuid': [None, 'g']}}),
    'deleted group': ({'nodegroup': 'g'}, {}),
    'upgrade': ({'nodegroup': 'g', 'old_cluster_template': 't',
                 'old_images': {'g': 'i'}, 'max_batch_size': None},
                {'c': {'cluster_template_id': ['t', None]},
                 'g': {'image_id': ['i', None]}}),
    'create': ({'image_properties': {}}, {}),
}


@pytest.mark.parametrize('name', OF_THE_RELEASE_BEFORE)
def test_what_the_release_before_recorded_is_understood(name):
    args, read = OF_THE_RELEASE_BEFORE[name]
    operation = models.Operation(cluster_uuid='c', args=args, changes={})
    assert changes.of(operation) == read
    assert changes.nodegroup_of(operation) == args.get('nodegroup')


def test_a_resize_of_the_release_before_is_undone(world, monkeypatch):
    refuse(world, monkeypatch)
    operation = resize_cluster.request(world.context, cluster(), group(), 5)
    with db.writer() as session:
        session.execute(
            sa.update(models.Operation)
            .where(models.Operation.id == operation.id)
            .values(kind='update_cluster', changes=None, nodegroup_uuid=None,
                    args={'nodegroup': group().uuid, 'node_count': 5,
                          'old_node_count': 3, 'nodes_to_remove': []}))
    work()
    assert group().node_count == 3
    assert (cluster().status, group().status) == ('UPDATE_FAILED',) * 2


def test_tokens_of_what_waits_are_not_read(world):
    resize(world, 'default-worker', 4)
    with db.reader() as session:
        waiting, = journal.active(session, cluster().uuid)
        assert 'sealed_token' in sa.inspect(waiting).unloaded


def test_a_group_of_no_cluster_gets_no_size(world):
    with pytest.raises(errors.NotFound):
        resize_cluster.request(world.context, cluster(),
                               factories.nodegroup(cluster()), 3)
