# SPDX-License-Identifier: Apache-2.0
"""Rules that hold because some client breaks without them.

What can be seen in a single answer is in `magnum.tests.clients`, and whole
conversations are stories in `gabbits/clients`; here is what takes more.
"""

import pytest

from magnum.api import clusters
from magnum.api import nodegroups
from magnum.operations import registry
from magnum.tests import clients
from magnum.tests import conducting
from magnum.tests import factories
from magnum.tests import wsgi

UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'
TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small'}
GROUPS = '/v1/clusters/c/nodegroups'

# A change, and what cluster and group say when it has been accepted.
CHANGES = [
    ('PATCH', '/v1/clusters/c',
     [{'op': 'replace', 'path': '/node_count', 'value': 2}],
     'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 2},
     'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    ('POST', '/v1/clusters/c/actions/resize',
     {'node_count': 1, 'nodes_to_remove': ['0']},
     'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'},
     'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    ('POST', GROUPS, {'name': 'new'},
     'UPDATE_IN_PROGRESS', 'new', 'CREATE_IN_PROGRESS'),
    ('PATCH', f'{GROUPS}/own',
     [{'op': 'replace', 'path': '/node_labels', 'value': {'a': 'b'}}],
     'UPDATE_IN_PROGRESS', 'own', 'UPDATE_IN_PROGRESS'),
    ('DELETE', f'{GROUPS}/own', None,
     'UPDATE_IN_PROGRESS', 'own', 'DELETE_IN_PROGRESS'),
    ('PATCH', '/v1/certificates/c', None, 'UPDATE_IN_PROGRESS', None, None),
    ('DELETE', '/v1/clusters/c', None, 'DELETE_IN_PROGRESS', None, None),
]


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', uuid=UUID,
                                cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster),
                    factories.nodegroup(cluster, name='own'))
    return api


def ask(api, method, path, body=None, **options):
    return api(method, path, body, **({'version': 'latest'} | options))


@pytest.mark.parametrize(('method', 'path', 'body', 'status', 'group',
                          'its_status'), CHANGES)
def test_what_was_accepted_is_seen_at_once(world, method, path, body, status,
                                           group, its_status):
    assert ask(world, method, path, body).status_int in (202, 204)
    assert ask(world, 'GET', '/v1/clusters/c').json['status'] == status
    if group:
        found = ask(world, 'GET', f'{GROUPS}/{group}').json
        assert found['status'] == its_status


def test_what_is_created_is_there_at_once_and_being_created(world):
    answer = ask(world, 'POST', '/v1/clusters', {'cluster_template_id': 't'})
    path = f'/v1/clusters/{answer.json["uuid"]}'
    assert ask(world, 'GET', path).json['status'] == 'CREATE_IN_PROGRESS'
    for group in ask(world, 'GET', f'{path}/nodegroups').json['nodegroups']:
        assert group['status'] == 'CREATE_IN_PROGRESS'


def test_a_changed_cluster_never_ends_as_a_created_one():
    assert {name: kind.action for name, kind in registry.KINDS.items()
            if kind.action != 'UPDATE'} == {
                'create_cluster': 'CREATE', 'delete_cluster': 'DELETE'}


@pytest.mark.parametrize('kind', [clusters.Cluster, nodegroups.NodeGroup])
def test_no_other_status_than_the_known_is_ever_told(kind):
    assert set(clusters.STATUS.words) == clients.STATUSES
    assert kind.status.kind is clusters.STATUS


@pytest.mark.parametrize(('method', 'path', 'body', 'expected'), [
    ('GET', '/v1/clusters/{}', None, 200),
    ('GET', '/v1/clusters/{}/nodegroups', None, 200),
    ('GET', '/v1/clusters/{}/nodegroups/default-worker', None, 200),
    ('GET', '/v1/certificates/{}', None, 200),
    ('PATCH', '/v1/certificates/{}', None, 202),
    ('PATCH', '/v1/credentials/{}', None, 202),
    ('PATCH', '/v1/clusters/{}', [], 202),
    ('PATCH', '/v1/clusters/{}/nodegroups/own', [], 202),
    ('POST', '/v1/clusters/{}/actions/resize', {'node_count': 2}, 202),
    ('POST', '/v1/clusters/{}/actions/upgrade', {'cluster_template': 't'},
     202),
    ('POST', '/v1/clusters/{}/nodegroups', {'name': 'n'}, 202),
    ('DELETE', '/v1/clusters/{}/nodegroups/own', None, 204),
    ('DELETE', '/v1/clusters/{}', None, 204)])
def test_a_name_is_as_good_as_a_uuid(world, method, path, body, expected):
    wsgi.played(UUID, 'CERTIFIED')
    told = []
    for ident in ('c', UUID):
        answer = ask(world, method, path.format(ident), body)
        told.append(answer.status_int)
        conducting.work()
        if method == 'POST':
            body = body | ({'name': 'm'} if 'name' in body else {})
    # What is gone the second time, was found the first.
    assert told in ([expected, expected], [expected, 404])
    assert told[0] == expected


def test_names_are_taken_in_bodies_too(world):
    wsgi.played(UUID, 'CERTIFIED')
    template = ask(world, 'GET', '/v1/clustertemplates/t').json['uuid']
    made = ask(world, 'POST', '/v1/clusters', {'cluster_template_id': 't'})
    found = ask(world, 'GET', f'/v1/clusters/{made.json["uuid"]}').json
    assert found['cluster_template_id'] == template
    # The request that is not one is what is wrong, not the cluster's name.
    answer = ask(world, 'POST', '/v1/certificates',
                 {'cluster_uuid': 'c', 'csr': 'none'})
    assert answer.status_int == 400
    assert 'could not be found' not in answer.text
    old = ask(world, 'POST', '/v1/certificates',
              {'bay_uuid': 'c', 'csr': 'none'})
    assert old.json['message'] == answer.json['message']


NULLS = {
    '/v1/clustertemplates': (TEMPLATE, '''
        uuid name dns_nameserver keypair_id external_network_id fixed_network
        fixed_subnet network_driver apiserver_port docker_volume_size
        cluster_distro http_proxy https_proxy no_proxy volume_driver
        registry_enabled labels tls_disabled public insecure_registry
        docker_storage_driver master_lb_enabled floating_ip_enabled hidden
        tags driver'''),
    '/v1/clusters': ({'cluster_template_id': 't'}, '''
        name keypair node_count master_count docker_volume_size labels
        merge_labels flavor_id master_flavor_id discovery_url fixed_network
        fixed_subnet floating_ip_enabled master_lb_enabled'''),
    GROUPS: ({'name': 'n'}, '''
        role node_count min_node_count max_node_count flavor_id image_id
        docker_volume_size labels merge_labels node_labels node_taints'''),
    '/v1/clusters/c/actions/resize': ({'node_count': 2}, '''
        nodes_to_remove nodegroup'''),
    '/v1/clusters/c/actions/upgrade': ({'cluster_template': 't'}, '''
        max_batch_size nodegroup'''),
}
OF_ITS_OWN = {'uuid', 'name', 'links', 'created_at', 'updated_at', 'id'}


@pytest.mark.parametrize('path', NULLS)
def test_null_and_nothing_are_the_same(world, path):
    wsgi.played(UUID, 'CERTIFIED')
    body, names = NULLS[path]
    answers = []
    for nulls in ({}, dict.fromkeys(names.split())):
        answer = ask(world, 'POST', path, body | nulls)
        assert answer.status_int in (201, 202), answer.text
        found = answer.json
        if path == '/v1/clusters':
            found = ask(world, 'GET', f'{path}/{found["uuid"]}').json
        answers.append({name: value for name, value in found.items()
                        if name not in OF_ITS_OWN})
        conducting.work()
        if path == GROUPS:
            body = body | {'name': 'm'}
    assert answers[0] == answers[1]


def change(*operations):
    return [dict(zip(('op', 'path', 'value'), operation, strict=False))
            for operation in operations]


STYLES = {
    'openstack coe 4': change(
        ('replace', '/labels', "{'a': 'b', 'n': '1'}"),
        ('replace', '/docker_volume_size', 6),
        ('add', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', 'True'),
        ('remove', '/tags')),
    'openstack coe 5': change(
        ('add', '/labels/a', 'b'), ('add', '/labels/n', '1'),
        ('remove', '/labels/old'),
        ('replace', '/docker_volume_size', 6),
        ('replace', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', True),
        ('remove', '/tags')),
    'Horizon': change(
        ('replace', '/labels', "{'a': 'b', 'n': '1'}"),
        ('replace', '/docker_volume_size', '6'),
        ('add', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', 'True'),
        ('remove', '/tags'), ('remove', '/driver')),
    'Skyline': change(
        ('replace', '/labels', '{"a":"b","n":1}'),
        ('replace', '/docker_volume_size', 6),
        ('replace', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', 'true'),
        ('remove', '/tags', None), ('remove', '/no_proxy', None),
        ('remove', '/fixed_subnet', None)),
    'Terraform': change(
        ('replace', '/labels', "{'a':'b','n':'1'}"),
        ('replace', '/docker_volume_size', 6),
        ('replace', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', 'true'),
        ('remove', '/tags')),
    'openstacksdk': change(
        ('replace', '/labels', {'a': 'b', 'n': 1}),
        ('replace', '/docker_volume_size', 6),
        ('replace', '/http_proxy', 'http://proxy'),
        ('replace', '/master_lb_enabled', True),
        ('remove', '/tags')),
}


@pytest.mark.parametrize('style', STYLES)
def test_every_style_of_patch_comes_to_the_same(world, style):
    made = ask(world, 'POST', '/v1/clustertemplates', TEMPLATE | {
        'labels': {'a': 'x', 'old': 'y'}, 'docker_volume_size': 3,
        'tags': 'one,two'}).json
    path = f'/v1/clustertemplates/{made["uuid"]}'
    answer = ask(world, 'PATCH', path, STYLES[style])
    assert answer.status_int == 200, answer.text
    wanted = made | {'labels': {'a': 'b', 'n': '1'}, 'tags': None,
                     'docker_volume_size': 6, 'http_proxy': 'http://proxy',
                     'master_lb_enabled': True}
    found = ask(world, 'GET', path).json
    assert found == answer.json
    passing = {'updated_at', 'status'}
    assert {name: value for name, value in found.items()
            if name not in passing} == {
                name: value for name, value in wanted.items()
                if name not in passing}


@pytest.mark.parametrize(('sent', 'told'), [
    ('x', 'x'), ('', ''), (True, 'True'), (False, 'False'), (7, '7'),
    (1.5, '1.5'), ('true', 'true')])
def test_labels_leave_as_text_whatever_they_came_as(world, sent, told):
    for path, body in (('/v1/clustertemplates', TEMPLATE),
                       ('/v1/clusters', {'cluster_template_id': 't'}),
                       (GROUPS, {'name': 'n'})):
        made = ask(world, 'POST', path, body | {'labels': {'l': sent}})
        found = ask(world, 'GET', f'{path}/{made.json["uuid"]}').json
        assert found['labels'] == {'l': told}


@pytest.mark.parametrize('path', [
    '/v1/clusters', '/v1/clusters/detail', '/v1/clustertemplates',
    '/v1/clustertemplates/detail', GROUPS])
@pytest.mark.parametrize('start', ['limit=1', 'limit=2', ''])
def test_a_list_is_read_to_its_end_by_links_and_by_markers(world, path,
                                                           start):
    for _ in range(3):
        factories.store(factories.cluster(), factories.template())
    collection = path.split('/')[-1].replace('detail', path.split('/')[2])
    whole = [item['uuid'] for item in ask(world, 'GET', path).json[collection]]
    linked, marked = [], []
    following = f'{path}?{start}'
    while following:
        page = ask(world, 'GET', following).json
        linked += [item['uuid'] for item in page[collection]]
        following = page.get('next', '').removeprefix('http://localhost')
        assert not following or following.startswith('/v1/')
    after = ''
    while True:
        page = ask(world, 'GET', f'{path}?{start}{after}').json[collection]
        if not page:
            break
        marked += [item['uuid'] for item in page]
        after = f'&marker={marked[-1]}'
    assert linked == marked == whole


def test_an_answer_that_a_client_misreads_is_noticed(world):
    answer = ask(world, 'GET', '/v1/clusters')
    clients.read('/v1/clusters', answer)
    good = answer.json
    for key, wrong in (('node_count', '1'), ('status', 'FINE'),
                       ('labels', {'a': 1}), ('created_at', '2026-01-01'),
                       ('floating_ip_enabled', 'true')):
        answer.json = {'clusters': [good['clusters'][0] | {key: wrong}]}
        with pytest.raises(clients.Misread):
            clients.read('/v1/clusters', answer)
    for wrong in ({**good, 'others': []}, {**good, 'next': '/clusters'}):
        answer.json = wrong
        with pytest.raises(clients.Misread):
            clients.read('/v1/clusters', answer)
    answer.json = good
    answer.headers['Retry-After'] = '5'
    with pytest.raises(clients.Misread):
        clients.read('/v1/clusters', answer)
