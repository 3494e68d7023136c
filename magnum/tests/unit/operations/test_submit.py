# SPDX-License-Identifier: Apache-2.0
"""What a request writes down, and what it refuses."""

from concurrent import futures

from oslo_config import cfg
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import clusters
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import journal
from magnum.operations import resize_cluster
from magnum.operations import submit
from magnum import rpc
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import driver as fakes

CONF = cfg.CONF


@pytest.fixture(autouse=True)
def world(monkeypatch):
    cloud = clouds.FakeCloud()
    cloud.things['Keypair'] = [
        clouds.KeyPair('mine', 'mine', 'ssh-rsa AAAA its "owner"\n'),
        clouds.KeyPair('of windows', 'of windows',
                       '-----BEGIN CERTIFICATE-----')]
    image, *_ = cloud.things['Image']
    image.properties['kube_version'] = 'v1.31.4'
    cloud.install(monkeypatch)
    monkeypatch.setattr(rpc, 'hint', lambda: None)
    CONF.set_override('seal_keys', [
        'BbLw6nyGQFXCxPBcnoIW8Iw6B7Oa0jZJqDZX2FD4vCI='], group='journal')
    yield
    CONF.clear_override('seal_keys', group='journal')


@pytest.fixture
def driver(monkeypatch):
    return fakes.install(monkeypatch)


@pytest.fixture
def context():
    return contexts.RequestContext(user_id='u', project_id='p',
                                   auth_token='token', is_admin=False)


def template(**values):
    return models.ClusterTemplate(**{
        'uuid': 't', 'coe': 'kubernetes', 'server_type': 'vm',
        'cluster_distro': 'ubuntu', 'image_id': 'ubuntu-k8s',
        'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
        'labels': {'a': '1'}, 'project_id': 'p', 'floating_ip_enabled': True,
        'master_lb_enabled': False, 'hidden': False, **values})


def create(context, given=None, **wish):
    given = given or template()
    with db.writer() as session:
        session.execute(sa.delete(models.ClusterTemplate))
        session.add(given)
    return create_cluster.request(context, stored_template(), wish)


def stored_template():
    with db.reader() as session:
        return session.scalar(sa.select(models.ClusterTemplate))


def stored(cluster):
    with db.reader() as session:
        return session.scalar(
            sa.select(models.Cluster)
            .where(models.Cluster.uuid == cluster.uuid)
            .options(orm.selectinload(models.Cluster.nodegroups),
                     orm.joinedload(models.Cluster.template)))


def operations():
    with db.reader() as session:
        return list(session.scalars(sa.select(models.Operation)
                                    .order_by(models.Operation.id)))


def set_status(status):
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(status=status))
        session.execute(sa.update(models.Operation).values(state='DONE'))


@pytest.fixture
def cluster(sqlite_database, driver, context):
    """A settled cluster."""
    made = create(context, name='made')
    set_status('CREATE_COMPLETE')
    return stored(made)


def worker_of(cluster):
    return next(group for group in cluster.nodegroups
                if group.role == 'worker')


def test_a_new_cluster_its_groups_and_its_work_are_there_at_once(
        database, driver, context):
    made = create(context, name='c', node_count=3)
    row = stored(made)
    assert row.status == 'CREATE_IN_PROGRESS'
    assert [(group.name, group.role, group.node_count, group.status)
            for group in row.nodegroups] == [
        ('default-master', 'master', 1, 'CREATE_IN_PROGRESS'),
        ('default-worker', 'worker', 3, 'CREATE_IN_PROGRESS')]
    operation, = operations()
    assert operation.kind == 'create_cluster'
    assert operation.args == {'driver': 'fake', 'public_key': None,
                              'has_account': False,
                              'image_properties': {
        'os_distro': 'ubuntu', 'kube_version': 'v1.31.4'}}
    assert operation.sealed_token and 'token' != operation.sealed_token


def test_the_last_places_of_a_quota_are_taken_once(database, driver, context):
    with db.writer() as session:
        session.add(template())
    given = stored_template()
    CONF.set_override('max_clusters_per_project', 2, group='quotas')
    try:
        with futures.ThreadPoolExecutor(10) as pool:
            answers = [pool.submit(create_cluster.request, context, given, {})
                       for _ in range(10)]
        refused = [answer.exception() for answer in answers
                   if answer.exception()]
    finally:
        CONF.clear_override('max_clusters_per_project', group='quotas')
    assert len(refused) == 8
    assert {type(error) for error in refused} == {errors.QuotaExceeded}
    assert len(operations()) == 2


def test_the_public_key_is_kept_from_then_on(sqlite_database, driver,
                                             context):
    """The key pair may be gone, or another user's, at the next resize."""
    create(context, keypair='mine')
    operation, = operations()
    assert operation.args['public_key'] == 'ssh-rsa AAAA'


@pytest.mark.parametrize('wish, given, error, word', [
    ({'master_count': 2}, {}, errors.Invalid, 'master_count'),
    ({'master_count': 3}, {}, errors.Invalid, 'master_lb_enabled'),
    ({'flavor_id': 'missing'}, {}, errors.Invalid, 'flavor_id'),
    ({'flavor_id': 'diskless'}, {}, errors.Invalid, 'no root disk'),
    ({'keypair': 'missing'}, {}, errors.NotFound, 'missing'),
    ({'keypair': 'of windows'}, {}, errors.Invalid, 'public keys for SSH'),
    ({}, {'image_id': 'missing'}, errors.Invalid, 'image_id'),
    ({}, {'image_id': 'plain'}, errors.Invalid, 'os_distro'),
    ({}, {'flavor_id': None}, errors.Invalid, 'flavor_id'),
    ({}, {'hidden': True}, errors.Forbidden, 'hidden'),
    ({}, {'coe': 'mesos'}, errors.DriverNotFound, 'mesos'),
    ({'labels': {'boot_volume_size': 'x'}}, {}, errors.Invalid,
     'boot_volume_size'),
    ({'labels': {'min_node_count': 'x'}}, {}, errors.Invalid,
     'min_node_count'),
    ({'labels': {'refuse': 'yes'}}, {}, errors.Invalid, 'refuse'),
    ({'docker_volume_size': 2}, {'docker_storage_driver': 'devicemapper'},
     errors.Invalid, 'docker_volume_size'),
])
def test_a_refused_create_stores_nothing(sqlite_database, driver, context,
                                         wish, given, error, word):
    with pytest.raises(error, match=word):
        create(context, template(**given), **wish)
    assert operations() == []
    with db.reader() as session:
        assert session.scalar(sa.select(clusters.count_of('p'))) == 0


@pytest.mark.parametrize('labels, merge, stored_labels', [
    (None, False, {'a': '1'}),
    ({}, True, {'a': '1'}),
    ({'b': True}, False, {'b': 'True'}),
    ({'b': 2}, True, {'a': '1', 'b': '2'}),
])
def test_labels_come_from_the_template_or_the_wish(
        sqlite_database, driver, context, labels, merge, stored_labels):
    made = create(context, labels=labels, merge_labels=merge)
    assert stored(made).labels == stored_labels


def test_a_resize_shows_at_once_and_says_what_it_was(cluster, context):
    resize_cluster.request(context, cluster, worker_of(cluster), 4,
                           ['server-1'])
    row = stored(cluster)
    assert row.status == 'UPDATE_IN_PROGRESS'
    assert worker_of(row).status == 'UPDATE_IN_PROGRESS'
    assert worker_of(row).node_count == 4
    operation = operations()[-1]
    assert operation.changes == {worker_of(row).uuid: {'node_count': [1, 4]}}
    assert operation.nodegroup_uuid == worker_of(row).uuid
    statuses = operation.args.pop('statuses')
    assert statuses[cluster.uuid] == ['CREATE_COMPLETE', None]
    assert operation.args == {'driver': 'fake',
                              'nodes_to_remove': ['server-1']}


def begin(operation):
    with db.writer() as session:
        return journal.claim(session, operation.id, operation.attempt, 'me',
                             60)


def test_a_resize_queues_behind_one_that_has_begun(cluster, context):
    resize_cluster.request(context, cluster, worker_of(cluster), 2)
    begin(operations()[-1])
    resize_cluster.request(context, cluster, worker_of(cluster), 3)
    assert [operation.changes for operation in operations()[1:]] == [
        {worker_of(cluster).uuid: {'node_count': sizes}}
        for sizes in ([1, 2], [2, 3])]


def test_a_resize_replaces_one_that_waits(cluster, context):
    for node_count, leaving in ((5, ['a']), (4, ['b']), (3, ['a', 'c'])):
        resize_cluster.request(context, cluster, worker_of(cluster),
                               node_count, leaving)
    first, second, third = operations()[1:]
    assert [first.state, second.state, third.state] == [
        'CANCELLED', 'CANCELLED', 'ACTIVE']
    assert first.sealed_token is second.sealed_token is None
    assert third.changes == {
        worker_of(cluster).uuid: {'node_count': [1, 3]}}
    assert third.args['nodes_to_remove'] == ['a', 'b', 'c']
    assert begin(first) is None


def test_a_cluster_has_a_limited_number_of_operations(cluster, context):
    worker = worker_of(cluster)
    for node_count in range(submit.MAX_ACTIVE):
        resize_cluster.request(context, cluster, worker, node_count)
        begin_all()
    with pytest.raises(errors.Conflict, match='20 operations'):
        resize_cluster.request(context, cluster, worker, 30)
    assert worker_of(stored(cluster)).node_count == submit.MAX_ACTIVE - 1
    delete_cluster.request(context, cluster)
    assert operations()[-1].kind == 'delete_cluster'


def begin_all():
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            attempt=1, started_at=models.utcnow()))


@pytest.mark.parametrize('status', ['CREATE_IN_PROGRESS', 'CREATE_FAILED',
                                    'DELETE_IN_PROGRESS'])
def test_a_resize_in_a_wrong_status_changes_nothing(cluster, context, status):
    set_status(status)
    with pytest.raises(errors.WrongStatus, match=status):
        resize_cluster.request(context, cluster, worker_of(cluster), 4)
    assert worker_of(stored(cluster)).node_count == 1
    assert len(operations()) == 1


def test_masters_are_not_resized_without_the_power(cluster, context):
    master = next(group for group in cluster.nodegroups
                  if group.role == 'master')
    with pytest.raises(errors.NotSupported):
        resize_cluster.request(context, cluster, master, 3)


def test_a_size_outside_the_bounds_is_refused(cluster, context):
    worker = worker_of(cluster)
    worker.min_node_count, worker.max_node_count = 2, 4
    for node_count in (1, 5):
        with pytest.raises(errors.Invalid, match='node_count'):
            resize_cluster.request(context, cluster, worker, node_count)


def test_an_update_needs_a_settled_cluster(cluster, context):
    resize_cluster.request_patch(context, cluster, 2)
    with pytest.raises(errors.WrongStatus):
        resize_cluster.request_patch(context, cluster, 3)
    assert worker_of(stored(cluster)).node_count == 2


def test_a_health_report_changes_no_status(cluster):
    db.write(clusters.set_health, cluster.uuid, 'HEALTHY', {'api': 'ok'})
    row = stored(cluster)
    assert (row.health_status, row.health_status_reason, row.status) == (
        'HEALTHY', {'api': 'ok'}, 'CREATE_COMPLETE')


def test_a_delete_cancels_what_is_at_work(sqlite_database, driver, context):
    made = stored(create(context))
    delete_cluster.request(context, made)
    first, second = operations()
    assert first.cancelled and first.state == 'ACTIVE'
    assert second.kind == 'delete_cluster' and not second.cancelled
    row = stored(made)
    assert row.status == 'DELETE_IN_PROGRESS'
    assert {group.status for group in row.nodegroups} == {
        'DELETE_IN_PROGRESS'}


def test_deleting_twice_is_deleting_once(cluster, context):
    delete_cluster.request(context, cluster)
    delete_cluster.request(context, cluster)
    assert [operation.kind for operation in operations()[1:]] == [
        'delete_cluster']


def test_what_is_gone_cannot_be_deleted(cluster, context):
    with db.writer() as session:
        clusters.delete(session, cluster.uuid)
    with pytest.raises(errors.NotFound):
        delete_cluster.request(context, cluster)
