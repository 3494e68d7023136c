# SPDX-License-Identifier: Apache-2.0
"""Looking at clusters by TLS, whatever they answer."""

import dataclasses
import socket
import threading
import time

from oslo_config import cfg
import pytest

from magnum.certificates import x509
from magnum.drivers import kubernetes_api
from magnum.drivers import kubernetes_health
from magnum import errors
from magnum import specs
from magnum.tests.fakes import kubernetes as fake

CONF = cfg.CONF


@pytest.fixture(scope='module')
def keys():
    """An authority, a client of its own, and a stranger's client."""
    CONF.set_override('rsa_key_size', 2048, group='x509')
    ca, other = x509.make_ca('c'), x509.make_ca('other')
    made = {'ca': ca, 'other': other,
            'client': x509.make_client(ca, 'admin', 'system:masters'),
            'stranger': x509.make_client(other, 'admin', 'system:masters')}
    CONF.clear_override('rsa_key_size', group='x509')
    return made


@pytest.fixture
def server(keys):
    with fake.FakeKubernetes(keys['ca']) as server:
        server.clusters['a'] = fake.Cluster()
        yield server


@pytest.fixture
def access(server, keys):
    return specs.Access(server.address('a'), keys['ca'].certificate,
                        keys['client'])


@pytest.fixture
def hurried(monkeypatch):
    """Limits that a test can wait for."""
    monkeypatch.setattr(kubernetes_api, 'CONNECT_SECONDS', 0.3)
    monkeypatch.setattr(kubernetes_api, 'CALL_SECONDS', 0.5)


def test_a_cluster_that_is_well_is_healthy(server, access):
    server.clusters['a'].versions = {'node-0': 'v1.9.10'}
    health = kubernetes_health.ask(access)
    assert health.status == 'HEALTHY'
    assert health.reason == {'api': 'ok', 'master-0.Ready': 'True',
                             'node-0.Ready': 'True'}
    assert health.nodes == {'master-0': True, 'node-0': True}
    # The lowest, as numbers go.
    assert health.coe_version == 'v1.9.10'
    assert health.container_version == '1.7.24'
    # All questions go by one connection.
    assert server.connections == 1


def test_a_node_that_is_not_ready_makes_it_unhealthy(server, access):
    server.clusters['a'].nodes['node-0'] = False
    health = kubernetes_health.ask(access)
    assert health.status == 'UNHEALTHY'
    assert health.reason['node-0.Ready'] == 'False'
    assert health.reason['api'] == 'ok'


def test_a_pod_of_the_control_plane_makes_it_unhealthy(server, access):
    server.clusters['a'].pods['etcd-master-0'] = False
    health = kubernetes_health.ask(access)
    assert health.status == 'UNHEALTHY'
    assert health.reason['etcd-master-0.Ready'] == 'False'


def test_many_nodes_come_page_by_page_and_not_all_are_named(server, access):
    server.clusters['a'].nodes = {f'node-{n}': n != 249 for n in range(250)}
    health = kubernetes_health.ask(access)
    assert server.requests['a', '/api/v1/nodes'] == 3
    assert len(health.nodes) == 250
    assert len(health.reason) == kubernetes_health.NAMED + 1
    assert health.reason['node-249.Ready'] == 'False'


def test_an_api_without_readyz_is_asked_the_old_way(server, access):
    server.clusters['a'].manner = 'old'
    assert kubernetes_health.ask(access).status == 'HEALTHY'
    assert server.requests['a', '/healthz'] == 1


def test_what_fails_within_the_api_is_named(server, access):
    server.clusters['a'].manner = 'ill'
    health = kubernetes_health.ask(access)
    assert health.status == 'UNHEALTHY'
    assert health.reason == {'api': '/readyz of the API answers with HTTP '
                                    'status 500; failing: etcd.'}
    assert health.failure.code == 'API_FAILED'
    assert health.nodes is None


@pytest.mark.parametrize('manner, code, text', [
    ('forbid', 'API_FAILED', "does not accept this service's certificate"),
    ('text', 'API_FAILED', 'no JSON object'),
    ('redirect', 'API_FAILED', 'HTTP status 302'),
    ('flood', 'API_FAILED', 'more than 8388608 bytes'),
    ('break', 'API_UNREACHABLE', 'broke off'),
    ('hang', 'API_UNREACHABLE', 'did not answer in time'),
    ('drip', 'API_UNREACHABLE', 'did not answer in time')])
def test_an_odd_answer_ends_in_time(server, access, monkeypatch, manner,
                                    code, text):
    if manner in ('hang', 'drip'):
        monkeypatch.setattr(kubernetes_api, 'CALL_SECONDS', 0.5)
    server.clusters['a'].manner = manner
    began = time.monotonic()
    health = kubernetes_health.ask(access)
    assert time.monotonic() - began < 5
    assert (health.status, health.failure.code) == ('UNHEALTHY', code)
    assert text in health.reason['api']


def test_a_host_that_takes_connections_and_says_nothing(access, hurried):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        health = kubernetes_health.ask(dataclasses.replace(
            access, address=f'https://127.0.0.1:{port}'))
    assert time.monotonic() - began < 2
    assert health.reason == {'api': 'The API did not answer in time.'}


def test_nobody_at_the_address(access):
    with socket.create_server(('127.0.0.1', 0)) as socket_:
        port = socket_.getsockname()[1]
    health = kubernetes_health.ask(dataclasses.replace(
        access, address=f'https://127.0.0.1:{port}'))
    assert health.reason == {
        'api': 'The API does not answer: connection refused.'}
    assert health.failure.code == 'API_UNREACHABLE'


def test_a_server_of_another_authority_is_not_talked_to(server, access, keys):
    health = kubernetes_health.ask(dataclasses.replace(
        access, ca=keys['other'].certificate))
    assert 'certificate that the API shows is not valid' in (
        health.reason['api'])
    assert not server.requests


def test_a_certificate_for_another_address_is_not_accepted(keys):
    with fake.FakeKubernetes(keys['ca'], name='192.0.2.7') as server:
        server.clusters['a'] = fake.Cluster()
        health = kubernetes_health.ask(specs.Access(
            server.address('a'), keys['ca'].certificate, keys['client']))
        assert 'certificate that the API shows is not valid' in (
            health.reason['api'])
        assert not server.requests


def test_both_authorities_are_trusted_while_one_replaces_the_other(
        access, keys):
    both = keys['other'].certificate + '\n' + access.ca
    assert kubernetes_health.ask(dataclasses.replace(
        access, ca=both)).status == 'HEALTHY'


def test_a_client_that_the_cluster_does_not_know_is_unhealthy(access, keys):
    health = kubernetes_health.ask(dataclasses.replace(
        access, client=keys['stranger']))
    assert health.status == 'UNHEALTHY'
    assert health.nodes is None


@pytest.mark.parametrize('changes, error', [
    ({'address': 'http://127.0.0.1:8080'}, errors.NotSupported),
    ({'ca': 'no certificate'}, errors.InfrastructureFailed)])
def test_useless_access_is_no_state_of_the_cluster(access, changes, error):
    with pytest.raises(error):
        kubernetes_health.ask(dataclasses.replace(access, **changes))


def test_an_environment_with_a_proxy_is_followed(server, access, monkeypatch):
    seen = []
    with socket.create_server(('127.0.0.1', 0)) as proxy:
        threading.Thread(target=_tunnel, args=(proxy, server.port, seen),
                         daemon=True).start()
        monkeypatch.setenv(
            'https_proxy', f'http://127.0.0.1:{proxy.getsockname()[1]}')
        monkeypatch.delenv('no_proxy', raising=False)
        monkeypatch.delenv('NO_PROXY', raising=False)
        assert kubernetes_health.ask(access).status == 'HEALTHY'
    assert seen[0].startswith(f'CONNECT 127.0.0.1:{server.port}'.encode())


def _tunnel(proxy, port, seen):
    client, _ = proxy.accept()
    seen.append(client.recv(4096))
    client.sendall(b'HTTP/1.0 200 OK\r\n\r\n')
    behind = socket.create_connection(('127.0.0.1', port))
    threading.Thread(target=_copy, args=(behind, client),
                     daemon=True).start()
    _copy(client, behind)


def _copy(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)


@pytest.mark.parametrize('text', [
    'v' + '9' * 5000, 'v1', 'v1.2\nv3', '<b>1.2</b>', None, 7, {}, ''])
def test_what_is_no_version_is_not_one(text):
    assert kubernetes_health.lowest([text]) is None
    assert kubernetes_health.lowest([text, 'v1.31.4']) == 'v1.31.4'
