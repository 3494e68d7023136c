# SPDX-License-Identifier: Apache-2.0
"""What names a thing, and what only looks like it, on every database."""

from urllib import parse

import pytest

from magnum.tests import factories

UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

# Databases differ in which of these they take for `c`.
LIKE_NAMES = [parse.quote(name) for name in (
    'C', 'c ', ' c', 'ç', 'c\0', '%', '_', 'ｃ', 'c\u200b')]
NAMED = [('/v1/clusters/{}', 'Cluster'),
         ('/v1/clustertemplates/{}', 'ClusterTemplate'),
         ('/v1/federations/{}', 'Federation'),
         ('/v1/clusters/c/nodegroups/{}', 'Nodegroup'),
         ('/v1/clusters/{}/nodegroups', 'Cluster')]


@pytest.fixture
def world(api_anywhere):
    template = factories.template(name='c')
    cluster = factories.cluster(name='c', uuid=UUID,
                                cluster_template_id=template.uuid)
    factories.store(template, cluster,
                    factories.nodegroup(cluster, name='c'),
                    factories.federation(name='c'), factories.quota())
    return api_anywhere


@pytest.mark.parametrize(('path', 'kind'), NAMED)
def test_a_name_is_itself_and_nothing_like_it(world, path, kind):
    assert world('GET', path.format('c'), version='latest').status_int == 200
    for ident in LIKE_NAMES:
        answer = world('GET', path.format(ident), version='latest')
        # What the database cannot even write is no name either.
        assert answer.status_int in (400, 404), ident


@pytest.mark.parametrize(('path', 'kind'), NAMED[:3])
def test_like_names_are_not_ambiguous(world, path, kind):
    if kind == 'Cluster':
        factories.store(factories.cluster(name='C'))
    elif kind == 'ClusterTemplate':
        factories.store(factories.template(name='C'))
    else:
        factories.store(factories.federation(name='C'))
    for name in ('c', 'C'):
        assert world('GET', path.format(name)).json['name'] == name


@pytest.mark.parametrize('ident', [
    UUID.upper(), UUID.replace('-', ''), f'{{{UUID}}}', f'urn:uuid:{UUID}'])
def test_a_uuid_is_compared_as_it_is_written(world, ident):
    for path in ('/v1/clusters/', '/v1/certificates/'):
        answer = world('GET', f'{path}{ident}')
        assert answer.status_int == 404
        assert answer.json['errors'][0]['detail'] == (
            f'Cluster {ident} could not be found.')
    assert world('GET', f'/v1/clusters?marker={ident}').status_int == 404


def test_a_name_in_the_form_of_a_uuid_is_none(world):
    name = 'a' * 32
    factories.store(factories.cluster(name=name))
    assert world('GET', f'/v1/clusters/{name}').status_int == 404


def test_words_in_paths_and_queries_are_told_apart_by_their_case(world):
    for path in ('/v1/Clusters', '/V1/clusters', '/v1/clusters/Detail',
                 '/v1/clusters/c/NodeGroups'):
        assert world('GET', path, version='latest').status_int == 404
    assert world('GET', '/v1/clusters?Limit=1').status_int == 400
    assert world('GET', '/v1/quotas/P/Cluster',
                 token='admin').json['hard_limit'] == 20
    assert world('GET', '/v1/quotas/p/Cluster',
                 token='admin').json['hard_limit'] == 5
    assert world('DELETE', '/v1/quotas/p/cluster',
                 token='admin').status_int == 404
    groups = world('GET', '/v1/clusters/c/nodegroups?role=Worker',
                   version='latest').json
    assert groups['nodegroups'] == []


def test_a_template_named_like_a_number_is_used_by_its_name(world):
    factories.store(factories.template(name='7'))
    answer = world('POST', '/v1/clusters', {'cluster_template_id': '7'})
    assert answer.status_int == 202


def test_nothing_is_found_by_the_number_of_its_row(world):
    for path, _ in NAMED:
        assert world('GET', path.format('1'),
                     version='latest').status_int == 404
