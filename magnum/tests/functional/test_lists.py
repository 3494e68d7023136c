# SPDX-License-Identifier: Apache-2.0
"""Lists of clusters and templates: every order, page by page."""

from urllib import parse

from oslo_config import cfg
import pytest

from magnum.tests import factories

CONF = cfg.CONF

CLUSTER_KEYS = (
    'id uuid name project_id user_id cluster_template_id keypair '
    'docker_volume_size labels master_flavor_id flavor_id stack_id '
    'api_address status status_reason health_status health_status_reason '
    'create_timeout discovery_url coe_version container_version '
    'fixed_network fixed_subnet floating_ip_enabled master_lb_enabled '
    'created_at updated_at').split()

TEMPLATE_KEYS = (
    'id uuid name coe image_id flavor_id master_flavor_id dns_nameserver '
    'keypair_id external_network_id fixed_network fixed_subnet '
    'network_driver apiserver_port docker_volume_size cluster_distro '
    'http_proxy https_proxy no_proxy volume_driver registry_enabled labels '
    'tls_disabled public server_type insecure_registry '
    'docker_storage_driver master_lb_enabled floating_ip_enabled hidden '
    'tags driver project_id user_id created_at updated_at').split()

COLLECTIONS = {'clusters': CLUSTER_KEYS, 'clustertemplates': TEMPLATE_KEYS}

NO_KEYS = {'clusters': (
    'node_count', 'master_count', 'links', 'cluster_id', 'faults',
    'node_addresses', 'master_addresses', 'merge_labels', 'labels_added',
    'ca_cert_ref', 'trustee_password', 'nodegroups', 'template', 'metadata',
    'ID', 'name ', 'name,id', '__class__'),
    'clustertemplates': ('links', 'status', 'metadata', 'ID', 'cluster_id',
                         'node_count')}

CASES = [(collection, key) for collection, keys in COLLECTIONS.items()
         for key in keys]


@pytest.fixture
def three(api):
    texts = [None, 'b', 'a']
    numbers = [2, None, 1]
    flags = [True, False, True]
    template = factories.template()
    factories.store(*(factories.cluster(
        name=name, cluster_template_id=template.uuid, keypair=text,
        docker_volume_size=number, labels={'a': name}, status_reason=text,
        create_timeout=number, discovery_url=text, coe_version=text,
        fixed_network=text, floating_ip_enabled=flag, health_status=text
        and 'HEALTHY', master_lb_enabled=flag)
        for name, text, number, flag in zip('xzy', texts, numbers, flags,
                                            strict=True)))
    factories.store(*(factories.template(
        name=name, keypair_id=text, docker_volume_size=number, tags=text,
        public=flag, dns_nameserver=text and '8.8.8.8', labels={'a': name})
        for name, text, number, flag in zip('xzy', texts, numbers, flags,
                                            strict=True)))
    return api


def pages(api, path):
    """The names on all pages, and how many pages there were."""
    names, count = [], 0
    while path:
        answer = api('GET', path, token='admin')
        assert answer.status_int == 200, answer.text
        items, = (value for key, value in answer.json.items()
                  if key != 'next')
        names += [item['uuid'] for item in items]
        count += 1
        following = answer.json.get('next')
        if following:
            assert following.startswith('http://localhost/v1/')
        path = following and following.removeprefix('http://localhost')
    return names, count


@pytest.mark.parametrize(('collection', 'key'), CASES)
def test_each_key_orders_and_no_page_repeats_or_skips(three, collection, key):
    for detail in ('', '/detail'):
        path = f'/v1/{collection}{detail}?sort_key={key}'
        forth, count = pages(three, path)
        assert count == 1
        back, _ = pages(three, f'{path}&sort_dir=desc')
        assert forth == back[::-1]
        for limit in (1, 2):
            assert pages(three, f'{path}&limit={limit}')[0] == forth
        assert pages(three, f'{path}&sort_dir=desc&limit=1')[0] == back


@pytest.mark.parametrize('collection', COLLECTIONS)
def test_no_other_key_is_taken(three, collection):
    for key in NO_KEYS[collection]:
        answer = three('GET', f'/v1/{collection}?sort_key='
                              f'{parse.quote(key)}')
        assert answer.status_int == 400, key
        assert 'sort_key' in answer.json['errors'][0]['title']


@pytest.mark.parametrize('path', ['clusters', 'clusters/detail',
                                  'clustertemplates',
                                  'clustertemplates/detail'])
def test_parameters_are_checked(three, path):
    collection = path.split('/')[0]
    for query in ('limit=0', 'limit=-1', 'limit=x', 'limit=1.5', 'limit=',
                  'marker=7', 'marker=x', 'marker=', 'sort_dir=up',
                  'sort_dir=', 'sort_dir=ASC', 'all_tenants=1',
                  'project_id=p', 'name=x', 'status=x', 'limit=1&limit=1',
                  'sort_key=id&sort_key=id', 'detail=1'):
        answer = three('GET', f'/v1/{path}?{query}')
        assert answer.status_int == 400, query
        assert query.partition('=')[0] in answer.json['errors'][0]['title']
    unknown = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'
    answer = three('GET', f'/v1/{path}?marker={unknown}')
    assert answer.status_int == 404
    assert answer.json['errors'][0]['detail'] == (
        f'{"Cluster" if collection == "clusters" else "ClusterTemplate"} '
        f'{unknown} could not be found.')
    usual = three('GET', f'/v1/{path}').json
    for query in ('sort_key=', 'sort_key=id', 'sort_dir=asc',
                  'limit=1000', 'limit=99999999999999999999999'):
        assert three('GET', f'/v1/{path}?{query}').json == usual, query
        assert three('GET', f'/v1/{path}/?{query}').json == usual, query


def test_the_next_page_is_told_in_full(three):
    answer = three('GET', '/v1/clusters/detail/?limit=2&sort_key=').json
    uuid = answer['clusters'][1]['uuid']
    assert answer['next'] == (
        f'http://localhost/v1/clusters/detail?sort_key=id&sort_dir=asc'
        f'&limit=2&marker={uuid}')


def test_a_page_is_as_long_as_the_operator_allows(three):
    CONF.set_override('max_limit', 2, 'api')
    try:
        for query in ('', '?limit=3', '?limit=2'):
            answer = three('GET', f'/v1/clusters{query}').json
            assert len(answer['clusters']) == 2
            assert '&limit=2&' in answer['next']
        assert 'next' not in three('GET', answer['next'].removeprefix(
            'http://localhost')).json
    finally:
        CONF.clear_override('max_limit', 'api')


def test_a_marker_of_another_project_is_as_good_as_unknown(three):
    for collection in COLLECTIONS:
        # The last of them is private.
        uuid = three('GET', f'/v1/{collection}?sort_key=name').json[
            collection][2]['uuid']
        answer = three('GET', f'/v1/{collection}?marker={uuid}',
                       token='stranger')
        assert answer.status_int == 404
