# SPDX-License-Identifier: Apache-2.0
"""What a dry run tells, leaves alone, and keeps to itself."""

import contextlib

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import rpc
from magnum.tests import factories

REQUESTS = [
    ('/v1/clusters', {'cluster_template_id': 't', 'keypair': 'key'}),
    ('/v1/clusters/c/actions/resize', {'node_count': 2}),
    ('/v1/clusters/c/actions/resize', {'node_count': 1,
                                       'nodes_to_remove': ['0']}),
    ('/v1/clusters/c/actions/upgrade', {'cluster_template': 't'}),
    ('/v1/clusters/c/nodegroups', {'name': 'new'})]


@pytest.fixture
def world(api, monkeypatch):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid,
                                labels={'a': 'b'}, trust_id='a trust',
                                trustee_password='secret')
    factories.store(template, cluster, *factories.nodegroups(cluster))

    def refuse():
        raise AssertionError('It was sent.')

    monkeypatch.setattr(rpc, 'hint', refuse)
    return api


@contextlib.contextmanager
def nothing_written():
    """Whatever the block does, it sends the database nothing but reads."""
    seen = []

    def note(connection, cursor, statement, *_):
        if not statement.lstrip().upper().startswith(('SELECT', 'BEGIN')):
            seen.append(statement)

    engine = db.engine()
    sa.event.listen(engine, 'before_cursor_execute', note)
    try:
        yield
    finally:
        sa.event.remove(engine, 'before_cursor_execute', note)
    assert not seen


def plan(world, path, body, **headers):
    return world('POST', f'{path}?dry_run=true', body, version='latest',
                 headers=headers)


@pytest.mark.parametrize(('path', 'body'), REQUESTS)
def test_nothing_is_written_and_nothing_sent(world, path, body):
    with nothing_written():
        answer = plan(world, path, body, **{'Idempotency-Key': 'k'})
    assert answer.status_int == 200, answer.text
    assert 'X-Container-Infra-Operation' not in answer.headers


@pytest.mark.parametrize(('path', 'body'), REQUESTS)
def test_no_secret_is_told(world, path, body):
    text = plan(world, path, body).text
    for word in ('secret', 'trust', 'ssh-ed25519', 'authorities', 'access"'):
        assert word not in text


@pytest.mark.parametrize(('path', 'body'), REQUESTS[1:4])
def test_conditions_hold_for_plans(world, path, body):
    refused = plan(world, path, body, **{'If-Match': '"x"'})
    assert refused.status_int == 412


@pytest.mark.parametrize('change', [
    {'status': 'DELETE_IN_PROGRESS'}, {'status': 'UPDATE_IN_PROGRESS'},
    {'status': 'CREATE_FAILED'}, {'cluster_template_id': 'gone'}])
@pytest.mark.parametrize(('path', 'body'), REQUESTS[1:])
def test_a_plan_is_refused_as_the_request_would_be(world, monkeypatch, change,
                                                   path, body):
    monkeypatch.setattr(rpc, 'hint', lambda: None)
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(**change))
    planned = plan(world, path, body)
    done = world('POST', path, body, version='latest')
    assert (planned.status_int >= 400) == (done.status_int >= 400)
    if done.status_int >= 400:
        assert (planned.status_int, planned.json['message']) == (
            done.status_int, done.json['message'])


def test_a_full_quota_refuses_the_plan_too(world):
    factories.store(factories.quota(hard_limit=1))
    refused = plan(world, *REQUESTS[0])
    assert refused.status_int == 403


def test_the_quota_is_that_of_the_project(world):
    factories.store(factories.quota(hard_limit=7))
    assert plan(world, *REQUESTS[0]).json['quota'][0] == {
        'service': 'container-infra', 'resource': 'clusters', 'needed': 1,
        'used': 1, 'limit': 7, 'verdict': 'sufficient'}


def quota(answer):
    assert answer.status_int == 200, answer.text
    return {(one['service'], one['resource']): tuple(
        one[name] for name in ('needed', 'used', 'limit', 'verdict'))
        for one in answer.json['quota'] if one['service'] != (
            'container-infra')}


def test_the_quotas_of_other_services_are_told(world):
    world.cloud.allowed = {
        'nova': {'instances': (10, 9), 'cores': (None, 400),
                 'ram': (20000, 3616)},
        'neutron': {'port': (5, 3)}}
    assert quota(plan(world, *REQUESTS[0])) == {
        ('nova', 'instances'): (2, 9, 10, 'exceeded'),
        ('nova', 'cores'): (4, 400, None, 'sufficient'),
        ('nova', 'ram'): (8192, 3616, 20000, 'sufficient'),
        ('neutron', 'port'): (2, 3, 5, 'sufficient')}


def test_a_service_that_does_not_answer_refuses_nothing(world):
    world.cloud.allowed = {'neutron': {}}
    assert {verdict for *_, verdict in quota(
        plan(world, *REQUESTS[0])).values()} == {'unknown'}


def test_quotas_of_another_project_are_not_guessed(world):
    world.cloud.allowed = {'nova': {'instances': (10, 9)}}
    world.cloud.project_id = 'r'
    answer = world('POST', f'{REQUESTS[1][0]}?dry_run=true', REQUESTS[1][1],
                   token='far-admin', version='latest')
    assert quota(answer)['nova', 'instances'] == (1, None, None, 'unknown')


def test_what_takes_nothing_asks_nobody(world):
    assert plan(world, *REQUESTS[3]).json['quota'] == []
    assert ('allowances', 'nova') not in world.cloud.calls


def test_a_cluster_that_would_be_refused_today_can_be_resized(world,
                                                              monkeypatch):
    def check(self, spec):
        raise errors.InvalidParameter('labels', 'they are too old.')

    monkeypatch.setattr(type(drivers._installed()['able']), 'check', check)
    answer = plan(world, *REQUESTS[1])
    assert answer.status_int == 200
    assert answer.json['resources'] == {}
    assert 'they are too old' in answer.json['warnings'][0]


@pytest.mark.parametrize(('path', 'body'), REQUESTS)
def test_warnings_of_the_driver_are_told(world, monkeypatch, path, body):
    able = type(drivers._installed()['able'])
    monkeypatch.setattr(able, 'check', lambda self, spec: base.Plan(
        {}, {}, ('It is odd.',)))
    answer = plan(world, path, body)
    assert answer.json['warnings'] == ['It is odd.']


def test_other_methods_know_no_dry_run(world):
    for method, path, body in (
            ('PATCH', '/v1/clusters/c', []), ('DELETE', '/v1/clusters/c',
                                              None),
            ('GET', '/v1/clusters', None)):
        answer = world(method, f'{path}?dry_run=true', body,
                       version='latest')
        assert answer.status_int == 400
