# SPDX-License-Identifier: Apache-2.0
"""Nodegroups in lists, by name and by default: which there are and whose."""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories
from magnum.tests.functional import test_nodegroups

world = test_nodegroups.world
post = test_nodegroups.post
title = test_nodegroups.title
PATH = test_nodegroups.PATH


def test_a_list_is_short_and_true(world):
    post(world, max_node_count=5, min_node_count=1)
    listed = world('GET', PATH, version='1.9').json
    assert list(listed) == ['nodegroups']
    assert [set(group) for group in listed['nodegroups']] == [
        test_nodegroups.SHORT | test_nodegroups.MORE] * 3
    assert listed['nodegroups'][2]['max_node_count'] == 5
    assert listed['nodegroups'][2]['min_node_count'] == 1


def test_pages_are_of_the_role_that_was_asked_for(world):
    for number in range(3):
        post(world, name=f'n{number}', role='gpu')
        post(world, name=f'm{number}')
    path, names = f'{PATH}?role=gpu&limit=2&sort_key=name&sort_dir=desc', []
    while path:
        page = world('GET', path, version='latest').json
        names.append([group['name'] for group in page['nodegroups']])
        path = page.get('next')
    assert names == [['n2', 'n1'], ['n0']]


@pytest.mark.parametrize('key', [
    'id', 'uuid', 'name', 'cluster_id', 'project_id', 'docker_volume_size',
    'labels', 'flavor_id', 'image_id', 'node_addresses', 'node_count',
    'max_node_count', 'min_node_count', 'role', 'is_default', 'stack_id',
    'status', 'status_reason', 'version', 'node_labels', 'node_taints',
    'created_at', 'updated_at', ''])
def test_a_list_is_in_the_order_of_any_column(world, key):
    post(world)
    seen = []
    for direction in ('asc', 'desc'):
        path = (f'{PATH}?limit=1&sort_key={key}&sort_dir={direction}')
        names = []
        while path:
            page = world('GET', path, version='latest').json
            names += [group['name'] for group in page['nodegroups']]
            path = page.get('next')
        seen.append(names)
    assert seen[0] == seen[1][::-1]
    assert len(seen[0]) == 3


@pytest.mark.parametrize('query', [
    'sort_key=merge_labels', 'sort_key=links', 'sort_dir=up', 'limit=0',
    'limit=x', 'limit=-1', 'marker=1', 'marker=n', 'name=n',
    'role=a&role=b', 'all_tenants=true', 'detail=true'])
def test_a_query_that_is_not_known_is_refused(world, query):
    assert world('GET', f'{PATH}?{query}',
                 version='latest').status_int == 400


def test_a_marker_is_of_the_same_cluster(world):
    other = factories.cluster(name='d')
    stranger, = rows = factories.nodegroups(other)[:1]
    factories.store(other, *rows)
    answer = world('GET', f'{PATH}?marker={stranger.uuid}', version='latest')
    assert answer.status_int == 404
    assert title(answer).startswith('Nodegroup ')
    assert world('GET', f'{PATH}/{stranger.uuid}',
                 version='latest').status_int == 404


def test_there_is_no_list_of_details(world):
    for method, body in (('GET', None), ('DELETE', None), ('PATCH', [])):
        answer = world(method, f'{PATH}/detail', body, version='latest')
        assert answer.status_int == 404
        assert title(answer) == 'Nodegroup detail could not be found'
    post(world, name='detail')
    assert world('GET', f'{PATH}/detail', version='latest').json['name'] == (
        'detail')


def test_a_number_is_a_name(world):
    assert post(world, name='1').status_int == 202
    assert world('GET', f'{PATH}/1', version='latest').json['name'] == '1'
    assert world('GET', f'{PATH}/2', version='latest').status_int == 404


def test_what_a_cluster_without_an_api_has_can_be_read(world):
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(
            api_address=None, status='CREATE_FAILED'))
    assert world('GET', PATH, version='latest').status_int == 200


def test_the_default_groups_are_made_of_cluster_and_template(api):
    factories.store(factories.template(
        name='t', flavor_id='m1.small', master_flavor_id='m1.large',
        docker_volume_size=4, labels=test_nodegroups.LABELS))
    uuids = [api('POST', '/v1/clusters', {
        'cluster_template_id': 't', 'node_count': 2, **more}).json['uuid']
        for more in ({}, {'docker_volume_size': 5, 'flavor_id': 'm1.large',
                          'labels': {'min_node_count': 1}})]
    master, worker = (api('GET', f'/v1/clusters/{uuids[0]}/nodegroups/{name}',
                          version='latest').json
                      for name in ('default-master', 'default-worker'))
    common = {'is_default': True, 'image_id': 'ubuntu-k8s',
              'docker_volume_size': 4, 'labels': test_nodegroups.LABELS,
              'max_node_count': None, 'min_node_count': 0, 'stack_id': None,
              'status': 'CREATE_IN_PROGRESS', 'project_id': 'p'}
    assert {**common, 'role': 'master', 'node_count': 1,
            'flavor_id': 'm1.large'}.items() <= master.items()
    assert {**common, 'role': 'worker', 'node_count': 2,
            'flavor_id': 'm1.small'}.items() <= worker.items()
    listed = api('GET', f'/v1/clusters/{uuids[1]}/nodegroups',
                 version='latest').json['nodegroups']
    assert [(group['min_node_count'], group['flavor_id'])
            for group in listed] == [(0, 'm1.large'), (1, 'm1.large')]
    worker = api('GET', f'/v1/clusters/{uuids[1]}/nodegroups/default-worker',
                 version='latest').json
    assert worker['docker_volume_size'] == 5
    assert worker['labels'] == {'min_node_count': '1'}
