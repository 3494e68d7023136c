# SPDX-License-Identifier: Apache-2.0
"""Changing, and reading, only what one has seen: ETag and its conditions."""

import contextlib

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories

CLUSTER, TEMPLATE = '/v1/clusters/c', '/v1/clustertemplates/t'
GROUP = f'{CLUSTER}/nodegroups/extra'


def replace(name, value):
    return [{'op': 'replace', 'path': f'/{name}', 'value': value}]


# What is changed, how, and the path by which one has seen it.
CHANGES = [
    ('PATCH', CLUSTER, replace('node_count', 3), CLUSTER),
    ('PATCH', CLUSTER, replace('health_status', 'HEALTHY'), CLUSTER),
    ('PATCH', CLUSTER, [*replace('node_count', 3),
                        *replace('health_status', 'HEALTHY')], CLUSTER),
    ('DELETE', CLUSTER, None, CLUSTER),
    ('POST', f'{CLUSTER}/actions/resize', {'node_count': 2}, CLUSTER),
    ('POST', f'{CLUSTER}/actions/upgrade', {'cluster_template': 't'},
     CLUSTER),
    ('PATCH', '/v1/certificates/c', None, CLUSTER),
    ('PATCH', '/v1/credentials/c', None, CLUSTER),
    ('PATCH', GROUP, replace('max_node_count', 4), GROUP),
    ('DELETE', GROUP, None, GROUP),
    ('PATCH', '/v1/clustertemplates/idle', replace('tags', 'x'),
     '/v1/clustertemplates/idle'),
    ('DELETE', '/v1/clustertemplates/idle', None,
     '/v1/clustertemplates/idle')]


def fill(api):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid,
                                labels={'a': 'b'})
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


def send(world, method, path, body=None, **headers):
    return world(method, path, body, version='latest', headers={
        name.replace('_', '-'): value for name, value in headers.items()})


def tag(world, path):
    answer = send(world, 'GET', path)
    assert answer.status_int == 200, answer.text
    return answer.headers['ETag']


def alter(path, column=None):
    """Somebody else's change of what is at a path."""
    table, name = {
        CLUSTER: (models.Cluster, 'c'), GROUP: (models.NodeGroup, 'extra')
    }.get(path, (models.ClusterTemplate, path.rpartition('/')[2]))
    column = column or {models.Cluster: 'coe_version',
                        models.NodeGroup: 'version',
                        models.ClusterTemplate: 'tags'}[table]
    with db.writer() as session:
        session.execute(sa.update(table).where(table.name == name)
                        .values({column: 'v9'}))


def rows():
    with db.reader() as session:
        return [session.scalar(sa.select(sa.func.count()).select_from(table))
                for table in (models.Operation, models.ClusterTemplate)]


@pytest.mark.parametrize('path', [CLUSTER, GROUP, TEMPLATE])
def test_a_tag_stands_for_what_is_read(world, path):
    first = tag(world, path)
    assert first == tag(world, path)
    assert first.startswith('"') and first.endswith('"')
    unchanged = send(world, 'GET', path, If_None_Match=first)
    assert unchanged.status_int == 304
    assert not unchanged.body
    assert unchanged.headers['ETag'] == first
    assert 'OpenStack-API-Version' in unchanged.headers['Vary']
    alter(path)
    changed = send(world, 'GET', path, If_None_Match=first)
    assert changed.status_int == 200
    assert changed.headers['ETag'] != first
    assert changed.json


@pytest.mark.parametrize('value', ['"x", {}', 'W/{}', '*'])
def test_whoever_has_it_is_not_sent_it_again(world, value):
    value = value.format(tag(world, CLUSTER))
    assert send(world, 'GET', CLUSTER,
                If_None_Match=value).status_int in (200, 304)
    if value != '*':
        assert send(world, 'GET', CLUSTER,
                    If_None_Match=value).status_int == 304


def test_a_tag_is_of_a_microversion(world):
    old = world('GET', CLUSTER, version='1.1').headers['ETag']
    assert old != tag(world, CLUSTER)


def test_no_tag_where_nothing_is_changed_by_it(world):
    for path in ('/v1/clusters', '/v1/clusters/detail', '/v1/stats'):
        assert 'ETag' not in send(world, 'GET', path).headers


@pytest.mark.parametrize(('method', 'path', 'body', 'seen'), CHANGES)
def test_what_one_has_seen_may_be_changed(world_anywhere, method, path, body,
                                          seen):
    answer = send(world_anywhere, method, path, body,
                  If_Match=tag(world_anywhere, seen))
    assert answer.status_int < 300, answer.text


@pytest.mark.parametrize(('method', 'path', 'body', 'seen'), CHANGES)
def test_what_has_changed_since_is_not_changed(world, method, path, body,
                                               seen):
    old, before = tag(world, seen), rows()
    alter(seen)
    now = tag(world, seen)
    for value in (old, '"x"', f'W/{now}', 'x'):
        refused = send(world, method, path, body, If_Match=value)
        assert refused.status_int == 412, refused.text
        assert 'If-Match' in refused.json['errors'][0]['detail']
    assert tag(world, seen) == now
    assert rows() == before


@pytest.mark.parametrize('value', ['*', '"x", {}'])
@pytest.mark.parametrize(('method', 'path', 'body', 'seen'), CHANGES[::3])
def test_one_of_several_tags_will_do(world, method, path, body, seen, value):
    answer = send(world, method, path, body,
                  If_Match=value.format(tag(world, seen)))
    assert answer.status_int < 300, answer.text


@contextlib.contextmanager
def just_before_the_transaction(change):
    """Somebody is faster, between the look and the write."""
    left = [change]

    def interfere(connection, cursor, statement, *_):
        if left and statement.startswith('UPDATE'):
            left.pop()()

    engine = db.engine()
    sa.event.listen(engine, 'before_cursor_execute', interfere)
    try:
        yield
        assert not left
    finally:
        sa.event.remove(engine, 'before_cursor_execute', interfere)


@pytest.mark.parametrize(('method', 'path', 'body', 'seen'), CHANGES)
def test_whoever_is_faster_is_not_overruled(world_anywhere, monkeypatch,
                                            method, path, body, seen):
    if 'sqlite' in str(db.engine().url):
        # It has begun to write by then: nobody else can.
        monkeypatch.setattr(db, '_WRITE_NOTHING', sa.text('SELECT 1'))
    old, before = tag(world_anywhere, seen), rows()
    with just_before_the_transaction(lambda: alter(seen)):
        refused = send(world_anywhere, method, path, body, If_Match=old)
    assert refused.status_int == 412, refused.text
    assert rows() == before
    assert tag(world_anywhere, seen) != old


def test_a_repeated_request_is_not_held_against_its_own_effect(world):
    old = tag(world, CLUSTER)
    answers = [send(world, 'PATCH', CLUSTER, replace('node_count', 3),
                    If_Match=old, Idempotency_Key='k') for _ in range(2)]
    assert [answer.status_int for answer in answers] == [202, 202]
    assert rows()[0] == 1
    assert tag(world, CLUSTER) != old


def test_a_refusal_by_condition_frees_the_key(world):
    refused = send(world, 'DELETE', CLUSTER, If_Match='"x"',
                   Idempotency_Key='k')
    assert refused.status_int == 412
    granted = send(world, 'DELETE', CLUSTER, Idempotency_Key='k',
                   If_Match=tag(world, CLUSTER))
    assert granted.status_int == 204


def test_conditions_are_described(world):
    paths = world('GET', '/v1/openapi.json').json['paths']
    described = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            for parameter in operation['parameters']:
                if parameter.get('name', '').startswith('If-'):
                    described.setdefault(parameter['name'], set()).add(
                        (method.upper(), path))
    assert len(described['If-None-Match']) == 3
    assert len(described['If-Match']) == 10
    for method, path in described['If-Match']:
        assert '412' in paths[path][method.lower()]['responses']
