# SPDX-License-Identifier: Apache-2.0
"""Which of two wrong things is told, where the status shows it.

Each case breaks two rules at once; the answer is that of the first.
"""

import pytest

from magnum.tests import factories

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'name': 'new'}
TWINS = {'fixed_network': 'twins'}
UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'


@pytest.fixture
def world(api):
    used = factories.template(name='t')
    rows = [
        used, factories.template(name='twin'), factories.template(name='twin'),
        factories.template(name='free', uuid=UUID),
        factories.template(name='gone', driver='gone'),
        factories.template(name='hidden', hidden=True),
        factories.template(name='secret', image_id='secret'),
        factories.template(name='bare', flavor_id=None, image_id='secret'),
        factories.template(name='mapper', docker_volume_size=2,
                           docker_storage_driver='devicemapper'),
        factories.quota(project_id='q', hard_limit=0)]
    cluster = factories.cluster(name='c', cluster_template_id=used.uuid)
    busy = factories.cluster(name='busy', cluster_template_id=used.uuid,
                             status='CREATE_IN_PROGRESS')
    factories.store(*rows, cluster, busy, *factories.nodegroups(cluster),
                    *factories.nodegroups(busy))
    for row in rows[:-1]:
        if row.name != 'twin':
            # Those of project q are at its quota.
            factories.store(factories.template(**{
                column: getattr(row, column) for column in (
                    'driver', 'hidden', 'image_id', 'flavor_id',
                    'docker_storage_driver', 'docker_volume_size')},
                name=f'q-{row.name}', project_id='q'))
    return api


@pytest.mark.parametrize(('token', 'body', 'status', 'title'), [
    # The schema, before who asks; and that before all that is looked up.
    ('reader', {'coe': 'nomad'}, 400, 'coe'),
    ('reader', {'image_id': 'nothing'}, 403, 'clustertemplate:create'),
    ('member', {'image_id': 'secret', 'public': True}, 403,
     'clustertemplate:publish'),
    # What goes together.
    ('member', {'network_driver': 'x', 'image_id': 'secret'}, 400,
     'network_driver'),
    ('member', {'volume_driver': 'x', 'image_id': 'secret'}, 400,
     'volume_driver'),
    ('member', {'docker_storage_driver': 'devicemapper',
                'image_id': 'secret'}, 400, 'docker_volume_size'),
    # The driver.
    ('member', {'image_id': 'nothing', **TWINS}, 400, 'image'),
    ('member', {'image_id': 'secret', 'driver': 'x'}, 403, 'secret'),
    ('member', {'image_id': 'plain', **TWINS}, 400, 'os_distro'),
    ('member', {'driver': 'x', **TWINS}, 400, 'driver x'),
    ('member', {'image_id': 'coreos', **TWINS}, 400, 'Cluster type'),
    # What is in the cloud, the disks, and the uuid.
    ('member', {'flavor_id': 'diskless', **TWINS}, 409, 'twins'),
    ('admin', {'flavor_id': 'diskless', 'uuid': UUID}, 400, 'flavor_id'),
    ('admin', {'uuid': UUID}, 409, UUID)])
def test_of_a_new_template(world, token, body, status, title):
    answer = world('POST', '/v1/clustertemplates', {**TEMPLATE, **body},
                   token=token)
    assert answer.status_int == status, answer.text
    assert title in answer.json['errors'][0]['title']


@pytest.mark.parametrize(('token', 'path', 'body', 'status', 'title'), [
    ('member', 'nothing', {}, 400, 'array'),
    ('member', 'nothing', [{'op': 'remove', 'path': '/uuid'}], 400, '/uuid'),
    ('reader', 'nothing', [{'op': 'remove', 'path': '/name'}], 404,
     'nothing'),
    ('reader', 'twin', [{'op': 'remove', 'path': '/name'}], 409, 'Multiple'),
    ('reader', 'free', [{'op': 'add', 'path': '/x', 'value': 'y'}], 403,
     'clustertemplate:update'),
    ('member', 'free', [{'op': 'add', 'path': '/x', 'value': 'y'},
                        {'op': 'replace', 'path': '/public', 'value': True}],
     400, '/x'),
    ('member', 'free', [{'op': 'replace', 'path': '/hidden', 'value': True},
                        {'op': 'add', 'path': '/fixed_network',
                         'value': 'nothing'}], 403,
     'clustertemplate:publish'),
    ('member', 'free', [{'op': 'replace', 'path': '/network_driver',
                         'value': 'x'},
                        {'op': 'add', 'path': '/fixed_network',
                         'value': 'twins'}], 400, 'network_driver'),
    ('member', 'free', [{'op': 'replace', 'path': '/flavor_id',
                         'value': 'diskless'},
                        {'op': 'add', 'path': '/fixed_network',
                         'value': 'twins'}], 409, 'twins'),
    ('member', 't', [{'op': 'add', 'path': '/fixed_network',
                      'value': 'twins'}], 409, 'twins')])
def test_of_a_changed_template(world, token, path, body, status, title):
    answer = world('PATCH', f'/v1/clustertemplates/{path}', body, token=token)
    assert answer.status_int == status, answer.text
    assert title in answer.json['errors'][0]['title']


@pytest.mark.parametrize(('token', 'body', 'version', 'status', 'title'), [
    ('reader', {'node_count': -1}, '1.14', 400, 'node_count'),
    ('reader', {'cluster_template_id': 'nothing'}, '1.14', 403,
     'cluster:create'),
    ('member', {'cluster_template_id': 'nothing', 'master_count': 2}, '1.14',
     404, 'nothing'),
    ('member', {'cluster_template_id': 'nothing'}, '1.9', 400, 'nothing'),
    ('member', {'cluster_template_id': 'twin', 'node_count': 0}, '1.9', 409,
     'Multiple'),
    # The stranger's quota is used up.
    ('stranger', {'cluster_template_id': 'q-gone'}, '1.14', 400,
     'driver gone'),
    ('stranger', {'cluster_template_id': 'q-mapper'}, '1.14', 400,
     'docker_volume_size'),
    ('stranger', {'cluster_template_id': 'q-t', 'master_count': 2}, '1.14',
     400, 'master_count'),
    ('stranger', {'cluster_template_id': 'q-t', 'node_count': 0}, '1.9', 400,
     'node_count'),
    ('stranger', {'cluster_template_id': 'q-hidden'}, '1.14', 403,
     'Resource limit exceeded'),
    ('stranger', {'cluster_template_id': 'q-t', 'flavor_id': 'nothing'},
     '1.14', 403, 'Resource limit exceeded'),
    ('member', {'cluster_template_id': 'hidden', 'flavor_id': 'nothing'},
     '1.14', 403, 'hidden'),
    ('member', {'cluster_template_id': 'secret', 'flavor_id': 'nothing'},
     '1.14', 400, 'flavor_id'),
    ('member', {'cluster_template_id': 'secret', 'flavor_id': 'diskless'},
     '1.14', 400, 'root disk'),
    ('member', {'cluster_template_id': 'secret',
                'master_flavor_id': 'diskless'}, '1.14', 400, 'root disk'),
    ('member', {'cluster_template_id': 'bare'}, '1.14', 400, 'flavor'),
    ('member', {'cluster_template_id': 'secret', 'keypair': 'nothing'},
     '1.14', 403, 'secret'),
    ('member', {**TWINS, 'keypair': 'nothing'}, '1.14', 409, 'twins'),
    ('member', {'keypair': 'nothing', 'master_count': 3}, '1.14', 404,
     'nothing'),
    ('member', {'master_count': 3, 'labels': {'refuse': 'x'}}, '1.14', 400,
     'master_lb_enabled')])
def test_of_a_new_cluster(world, token, body, version, status, title):
    answer = world('POST', '/v1/clusters',
                   {'cluster_template_id': 't', **body}, token=token,
                   version=version)
    assert answer.status_int == status, answer.text
    assert title in answer.json['errors'][0]['title']


HEALTH = {'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}


@pytest.mark.parametrize(('token', 'path', 'body', 'status', 'title'), [
    ('member', 'nothing', {}, 400, 'array'),
    ('member', 'nothing', [{'op': 'remove', 'path': '/stack_id'}], 400,
     '/stack_id'),
    ('reader', 'nothing', [], 404, 'nothing'),
    ('reader', 'c', [{'op': 'add', 'path': '/x', 'value': 'y'}], 403,
     'cluster:update'),
    ('member', 'c', [HEALTH, {'op': 'add', 'path': '/x', 'value': 'y'}], 400,
     '/x'),
    ('member', 'busy', [{'op': 'replace', 'path': '/name', 'value': 'x'},
                        {'op': 'replace', 'path': '/node_count',
                         'value': 2}], 400, 'not name'),
    ('member', 'busy', [HEALTH, {'op': 'replace', 'path': '/node_count',
                                 'value': 2}], 409, 'CREATE_IN_PROGRESS')])
def test_of_a_changed_cluster(world, token, path, body, status, title):
    answer = world('PATCH', f'/v1/clusters/{path}', body, token=token)
    assert answer.status_int == status, answer.text
    assert title in answer.json['errors'][0]['title']
    for name in ('c', 'busy'):
        shown = world('GET', f'/v1/clusters/{name}').json
        assert shown['health_status'] is None
