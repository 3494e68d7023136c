# SPDX-License-Identifier: Apache-2.0
"""The health of clusters, asked by TLS and shared by conductors."""

import datetime
import socket
import threading
import time

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.certificates import authority
from magnum.certificates import stores
from magnum.certificates import x509
from magnum.conductor import health
from magnum.conductor import polls
from magnum.db import clusters
from magnum.db import conditions
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.tests import factories
from magnum.tests.fakes import driver as fake_driver
from magnum.tests.fakes import kubernetes as fake
from magnum.tests.fakes import world

CONF = cfg.CONF

LONG_AGO = datetime.datetime(2000, 1, 1)


@pytest.fixture(scope='module')
def pairs():
    """The two certificates that matter here; TLS takes no short keys."""
    CONF.set_override('rsa_key_size', 2048, group='x509')
    ca = x509.make_ca('c')
    made = {'ca_cert_ref': ca,
            'magnum_cert_ref': x509.make_client(ca, 'admin',
                                                'system:masters')}
    CONF.clear_override('rsa_key_size', group='x509')
    return made


@pytest.fixture
def server(pairs, monkeypatch):
    fake_driver.install(monkeypatch)
    with (world.configured(),
          fake.FakeKubernetes(pairs['ca_cert_ref']) as server):
        yield server


@pytest.fixture
def cluster(sqlite_database, server, pairs):
    """The uuid of a settled cluster of two nodes."""
    return settled(server, pairs, 'a')


def settled(server, pairs, name, **columns):
    server.clusters[name] = fake.Cluster()
    template = factories.template()
    row = factories.cluster(name=name, api_address=server.address(name),
                            cluster_template_id=template.uuid, **columns)
    names = stores.names(0)
    refs = stores.current().save(
        row.uuid, {names[column]: pair for column, pair in pairs.items()},
        'p', 'u')
    for column in pairs:
        setattr(row, column, refs[names[column]])
    factories.store(template, row, *factories.nodegroups(row))
    return row.uuid


@pytest.fixture
def poller():
    made = polls.Poller(health.Health(), 4)
    yield made
    made.stop()


def make_due():
    with db.writer() as session:
        session.execute(sa.update(models.Poll).values(next_at=LONG_AGO))


def look(poller):
    """Have all looked at, and wait until it is written."""
    make_due()
    poller._enrolled = 0
    poller.turn()
    until = time.monotonic() + 30
    while poller._asked and time.monotonic() < until:
        time.sleep(0.02)
        poller._collect()


def row(uuid):
    with db.reader() as session:
        return clusters.load(session, uuid)


def change(uuid, **columns):
    with db.writer() as session:
        clusters.set_columns(session, uuid, columns)


def found(uuid):
    """Status and code of each condition."""
    with db.reader() as session:
        return {one.type: (one.status, one.code) for one in session.scalars(
            sa.select(models.Condition)
            .where(models.Condition.cluster_uuid == uuid))}


def test_a_cluster_becomes_ill_and_well_again(server, cluster, poller):
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'
    assert row(cluster).health_status_reason == {
        'api': 'ok', 'master-0.Ready': 'True', 'node-0.Ready': 'True'}
    assert row(cluster).coe_version == 'v1.31.4'
    assert row(cluster).container_version == '1.7.24'
    assert row(cluster).status == 'CREATE_COMPLETE'
    assert found(cluster) == {'ControlPlaneReachable': ('True', 'OK'),
                              'NodesReady': ('True', 'OK'),
                              'CertificatesValid': ('True', 'OK')}
    server.clusters['a'].nodes['node-0'] = False
    look(poller)
    assert row(cluster).health_status == 'UNHEALTHY'
    assert row(cluster).health_status_reason['node-0.Ready'] == 'False'
    assert found(cluster)['NodesReady'] == ('False', 'NODES_NOT_READY')
    server.clusters['a'].nodes['node-0'] = True
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'
    assert found(cluster)['NodesReady'] == ('True', 'OK')


def test_what_has_not_changed_is_not_written(cluster, poller):
    look(poller)
    change(cluster, updated_at=LONG_AGO)
    look(poller)
    assert row(cluster).updated_at == LONG_AGO


def test_a_node_that_is_missing_makes_it_unhealthy(server, cluster, poller):
    del server.clusters['a'].nodes['node-0']
    look(poller)
    assert row(cluster).health_status == 'UNHEALTHY'
    assert row(cluster).health_status_reason == {
        'api': 'ok', 'master-0.Ready': 'True', 'nodes': '1 of 2'}
    assert found(cluster)['NodesReady'] == ('False', 'NODES_MISSING')


def test_nodes_are_not_counted_while_their_number_changes(server, cluster,
                                                          poller):
    change(cluster, status='UPDATE_IN_PROGRESS')
    del server.clusters['a'].nodes['node-0']
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'
    assert row(cluster).coe_version is None


def test_an_api_that_is_away_makes_it_unhealthy(server, cluster, poller):
    look(poller)
    server.clusters['a'].manner = 'break'
    look(poller)
    assert row(cluster).health_status == 'UNHEALTHY'
    assert list(row(cluster).health_status_reason) == ['api']
    assert found(cluster)['ControlPlaneReachable'] == (
        'False', 'API_UNREACHABLE')
    assert found(cluster)['NodesReady'] == ('Unknown', 'NOT_ASKED')


def test_a_cluster_without_an_address_outside_is_unknown(server, cluster,
                                                         poller):
    change(cluster, floating_ip_enabled=False)
    look(poller)
    assert row(cluster).health_status == 'UNKNOWN'
    assert row(cluster).health_status_reason == {
        'api': 'The cluster a is not accessible.'}
    assert not server.requests
    change(cluster, master_lb_enabled=True,
           labels={'master_lb_floating_ip_enabled': 'true'})
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'


@pytest.mark.parametrize('labels, asked', [
    ({'auto_healing_enabled': 'true',
      'auto_healing_controller': 'magnum-auto-healer'}, False),
    ({'auto_healing_enabled': 'True',
      'auto_healing_controller': 'draino'}, True),
    ({'auto_healing_enabled': 'false',
      'auto_healing_controller': 'magnum-auto-healer'}, True)])
def test_a_cluster_that_reports_itself_is_left_alone(server, cluster, poller,
                                                     labels, asked):
    change(cluster, labels=labels)
    db.write(clusters.set_health, cluster, 'UNHEALTHY', {'node-0.x': 'error'})
    look(poller)
    assert bool(server.requests) is asked
    assert (row(cluster).health_status == 'UNHEALTHY') is not asked


def test_what_was_reported_meanwhile_stays(server, cluster, poller):
    errand = health.Health()
    task = errand.load([cluster])[cluster]
    answer = errand.ask(task)
    db.write(clusters.set_health, cluster, 'UNHEALTHY', {'api': 'from within'})
    look(poller)  # Someone holds the claim.
    db.write(clusters.set_health, cluster, 'UNHEALTHY', {'api': 'from within'})
    poller._errand.write(task, answer, poller.owner)
    assert row(cluster).health_status_reason == {'api': 'from within'}


def test_whoever_lost_the_claim_writes_nothing(cluster, poller):
    errand = health.Health()
    task = errand.load([cluster])[cluster]
    look(poller)
    change(cluster, health_status=None, health_status_reason={})
    errand.write(task, errand.ask(task), 'somebody else')
    assert row(cluster).health_status is None


@pytest.mark.parametrize('columns', [
    {'status': 'DELETE_IN_PROGRESS'}, {'status': 'DELETE_FAILED'},
    {'api_address': None}, {'cluster_template_id': 'gone'}])
def test_some_clusters_are_not_asked(server, cluster, poller, columns):
    change(cluster, **columns)
    look(poller)
    assert not server.requests
    assert row(cluster).health_status is None


def test_without_certificates_nothing_is_written(server, cluster, poller,
                                                 caplog):
    change(cluster, magnum_cert_ref=None)
    look(poller)
    assert row(cluster).health_status is None
    assert 'could not be found' in caplog.text
    assert found(cluster) == {}


def test_certificates_are_read_once(cluster, poller, monkeypatch):
    look(poller)

    def away(*ref):
        raise errors.ServiceUnavailable('Barbican is away')
    monkeypatch.setattr(authority, 'access', away)
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'
    # Those of a rotation are others.
    change(cluster, ca_cert_ref='new', health_status=None)
    look(poller)
    assert row(cluster).health_status is None


def test_a_row_that_cannot_be_read_does_not_stop_the_others(
        server, cluster, pairs, poller, caplog):
    broken = settled(server, pairs, 'b')
    with db.writer() as session:
        session.execute(sa.text(
            "UPDATE cluster SET labels = '{' WHERE uuid = :uuid"),
            {'uuid': broken})
    look(poller)
    assert row(cluster).health_status == 'HEALTHY'
    assert f'health of {broken} is not looked at' in caplog.text


def test_infrastructure_that_is_lost_makes_it_unhealthy(cluster, poller):
    with db.writer() as session:
        conditions.write(session, cluster, {
            'InfrastructureInSync': conditions.Finding(
                'False', 'STACK_LOST', 'The stack is lost.')})
    look(poller)
    assert row(cluster).health_status == 'UNHEALTHY'
    assert row(cluster).health_status_reason['infrastructure'] == (
        'The stack is lost.')
    assert row(cluster).health_status_reason['api'] == 'ok'


def test_a_cluster_that_goes_takes_what_was_found_with_it(cluster, poller):
    look(poller)
    task = health.Health().load([cluster])[cluster]
    with db.writer() as session:
        clusters.delete(session, cluster)
    poller._errand.write(task, health.Found(
        health.base.Health('UNHEALTHY', {})), poller.owner)
    with db.reader() as session:
        assert not session.scalars(sa.select(models.Poll)).all()
        assert not session.scalars(sa.select(models.Condition)).all()


def test_a_dead_cluster_costs_one_time_out_and_no_thread(
        server, cluster, pairs, poller, monkeypatch):
    monkeypatch.setattr('magnum.drivers.kubernetes_api.CONNECT_SECONDS', 0.5)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        dead = settled(server, pairs, 'dead')
        change(dead, api_address='https://127.0.0.1:'
                                 f'{silent.getsockname()[1]}')
        look(poller)
        threads = threading.active_count()
        for _ in range(3):
            began = time.monotonic()
            look(poller)
            assert 0.4 < time.monotonic() - began < 1.5
            assert threading.active_count() <= threads + 4
    assert row(dead).health_status == 'UNHEALTHY'
    assert row(cluster).health_status == 'HEALTHY'


def test_two_conductors_share_and_do_not_double(database, server, pairs):
    uuids = [settled(server, pairs, f'c{number}') for number in range(12)]
    pollers = [polls.Poller(health.Health(), 2) for _ in range(2)]
    for each in pollers:
        each.start()
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and not all(
                row(uuid).health_status == 'HEALTHY' for uuid in uuids):
            time.sleep(0.2)
    finally:
        for each in pollers:
            each.stop()
    assert {row(uuid).health_status for uuid in uuids} == {'HEALTHY'}
    assert {server.requests[f'c{number}', '/readyz']
            for number in range(12)} == {1}


def test_what_was_not_asked_is_left_to_others(cluster, poller, server):
    server.clusters['a'].manner = 'hang'
    poller.turn()
    assert poller._asked
    poller.stop()
    with db.reader() as session:
        claim, = session.scalars(sa.select(models.Poll))
        assert claim.owner is None
