# SPDX-License-Identifier: Apache-2.0
"""Requests that are sent again with the same Idempotency-Key."""

from concurrent import futures
import datetime
import threading

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.api import idempotency as api_keys
from magnum.conductor import upkeep
from magnum.db import idempotency
from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories
from magnum.tests.functional import test_lost_connections

CONF = cfg.CONF

CLUSTER = {'cluster_template_id': 't', 'name': 'new'}
GROUP = '/v1/clusters/c/nodegroups/extra'


def replace(name, value):
    return [{'op': 'replace', 'path': f'/{name}', 'value': value}]


# What is sent, and what it adds: (clusters, templates, groups, operations).
REQUESTS = [
    ('POST', '/v1/clusters', CLUSTER, 202, (1, 0, 2, 1)),
    ('PATCH', '/v1/clusters/c', replace('node_count', 3), 202, (0, 0, 0, 1)),
    ('PATCH', '/v1/clusters/c', replace('health_status', 'HEALTHY'), 202,
     (0, 0, 0, 0)),
    ('PATCH', '/v1/clusters/c', [], 202, (0, 0, 0, 0)),
    ('DELETE', '/v1/clusters/c', None, 204, (0, 0, 0, 1)),
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 2}, 202,
     (0, 0, 0, 1)),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'}, 202,
     (0, 0, 0, 1)),
    ('POST', '/v1/clusters/c/nodegroups', {'name': 'new'}, 202,
     (0, 0, 1, 1)),
    ('PATCH', GROUP, replace('max_node_count', 4), 202, (0, 0, 0, 1)),
    ('PATCH', GROUP, [], 202, (0, 0, 0, 0)),
    ('DELETE', GROUP, None, 204, (0, 0, 0, 1)),
    ('POST', '/v1/clustertemplates',
     {'name': 'new', 'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
      'external_network_id': 'public', 'labels': {'a': 1}}, 201,
     (0, 1, 0, 0)),
    ('PATCH', '/v1/clustertemplates/t', replace('tags', 'x'), 200,
     (0, 0, 0, 0)),
    ('DELETE', '/v1/clustertemplates/idle', None, 204, (0, -1, 0, 0)),
    ('PATCH', '/v1/certificates/c', None, 202, (0, 0, 0, 1)),
    ('PATCH', '/v1/credentials/c', None, 202, (0, 0, 0, 1)),
]


def fill(api):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(
        template, factories.template(name='idle'), cluster,
        *factories.nodegroups(cluster),
        factories.nodegroup(cluster, name='extra'))
    return api


@pytest.fixture
def world(api):
    return fill(api)


@pytest.fixture
def world_anywhere(api_anywhere):
    return fill(api_anywhere)


def send(world, method='POST', path='/v1/clusters', body=CLUSTER, key='k',
         **named):
    return world(method, path, body, version='latest',
                 headers={api_keys.HEADER: key}, **named)


def count(*tables):
    with db.reader() as session:
        return [session.scalar(sa.select(sa.func.count())
                               .select_from(table)) for table in tables]


def everything():
    return count(models.Cluster, models.ClusterTemplate, models.NodeGroup,
                 models.Operation)


def code(answer):
    assert answer.status_int >= 400, answer.text
    return answer.status_int


def keys():
    with db.reader() as session:
        return session.scalars(sa.select(models.IdempotencyKey)).all()


def headers(answer):
    return {name: value for name, value in answer.headers.items()
            if name.lower() != 'x-openstack-request-id'}


@pytest.mark.parametrize(('method', 'path', 'body', 'status', 'added'),
                         REQUESTS)
def test_the_same_request_gets_the_first_answer_and_does_nothing(
        world_anywhere, method, path, body, status, added):
    before = everything()
    first = send(world_anywhere, method, path, body)
    assert first.status_int == status, first.text
    after = everything()
    assert [now - then for now, then in zip(after, before, strict=True)
            ] == list(added)
    again = send(world_anywhere, method, path, body)
    assert (again.status_int, again.body, headers(again)) == (
        status, first.body, headers(first))
    assert everything() == after


@pytest.mark.parametrize(('path', 'body'), [
    ('/v1/clusters/c', []), (GROUP, []), (GROUP, replace('max_node_count', 4)),
    ('/v1/clustertemplates/t', replace('tags', 'x'))])
def test_the_kept_answer_is_that_of_a_request_without_a_key(world, path,
                                                            body):
    keyed = send(world, 'PATCH', path, body)
    plain = world('PATCH', path, body, version='latest')
    # The second time there is nothing left to do.
    keyed.headers.pop('X-Container-Infra-Operation', None)
    assert (keyed.status_int, keyed.json, headers(keyed)) == (
        plain.status_int, plain.json, headers(plain))


@pytest.mark.parametrize('changed', [
    {'body': {**CLUSTER, 'name': 'another'}},
    {'path': '/v1/clustertemplates', 'body': {
        'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}},
    {'method': 'DELETE', 'path': '/v1/clusters/new', 'body': None},
    {'token': 'colleague'}])
def test_a_key_is_for_one_request(world, changed):
    assert send(world).status_int == 202
    before = everything()
    refused = send(world, **changed)
    assert code(refused) == 422
    assert api_keys.HEADER in refused.json['errors'][0]['detail']
    assert everything() == before


def test_keys_belong_to_projects(world):
    factories.store(factories.template(name='t', project_id='q'))
    first = send(world)
    other = send(world, token='stranger')
    assert first.status_int == other.status_int == 202
    assert first.json != other.json


@pytest.mark.parametrize('same', [{'path': '/v1/clusters'}, {
    'body': {**CLUSTER, 'node_count': 1, 'labels': None}}])
def test_what_a_request_means_is_compared_not_how_it_is_written(world, same):
    assert send(world).json == send(world, **same).json


def test_letters_of_keys_are_told_apart(world_anywhere):
    answers = {send(world_anywhere, key=key).json['uuid']
               for key in ('k', 'K', 'k', 'kk')}
    assert len(answers) == 3


@pytest.mark.parametrize('key', ['', 'x' * 256, 'a b', 'caf\xe9'])
def test_a_key_has_bounds(world, key):
    refused = send(world, key=key)
    assert code(refused) == 400
    assert api_keys.HEADER in refused.json['errors'][0]['detail']
    assert not keys()


def test_the_longest_key_is_taken(world):
    assert send(world, key='x' * 255).status_int == 202


def test_what_was_refused_is_asked_anew(world_anywhere):
    CONF.set_override('max_clusters_per_project', 1, 'quotas')
    try:
        assert code(send(world_anywhere)) == 403
        assert not keys()
    finally:
        CONF.clear_override('max_clusters_per_project', 'quotas')
    assert send(world_anywhere).status_int == 202


def test_nothing_secret_is_kept(world):
    send(world, key='my key is "secret"'.replace(' ', '-'))
    row, = keys()
    text = str({name: getattr(row, name)
                for name in models.IdempotencyKey.__table__.columns.keys()})
    assert 'secret' not in text and 'member' not in text
    assert 'Token' not in text


class Waiting:
    """Stops the first look-up of an image until it is let go."""

    def __init__(self, world, monkeypatch):
        self.reached, self.go = threading.Event(), threading.Event()
        look_up = world.cloud.image

        def image(ident):
            if not self.reached.is_set():
                self.reached.set()
                assert self.go.wait(30)
            return look_up(ident)

        monkeypatch.setattr(world.cloud, 'image', image)


def test_a_request_that_is_worked_on_is_not_begun_again(world_anywhere,
                                                        monkeypatch):
    waiting = Waiting(world_anywhere, monkeypatch)
    with futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, world_anywhere)
        try:
            assert waiting.reached.wait(30)
            refused = send(world_anywhere)
        finally:
            waiting.go.set()
    assert code(refused) == 409
    assert first.result().status_int == 202
    assert send(world_anywhere).json == first.result().json


def test_whoever_was_thought_dead_writes_nothing(world_anywhere,
                                                 monkeypatch):
    waiting = Waiting(world_anywhere, monkeypatch)
    with futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, world_anywhere)
        try:
            assert waiting.reached.wait(30)
            expire()
            second = send(world_anywhere)
        finally:
            waiting.go.set()
    assert second.status_int == 202
    assert code(slow.result()) == 409
    assert count(models.Operation) == [1]
    assert send(world_anywhere).json == second.json


def expire():
    with db.writer() as session:
        session.execute(sa.update(models.IdempotencyKey).values(
            expires_at=models.utcnow() - datetime.timedelta(seconds=5)))


def test_of_racing_requests_one_is_granted(world_anywhere):
    barrier = threading.Barrier(6)

    def race():
        barrier.wait(30)
        return send(world_anywhere)

    with futures.ThreadPoolExecutor(6) as pool:
        answers = [one.result() for one in
                   [pool.submit(race) for _ in range(6)]]
    assert {answer.status_int for answer in answers} <= {202, 409}
    granted = {answer.json['uuid'] for answer in answers
               if answer.status_int == 202}
    assert len(granted) == 1
    assert count(models.Cluster, models.Operation) == [2, 1]


@pytest.mark.parametrize(('method', 'path', 'body', 'status', 'added'), [
    request for request in REQUESTS
    if request[1] in ('/v1/clusters', '/v1/clustertemplates')])
def test_a_commit_without_an_answer_is_granted_once(
        world, monkeypatch, method, path, body, status, added):
    before = everything()
    grant = idempotency.grant
    lost = []

    def granted(*arguments, **named):
        if not lost:
            block = test_lost_connections.unanswered_commit(monkeypatch)
            block.__enter__()
            lost.append(block)
        return grant(*arguments, **named)

    monkeypatch.setattr(idempotency, 'grant', granted)
    first = send(world, method, path, body)
    assert lost and first.status_int == status, first.text
    assert send(world, method, path, body).body == first.body
    assert [now - then for now, then in zip(everything(), before,
                                            strict=True)] == list(added)


def test_a_key_is_forgotten_after_its_time(world_anywhere):
    CONF.set_override('idempotency_key_hours', 2, 'api')
    try:
        first = send(world_anywhere)
    finally:
        CONF.clear_override('idempotency_key_hours', 'api')
    row, = keys()
    assert 7000 < (row.expires_at - models.utcnow()).total_seconds() <= 7201
    expire()
    second = send(world_anywhere)
    assert second.status_int == 202
    assert second.json != first.json


def test_keys_that_are_over_are_removed_in_batches(world_anywhere,
                                                   monkeypatch):
    monkeypatch.setattr(upkeep, 'PURGE_ROWS', 2)
    for number in range(5):
        send(world_anywhere, key=str(number))
    assert upkeep.purge() == upkeep.PURGE_SECONDS
    assert count(models.IdempotencyKey) == [5]
    expire()
    send(world_anywhere, key='new')
    turns = [upkeep.purge() for _ in range(3)]
    assert turns == [1, 1, upkeep.PURGE_SECONDS]
    assert count(models.IdempotencyKey) == [1]


def test_other_methods_ignore_the_header(world):
    for _ in range(2):
        assert send(world, 'GET', body=None).status_int == 200
    assert not keys()


def test_the_header_is_described(world):
    paths = world('GET', '/v1/openapi.json').json['paths']
    described = {(method.upper(), path) for path, methods in paths.items()
                 for method, operation in methods.items()
                 if any(parameter.get('name') == api_keys.HEADER
                        for parameter in operation['parameters'])}
    assert described == {
        (method, '/v1/' + path) for method, path in (
            ('POST', 'clusters'), ('PATCH', 'clusters/{cluster_ident}'),
            ('DELETE', 'clusters/{cluster_ident}'),
            ('POST', 'clusters/{cluster_ident}/actions/resize'),
            ('POST', 'clusters/{cluster_ident}/actions/upgrade'),
            ('POST', 'clusters/{cluster_ident}/nodegroups'),
            ('POST', 'operations/{operation_uuid}/abort'),
            ('POST', 'operations/{operation_uuid}/retry'),
            ('PATCH', 'clusters/{cluster_ident}/nodegroups/'
                      '{nodegroup_ident}'),
            ('DELETE', 'clusters/{cluster_ident}/nodegroups/'
                       '{nodegroup_ident}'),
            ('POST', 'clustertemplates'),
            ('PATCH', 'clustertemplates/{template_ident}'),
            ('DELETE', 'clustertemplates/{template_ident}'),
            ('PATCH', 'certificates/{cluster_ident}'),
            ('PATCH', 'credentials/{cluster_ident}'))}
