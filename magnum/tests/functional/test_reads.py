# SPDX-License-Identifier: Apache-2.0
"""What reading costs: a fixed number of statements, and nothing else."""

import contextlib
import datetime
import socket

import pytest
import sqlalchemy as sa

from magnum.api import dispatch
from magnum.api import routes
from magnum.db import models
from magnum.db import session as db
from magnum import openstack
from magnum import rpc
from magnum.tests import factories
from magnum.tests import wsgi

OPERATION = '0b0e9d3c-6f5a-4c18-9d27-3f1f7a52e8b4'

# path: how many SELECTs at most
LISTS = {
    '/v1/clusters': 2,
    '/v1/clusters/detail': 3,
    '/v1/clustertemplates': 1,
    '/v1/clustertemplates/detail': 1,
    '/v1/clusters/first/nodegroups': 2,
    '/v1/clusters/first/operations': 2,
    '/v1/quotas': 1,
    '/v1/quotas?all_tenants=true': 1,
    '/v1/federations': 1,
    '/v1/federations/detail': 1,
    '/v1/mservices': 1,
    '/v1/stats': 1,
    '/v1/stats?project_id=p': 1,
    '/v1/bays': 2,
    '/v1/bays/detail': 2,
    '/v1/baymodels': 1,
    '/v1/baymodels/detail': 1,
}

ITEMS = {
    '/v1/clusters/first': 1,
    '/v1/clustertemplates/first': 1,
    '/v1/clusters/first/nodegroups/default-worker': 2,
    f'/v1/operations/{OPERATION}': 2,
    '/v1/clusters/first/protection': 1,
    '/v1/certificates/first': 2,
    '/v1/certificates/first/etcd': 2,
    '/v1/quotas/p/Cluster': 1,
    '/v1/drivers': 0,
    '/v1/drivers/fake/labels': 0,
    '/v1/federations/first': 1,
    '/v1/bays/first': 1,
    '/v1/baymodels/first': 1,
    '/': 0,
    '/v1': 0,
    '/v1/openapi.json': 0,
}

FOR_ADMINISTRATORS = ('/v1/quotas', '/v1/mservices')


@pytest.fixture
def alone(api, monkeypatch):
    """The application, with nobody else in the world."""
    def refuse(*args, **kwargs):
        raise AssertionError('A read speaks to another service.')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(rpc, 'hint', refuse)
    for name in ('request_cloud', 'service_cloud', 'token_cloud',
                 'service_session', 'session_for', 'keystone_url'):
        monkeypatch.setattr(openstack, name, refuse)
    return api


@contextlib.contextmanager
def statements():
    """The SELECTs that are made in the block."""
    seen = []

    def note(connection, cursor, statement, *_):
        if statement.lstrip().upper().startswith('SELECT'):
            seen.append(statement)

    sa.event.listen(db.engine(), 'before_cursor_execute', note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine(), 'before_cursor_execute', note)


def fill(count, name=None):
    named = {'name': name} if name else {}
    cluster = None
    for _ in range(count):
        template = factories.template(**named)
        cluster = factories.cluster(cluster_template_id=template.uuid,
                                    **named)
        factories.store(template, cluster, *factories.nodegroups(cluster),
                        factories.federation(**named), factories.service(),
                        factories.quota(project_id=cluster.uuid))
    return cluster


def version(path):
    return '1.10' if '/bay' in path else 'latest'


@pytest.mark.parametrize('token', ['member', 'admin'])
@pytest.mark.parametrize('path', LISTS)
def test_a_list_costs_the_same_for_one_row_and_for_fifty(alone, path, token):
    if token == 'member' and path.startswith(FOR_ADMINISTRATORS):
        pytest.skip('for administrators only')
    first = fill(1, 'first')
    factories.store(factories.operation(first))
    counts, sizes = [], []
    for more in (0, 49):
        fill(more)
        factories.store(*(factories.nodegroup(first) for _ in range(more)),
                        *(factories.operation(first) for _ in range(more)))
        with statements() as seen:
            answer = alone('GET', path, token=token, version=version(path))
        assert answer.status_int == 200, answer.text
        counts.append(len(seen))
        sizes.append(len(answer.body))
    assert counts[0] == counts[1] <= LISTS[path], seen
    # Of these there is one, whatever there is.
    if not path.startswith('/v1/stats') and path != '/v1/quotas':
        assert sizes[1] > 10 * sizes[0]


@pytest.mark.parametrize('path', ITEMS)
def test_an_item_costs_little(alone, path):
    cluster = fill(1, 'first')
    factories.store(factories.operation(cluster, uuid=OPERATION))
    wsgi.played(cluster.uuid, 'CERTIFIED')
    with statements() as seen:
        answer = alone('GET', path, version=version(path))
    assert answer.status_int == 200, answer.text
    assert len(seen) <= ITEMS[path], seen


def test_what_is_not_shown_of_a_cluster_is_not_read(alone):
    fill(1, 'first')
    for path in ('/v1/clusters/first', '/v1/clusters', '/v1/clusters/detail'):
        with statements() as seen:
            assert alone('GET', path, version='latest').status_int == 200
        for column in ('trustee_password', 'trust_id', 'ca_cert_ref',
                       'tls_disabled', 'node_taints', 'protected'):
            assert column not in ' '.join(seen)


def test_every_get_is_counted():
    counted = {'/' + dispatch.find(path.partition('?')[0])[0]
               for path in (*LISTS, *ITEMS)}
    assert counted == {f'/{path}' for path, methods in routes.ROUTES.items()
                       if 'GET' in methods}


def test_a_conductor_is_up_while_its_heart_beats(api):
    def ago(seconds):
        return models.utcnow() - datetime.timedelta(seconds=seconds)

    factories.store(
        factories.service(host='new'),
        factories.service(host='slow', last_seen_up=ago(170)),
        factories.service(host='dead', last_seen_up=ago(190)),
        factories.service(host='fast', last_seen_up=ago(-190)),
        factories.service(host='shut', forced_down=True),
        factories.service(host='never', last_seen_up=None))
    rows = api('GET', '/v1/mservices', token='admin').json['mservices']
    assert {row['host']: row['state'] for row in rows} == {
        'new': 'up', 'slow': 'up', 'dead': 'down', 'fast': 'down',
        'shut': 'down', 'never': 'up'}
    assert [row['id'] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0]['binary'] == 'magnum-conductor'
    assert rows[0]['report_count'] == 1
    assert set(rows[0]) == {
        'id', 'host', 'binary', 'state', 'report_count', 'disabled',
        'disabled_reason', 'created_at', 'updated_at'}


def test_a_body_without_a_type_is_json(api):
    answer = api('POST', '/v1/clusters', raw=b'{"name": "c"}',
                 headers={'Content-Type': ''})
    assert answer.status_int == 400
    assert 'cluster_template_id' in answer.json['message']


def test_rows_of_an_old_release_are_shown(api):
    cluster = factories.cluster(
        name='old', labels={'a': 1}, create_timeout=None, status=None,
        floating_ip_enabled=None, master_lb_enabled=None,
        cluster_template_id='gone')
    factories.store(cluster)
    answer = api('GET', '/v1/clusters/old').json
    assert answer['node_count'] == answer['master_count'] == 0
    assert answer['labels'] == {'a': '1'}
    assert answer['labels_added'] == {'a': '1'}
    assert answer['floating_ip_enabled'] is True
    assert answer['master_lb_enabled'] is False
    assert len(api('GET', '/v1/clusters').json['clusters']) == 1
