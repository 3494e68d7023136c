# SPDX-License-Identifier: Apache-2.0
"""What rows of older releases mean, and what this one writes for them."""

import datetime

from oslo_db import exception
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import session

# What an older release, or one column fewer, leaves behind.
BARE_NODEGROUP = ("INSERT INTO nodegroup (uuid, name, cluster_id, project_id)"
                  " VALUES ('n', 'default-worker', 'c', 'p')")


def execute(statement):
    with session.engine().begin() as connection:
        connection.execute(sa.text(statement))


def stored(column, table):
    """The bytes in the column of the only row."""
    with session.engine().connect() as connection:
        return connection.execute(
            sa.text(f'SELECT {column} FROM {table}')).scalar_one()


def only(model):
    with session.reader() as reader:
        return reader.scalars(sa.select(model)).one()


def add(row):
    with session.writer() as writer:
        writer.add(row)


def test_nulls_of_a_cluster_have_their_meaning(database):
    execute("INSERT INTO cluster (uuid) VALUES ('c')")
    cluster = only(models.Cluster)
    assert cluster.floating_ip_enabled is True
    assert cluster.master_lb_enabled is False
    assert cluster.labels == {}
    assert cluster.health_status_reason == {}
    assert cluster.etcd_ca_cert_ref is None
    assert cluster.status is None
    assert cluster.updated_at is None


def test_nulls_of_a_template_have_their_meaning(database):
    execute("INSERT INTO cluster_template (uuid, server_type)"
            " VALUES ('t', NULL)")
    template = only(models.ClusterTemplate)
    assert template.floating_ip_enabled is True
    for flag in ('hidden', 'public', 'tls_disabled', 'registry_enabled',
                 'master_lb_enabled'):
        assert getattr(template, flag) is False, flag
    assert template.labels == {}
    assert template.driver is None
    assert template.server_type is None


def test_nulls_of_a_nodegroup_have_their_meaning(database):
    execute(BARE_NODEGROUP)
    nodegroup = only(models.NodeGroup)
    assert nodegroup.node_count == 1
    assert nodegroup.min_node_count == 0
    assert nodegroup.max_node_count is None
    assert nodegroup.is_default is False
    assert nodegroup.role is None
    assert nodegroup.labels == nodegroup.node_labels == {}
    assert nodegroup.node_addresses == nodegroup.node_taints == []


def test_an_operation_of_the_release_before_loads(database):
    add(models.Operation(uuid='u', kind='k', cluster_uuid='c', args={'a': 1},
                         not_before=models.utcnow()))
    execute('UPDATE operation SET changes = NULL, progress = NULL')
    operation = only(models.Operation)
    assert operation.changes == operation.progress == {}
    assert operation.lane is operation.nodegroup_uuid is None
    assert operation.timeout_seconds is operation.error_code is None


def test_a_heartbeat_without_a_host_loads(database):
    execute("INSERT INTO magnum_service (report_count) VALUES (3)")
    service = only(models.MagnumService)
    assert service.host is None
    assert service.forced_down is False
    assert service.disabled is False


def test_the_database_knows_what_server_a_template_means(database):
    execute("INSERT INTO cluster_template (uuid) VALUES ('t')")
    assert only(models.ClusterTemplate).server_type == 'vm'


def test_unknown_statuses_and_coes_load(database):
    execute("INSERT INTO cluster (uuid, status, health_status)"
            " VALUES ('c', 'MELTED', 'SO_SO')")
    execute("INSERT INTO cluster_template (uuid, coe, server_type)"
            " VALUES ('t', 'swarm-mode', 'lxc')")
    assert only(models.Cluster).status == 'MELTED'
    assert only(models.Cluster).health_status == 'SO_SO'
    assert only(models.ClusterTemplate).coe == 'swarm-mode'


@pytest.mark.parametrize('model, column, value, text', [
    (models.Cluster, 'labels',
     {'kube_tag': 'v1.31.4', 'boot_volume_size': '40'},
     '{"kube_tag": "v1.31.4", "boot_volume_size": "40"}'),
    (models.Cluster, 'labels', {'b': '\u00fc', 'a': '"\n'},
     '{"b": "\\u00fc", "a": "\\"\\n"}'),
    (models.Cluster, 'labels', None, '{}'),
    (models.Cluster, 'health_status_reason',
     {'api': 'ok', 'node-0.Ready': 'True'},
     '{"api": "ok", "node-0.Ready": "True"}'),
    (models.NodeGroup, 'node_addresses', ['10.0.0.11', '10.0.0.12'],
     '["10.0.0.11", "10.0.0.12"]'),
    (models.NodeGroup, 'node_addresses', None, '[]'),
    (models.NodeGroup, 'node_labels', {'env': 'prod'}, '{"env": "prod"}'),
    (models.NodeGroup, 'node_taints',
     [{'key': 'gpu', 'value': 'yes', 'effect': 'NoSchedule'}],
     '[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]'),
    (models.Federation, 'member_ids', ['u'], '["u"]'),
    (models.Federation, 'properties', {'dns-zone': 'example.org.'},
     '{"dns-zone": "example.org."}'),
])
def test_json_is_written_as_release_22_0_0_did(database, model, column, value,
                                               text):
    others = {'name': 'n', 'cluster_id': 'c', 'project_id': 'p'}
    if model is not models.NodeGroup:
        others = {}
    add(model(uuid='u', **{column: value}, **others))
    assert stored(column, model.__tablename__) == text
    assert getattr(only(model), column) == value or value is None


@pytest.mark.parametrize('model, empty', [
    (models.Cluster, {'labels': '{}', 'health_status_reason': '{}'}),
    (models.ClusterTemplate, {'labels': '{}'}),
    (models.NodeGroup, {'labels': '{}', 'node_addresses': '[]',
                        'node_labels': '{}', 'node_taints': '[]'}),
    (models.Federation, {'member_ids': '[]', 'properties': '{}'}),
    (models.Operation, {'args': '{}', 'changes': '{}', 'progress': '{}'}),
])
def test_json_that_nobody_set_is_an_empty_container(sqlite_database, model,
                                                    empty):
    required = {
        models.NodeGroup: {'name': 'n', 'cluster_id': 'c', 'project_id': 'p'},
        models.Operation: {'kind': 'k', 'cluster_uuid': 'c',
                           'not_before': models.utcnow()}}
    add(model(uuid='u', **required.get(model, {})))
    for column, text in empty.items():
        assert stored(column, model.__tablename__) == text, column


def test_what_no_one_said_is_written_as_release_22_0_0_did(database):
    add(models.Cluster(uuid='c'))
    add(models.ClusterTemplate(uuid='t'))
    add(models.NodeGroup(uuid='n', name='n', cluster_id='c', project_id='p'))
    add(models.MagnumService(host='h', binary='magnum-conductor'))
    assert stored('floating_ip_enabled', 'cluster') == 1
    assert stored('master_lb_enabled', 'cluster') == 0
    for flag, value in (('registry_enabled', 0), ('tls_disabled', 0),
                        ('public', 0), ('master_lb_enabled', 0),
                        ('floating_ip_enabled', 1), ('hidden', 0)):
        assert stored(flag, 'cluster_template') == value, flag
    assert stored('server_type', 'cluster_template') == 'vm'
    assert stored('is_default', 'nodegroup') == 0
    for column in ('min_node_count', 'max_node_count', 'version', 'role'):
        assert stored(column, 'nodegroup') is None, column
    for column in ('disabled', 'forced_down', 'report_count'):
        assert stored(column, 'magnum_service') == 0, column


def test_times_are_naive_utc_in_whole_seconds(database):
    before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    add(models.Cluster(uuid='c'))
    written = only(models.Cluster).created_at
    assert written.tzinfo is None
    assert written.microsecond == 0
    assert abs(written - before) < datetime.timedelta(seconds=30)


def test_an_update_sets_its_time(database):
    add(models.Cluster(uuid='c'))
    assert only(models.Cluster).updated_at is None
    with session.writer() as writer:
        writer.execute(sa.update(models.Cluster).values(name='new'))
    assert only(models.Cluster).updated_at is not None


def test_a_template_that_is_gone_leaves_the_cluster_readable(database):
    add(models.Cluster(uuid='c', cluster_template_id='gone'))
    with session.reader() as reader:
        cluster = reader.scalars(sa.select(models.Cluster).options(
            orm.selectinload(models.Cluster.template),
            orm.selectinload(models.Cluster.nodegroups))).one()
    assert cluster.template is None
    assert cluster.nodegroups == []


def test_only_one_operation_runs_on_a_cluster(database):
    def operation(uuid, running_on):
        return models.Operation(uuid=uuid, kind='k', cluster_uuid='c',
                                running_on=running_on,
                                not_before=models.utcnow())
    add(operation('a', 'c'))
    add(operation('b', None))
    add(operation('d', None))
    with pytest.raises(exception.DBDuplicateEntry):
        add(operation('e', 'c'))
