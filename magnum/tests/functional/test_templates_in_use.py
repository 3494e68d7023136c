# SPDX-License-Identifier: Apache-2.0
"""What of a template can change while clusters, of any project, use it."""

import pytest

from magnum.tests import factories


def replace(name, value):
    return {'op': 'replace', 'path': f'/{name}', 'value': value}


@pytest.fixture(params=['p', 'q'])
def template(api, request):
    row = factories.template(name='t', labels={'a': 'b'}, tags='old',
                             keypair_id='key')
    factories.store(row, factories.cluster(
        cluster_template_id=row.uuid, project_id=request.param))
    return f'/v1/clustertemplates/{row.uuid}'


@pytest.mark.parametrize('operations', [
    [], [replace('name', 'u')], [replace('name', 't')],
    [replace('tags', 'new')], [{'op': 'remove', 'path': '/tags'}],
    [replace('public', True)], [replace('hidden', True)],
    [replace('hidden', False)], [replace('flavor_id', 'm1.small')],
    [replace('labels', "{'a': 'b'}")], [replace('labels/a', 'b')],
    [replace('name', 'u'), replace('tags', 'new'), replace('hidden', True),
     replace('public', True)],
    [replace('keypair_id', 'other'), replace('keypair_id', 'key')],
    [{'op': 'remove', 'path': '/driver'}],
    [{'op': 'remove', 'path': '/dns_nameserver', 'value': None}]])
def test_what_harms_no_cluster_can_change(api, template, operations):
    for _ in range(2):
        answer = api('PATCH', template, operations, token='admin')
        assert answer.status_int == 200, answer.text
    for operation in operations:
        if operation['path'] in ('/public', '/hidden'):
            back = replace(operation['path'][1:], not operation['value'])
            answer = api('PATCH', template, [back], token='admin')
            assert answer.status_int == 200, answer.text


@pytest.mark.parametrize('operation', [
    replace('flavor_id', 'm1.large'), replace('labels/a', 'c'),
    {'op': 'add', 'path': '/labels/c', 'value': 'd'},
    {'op': 'remove', 'path': '/labels'}, replace('driver', 'able'),
    {'op': 'remove', 'path': '/keypair_id'}, replace('tls_disabled', True),
    replace('image_id', 'i-1'), replace('floating_ip_enabled', 'no'),
    {'op': 'add', 'path': '/dns_nameserver', 'value': '8.8.8.8'},
    replace('docker_volume_size', '6'), replace('cluster_distro', 'x')])
def test_what_clusters_depend_on_cannot_change(api, template, operation):
    before = api('GET', template).json
    for operations in ([operation], [replace('name', 'u'), operation]):
        answer = api('PATCH', template, operations)
        assert answer.status_int == 400, answer.text
        assert 'in use' in answer.json['errors'][0]['title']
    assert api('GET', template).json == before


def test_it_cannot_be_deleted_by_anybody(api, template):
    for token in ('member', 'admin'):
        answer = api('DELETE', template, token=token)
        assert answer.status_int == 400
        assert 'in use' in answer.json['errors'][0]['title']


def test_when_the_cluster_is_gone_all_is_as_before(api):
    row = factories.template(name='t')
    cluster = factories.cluster(cluster_template_id=row.uuid)
    factories.store(row, cluster)
    assert api('DELETE', f'/v1/clusters/{cluster.uuid}').status_int == 204
    change = [replace('flavor_id', 'm1.large')]
    path = f'/v1/clustertemplates/{row.uuid}'
    assert api('PATCH', path, change).status_int == 400
    api('GET', f'/_played/{cluster.uuid}/DELETE_COMPLETE')
    assert api('PATCH', path, change).json['flavor_id'] == 'm1.large'
    assert api('DELETE', path).status_int == 204
