# SPDX-License-Identifier: Apache-2.0
"""Members of federations that there are."""

import pytest

from magnum.tests import factories


@pytest.fixture
def world(api):
    cluster = factories.cluster(name='c')
    factories.store(cluster, factories.federation(
        name='f', member_ids=[cluster.uuid]))
    return api


def patched(world, **operation):
    return world('PATCH', '/v1/federations/f',
                 [{'path': '/member_ids', **operation}])


def test_nobody_is_a_member_twice(world):
    answer = patched(world, op='add', value='c')
    assert answer.status_int == 409
    assert 'is a member' in answer.json['errors'][0]['title']


def test_who_is_a_member_may_part_but_nobody_can_do_it(world):
    answer = patched(world, op='remove', value='c')
    assert answer.status_int == 400
    assert 'not supported' in answer.json['errors'][0]['title']
    shown = world('GET', '/v1/federations/f').json
    assert len(shown['member_ids']) == 1


@pytest.mark.parametrize('key', [
    'id', 'uuid', 'name', 'project_id', 'hostcluster_id', 'member_ids',
    'properties', 'status', 'status_reason', 'created_at', 'updated_at', ''])
def test_a_list_is_in_the_order_of_any_column(world, key):
    factories.store(factories.federation(name='z'))
    for direction in ('asc', 'desc'):
        answer = world('GET', f'/v1/federations?sort_key={key}'
                              f'&sort_dir={direction}')
        assert len(answer.json['federations']) == 2


def test_a_list_is_short_and_details_are_not(world):
    short = world('GET', '/v1/federations').json['federations'][0]
    assert set(short) == {'uuid', 'name', 'hostcluster_id', 'member_ids',
                          'status', 'properties', 'links'}
    full = world('GET', '/v1/federations/detail').json['federations'][0]
    assert set(full) - set(short) == {'status_reason', 'created_at',
                                      'updated_at'}
    assert world('GET', '/v1/federations/f').json == full
