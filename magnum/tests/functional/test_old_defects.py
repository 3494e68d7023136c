# SPDX-License-Identifier: Apache-2.0
"""What releases before this one did wrong with clusters and templates.

What a table or a story tells anyway is not here.
"""

from oslo_config import cfg
import pytest

from magnum.db import models
from magnum.db import session as db
from magnum import policy
from magnum.tests import factories

CONF = cfg.CONF
HEALTH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]


def replace(name, value):
    return {'op': 'replace', 'path': f'/{name}', 'value': value}


@pytest.fixture
def template(api):
    row = factories.template(name='t')
    factories.store(row)
    return row


@pytest.fixture
def cluster(api, template):
    row = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(row, *factories.nodegroups(row))
    return row


@pytest.fixture
def drivers(api):
    """Set [drivers] options; they are gone after the test."""
    yield lambda **options: [CONF.set_override(name, value, 'drivers')
                             for name, value in options.items()]
    for name in ('disabled_drivers', 'enabled_beta_drivers',
                 'default_driver'):
        CONF.clear_override(name, 'drivers')


def make(api, **attributes):
    return api('POST', '/v1/clusters',
               {'cluster_template_id': 't', **attributes}, version='latest')


def make_template(api, **attributes):
    return api('POST', '/v1/clustertemplates',
               {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', **attributes})


def test_a_cluster_without_nodegroups_is_shown_and_deleted(api, template):
    factories.store(factories.cluster(
        name='c', cluster_template_id=template.uuid))
    for path, read in (('clusters', lambda body: body['clusters'][0]),
                       ('clusters/detail', lambda body: body['clusters'][0]),
                       ('clusters/c', lambda body: body)):
        answer = api('GET', f'/v1/{path}', version='latest')
        assert answer.status_int == 200
        shown = read(answer.json)
        assert (shown['master_count'], shown['node_count']) == (0, 0)
        assert shown.get('node_addresses', []) == []
    for body, status in (([], 202), (HEALTH, 202),
                         ([replace('node_count', 0)], 202),
                         ([replace('node_count', 3)], 404)):
        answer = api('PATCH', '/v1/clusters/c', body, version='latest')
        assert answer.status_int == status, answer.text
    assert api('POST', '/v1/clusters/c/actions/resize', {'node_count': 1},
               version='latest').status_int == 404
    assert api('DELETE', '/v1/clusters/c').status_int == 204


def test_a_cluster_whose_template_has_gone_is_shown_and_deleted(api):
    row = factories.cluster(name='c')
    factories.store(row, *factories.nodegroups(row))
    for path in ('clusters', 'clusters/detail', 'clusters/c'):
        assert api('GET', f'/v1/{path}').status_int == 200
    assert api('PATCH', '/v1/clusters/c', HEALTH).status_int == 202
    assert api('DELETE', '/v1/clusters/c').status_int == 204


@pytest.mark.parametrize('status', [
    'CREATE_IN_PROGRESS', 'CREATE_FAILED', 'UPDATE_IN_PROGRESS',
    'UPDATE_FAILED', 'DELETE_IN_PROGRESS', 'DELETE_FAILED', 'RESUME_FAILED',
    'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED', 'DELETE_COMPLETE'])
def test_a_change_that_the_status_does_not_allow_is_refused(
        api, template, status):
    row = factories.cluster(name='c', cluster_template_id=template.uuid,
                            status=status, status_reason='so')
    factories.store(row, *factories.nodegroups(row))
    answer = api('PATCH', '/v1/clusters/c', [replace('node_count', 3)])
    assert answer.status_int == 409
    assert answer.json['errors'][0]['title'].endswith(
        f'when status is "{status}" is not supported')
    shown = api('GET', '/v1/clusters/c').json
    assert (shown['status'], shown['status_reason'], shown['node_count']) == (
        status, 'so', 1)
    assert ('faults' in shown) is status.endswith('_FAILED')
    # Health may be told whatever the status, and deleted it can be, too.
    assert api('PATCH', '/v1/clusters/c', HEALTH).status_int == 202
    assert api('GET', '/v1/clusters/c').json['status'] == status
    for _ in range(2):
        assert api('DELETE', '/v1/clusters/c').status_int == 204
    assert api('GET', '/v1/clusters/c').json['status'] == (
        'DELETE_IN_PROGRESS')


@pytest.mark.parametrize('status', sorted(models.SETTLED))
def test_a_change_that_the_status_allows_is_begun(api, template, status):
    row = factories.cluster(name='c', cluster_template_id=template.uuid,
                            status=status)
    factories.store(row, *factories.nodegroups(row))
    assert api('PATCH', '/v1/clusters/c', [replace('node_count', '3')]
               ).status_int == 202
    shown = api('GET', '/v1/clusters/c').json
    assert (shown['status'], shown['node_count']) == ('UPDATE_IN_PROGRESS', 3)


def test_the_faults_are_those_of_groups_that_failed(api, template):
    row = factories.cluster(name='c', cluster_template_id=template.uuid,
                            status='UPDATE_FAILED')
    good, bad = factories.nodegroups(row)
    good.status, bad.status_reason = 'UPDATE_COMPLETE', 'No luck.'
    factories.store(row, good, bad)
    assert api('GET', '/v1/clusters/c').json['faults'] == {
        'default-worker': 'No luck.'}
    for path in ('clusters', 'clusters/detail'):
        assert 'faults' not in api('GET', f'/v1/{path}').json['clusters'][0]
    api('GET', f'/_played/{row.uuid}/UPDATE_COMPLETE')
    assert 'faults' not in api('GET', '/v1/clusters/c').json


def test_what_failed_without_its_groups_has_no_faults(api, template):
    row = factories.cluster(name='c', cluster_template_id=template.uuid,
                            status='CREATE_FAILED')
    groups = factories.nodegroups(row)
    for group in groups:
        group.status = 'CREATE_COMPLETE'
    factories.store(row, *groups)
    assert api('GET', '/v1/clusters/c').json['faults'] == {}


def test_a_template_of_a_driver_of_its_own_can_be_used(api, drivers):
    # Nobody serves that distribution, but it was asked for by name.
    assert make_template(api, name='t', image_id='coreos', driver='able',
                         flavor_id='m1.small', master_flavor_id='m1.small'
                         ).status_int == 201
    assert make(api).status_int == 202
    drivers(disabled_drivers=['able'])
    for answer in (make(api), make_template(api, driver='able')):
        assert answer.status_int == 400
        assert 'able' in answer.json['errors'][0]['title']
    assert api('PATCH', '/v1/clustertemplates/t', [
        replace('name', 'u')]).status_int == 200


def test_a_beta_driver_must_be_enabled_even_by_its_name(api, drivers,
                                                        monkeypatch):
    monkeypatch.setattr(type(api.driver), 'beta', True)
    for attributes in ({'driver': 'fake'}, {}):
        assert make_template(api, **attributes).status_int == 400
    factories.store(factories.template(name='t'))
    assert make(api).status_int == 400
    drivers(enabled_beta_drivers=['fake'])
    assert make_template(api, driver='fake').status_int == 201
    assert make(api).status_int == 202


def test_the_driver_is_asked_for_in_four_places(api, drivers):
    assert make_template(api).json['driver'] == 'fake'
    drivers(default_driver='able')
    assert make_template(api).json['driver'] == 'able'
    api.cloud.things['Image'][0].properties['magnum_driver'] = 'fake'
    assert make_template(api).json['driver'] == 'fake'
    assert make_template(api, driver='able').json['driver'] == 'able'
    api.cloud.things['Image'][0].properties['magnum_driver'] = 'nobody'
    assert make_template(api).status_int == 400
    del api.cloud.things['Image'][0].properties['magnum_driver']
    drivers(default_driver='nobody')
    assert make_template(api).status_int == 400


def test_network_drivers_are_those_that_the_operator_allows(api):
    name = 'kubernetes_allowed_network_drivers'
    try:
        for allowed, network_driver, status in (
                (['all'], 'cilium', 201), (['all'], 'nonsense', 400),
                (['calico'], 'calico', 201), (['calico'], 'flannel', 400),
                # The default one is no exception.
                (['calico'], None, 400)):
            CONF.set_override(name, allowed, 'cluster_template')
            assert make_template(api, network_driver=network_driver
                                 ).status_int == status
    finally:
        CONF.clear_override(name, 'cluster_template')


def test_a_template_without_network_driver_has_the_operators(api):
    name = 'kubernetes_default_network_driver'
    CONF.set_override(name, 'calico', 'cluster_template')
    try:
        assert make_template(api).json['network_driver'] == 'calico'
    finally:
        CONF.clear_override(name, 'cluster_template')


@pytest.mark.parametrize(('size', 'label', 'status'), [
    (0, None, 400), (0, '-1', 400), (0, '5', 202), (5, None, 202),
    (5, '0', 400), (5, '', 202)])
def test_nodes_that_boot_from_a_volume_need_no_disk(api, size, label,
                                                    status):
    factories.store(factories.template(name='t', flavor_id=None))
    labels = {} if label is None else {'boot_volume_size': label}
    CONF.set_override('default_boot_volume_size', size, 'cinder')
    try:
        for attributes, expected in (
                ({}, status),
                # Below 0 the flavor has to be there, and nothing more.
                ({'flavor_id': 'diskless'},
                 202 if label == '-1' else status),
                ({'flavor_id': 'nothing'}, 400)):
            answer = make(api, labels=labels, **attributes)
            assert answer.status_int == expected, answer.text
            assert expected == 202 or (
                'flavor' in answer.json['errors'][0]['title'])
    finally:
        CONF.clear_override('default_boot_volume_size', 'cinder')


def test_a_template_without_flavors_can_be_changed(api):
    factories.store(factories.template(name='t', flavor_id=None,
                                       master_flavor_id=None))
    for operation in (replace('name', 't'), replace('labels', "{'a': 'b'}"),
                      replace('keypair_id', 'k'),
                      {'op': 'add', 'path': '/labels/boot_volume_size',
                       'value': '-1'}):
        answer = api('PATCH', '/v1/clustertemplates/t', [operation])
        assert answer.status_int == 200, answer.text


def test_the_disk_is_checked_with_the_labels_that_will_be(api):
    factories.store(factories.template(
        name='t', flavor_id='diskless', labels={'boot_volume_size': '9'}))
    path = '/v1/clustertemplates/t'
    for operations, status in (
            ([replace('master_flavor_id', 'diskless')], 200),
            ([{'op': 'remove', 'path': '/labels/boot_volume_size'}], 400),
            ([replace('labels', {})], 400),
            ([replace('labels/boot_volume_size', 'x')], 400),
            ([replace('labels/boot_volume_size', 0)], 400),
            ([replace('labels/boot_volume_size', -1)], 200),
            ([replace('labels', {}), replace('flavor_id', 'm1.small')], 400),
            ([replace('labels', {}), replace('flavor_id', 'm1.small'),
              replace('master_flavor_id', 'm1.small')], 200)):
        answer = api('PATCH', path, operations)
        assert answer.status_int == status, (operations, answer.text)


def test_a_patched_template_keeps_the_rules_of_a_new_one(api):
    factories.store(factories.template(name='t', docker_volume_size=2,
                                       driver=None))
    path = '/v1/clustertemplates/t'
    for operations, status in (
            ([replace('docker_storage_driver', 'devicemapper')], 400),
            ([replace('docker_storage_driver', 'devicemapper'),
              replace('docker_volume_size', 3)], 200),
            ([replace('docker_volume_size', 2)], 400),
            ([{'op': 'remove', 'path': '/docker_volume_size'}], 400),
            ([replace('server_type', 'bm'),
              replace('driver', 'nobody')], 400),
            ([replace('cluster_distro', 'coreos')], 400),
            ([replace('server_type', 'bm')], 400),
            ([replace('image_id', 'coreos')], 400),
            ([replace('image_id', 'i-1')], 200)):
        answer = api('PATCH', path, operations)
        assert answer.status_int == status, (operations, answer.text)
    # What an image brings is derived; nothing derives it without one.
    assert api('GET', path).json['driver'] == 'fake'


def test_a_container_volume_is_checked_again_for_a_cluster(api):
    factories.store(factories.template(
        name='t', docker_volume_size=3,
        docker_storage_driver='devicemapper'))
    for attributes, status in (({'docker_volume_size': 2}, 400), ({}, 202),
                               ({'docker_volume_size': 3}, 202)):
        assert make(api, **attributes).status_int == status


def test_health_costs_no_look_up_and_needs_no_flavor(api, template):
    row = factories.cluster(name='c', cluster_template_id=template.uuid,
                            flavor_id='deleted')
    masters, workers = factories.nodegroups(row)
    workers.node_count = 0
    factories.store(row, masters, workers)
    # Also of clusters without workers, by those who know of no such thing.
    for version in ('1.1', '1.9', '1.14'):
        assert api('PATCH', '/v1/clusters/c', HEALTH, version=version
                   ).status_int == 202
    assert not api.cloud.calls


def test_no_get_asks_another_service(api, cluster):
    for path in ('clusters', 'clusters/detail', 'clusters/c',
                 'clustertemplates', 'clustertemplates/detail',
                 'clustertemplates/t'):
        assert api('GET', f'/v1/{path}').status_int == 200
    assert not api.cloud.calls


def test_a_thing_is_looked_up_once_for_each_request(api, template):
    assert make(api, keypair='key').status_int == 202
    assert make_template(api, flavor_id='f-1', master_flavor_id='f-1',
                         fixed_network='private').status_int == 201
    assert sorted(api.cloud.calls) == [
        ('ExternalNetwork', 'public'), ('Flavor', 'f-1'),
        ('Flavor', 'm1.small'), ('Image', 'ubuntu-k8s'),
        ('Image', 'ubuntu-k8s'), ('Keypair', 'key'),
        ('Network', 'private')]


@pytest.mark.parametrize('size', [1, 5])
def test_a_size_outside_the_groups_limits_is_refused(api, template, size):
    row = factories.cluster(name='c', cluster_template_id=template.uuid)
    masters, workers = factories.nodegroups(row)
    workers.node_count, workers.min_node_count = 3, 2
    workers.max_node_count = 4
    factories.store(row, masters, workers)
    answer = api('PATCH', '/v1/clusters/c', [replace('node_count', size)])
    assert answer.status_int == 400
    assert 'node_count' in answer.json['errors'][0]['title']
    assert api('PATCH', '/v1/clusters/c', [replace('node_count', 4)]
               ).status_int == 202


def test_the_rule_of_health_is_asked_when_health_changes(api, cluster,
                                                         tmp_path):
    (tmp_path / 'policy.yaml').write_text(
        '"cluster:update_health_status": "role:admin"\n')
    policy.reset()
    assert api('PATCH', '/v1/clusters/c', HEALTH).status_int == 403
    assert api('PATCH', '/v1/clusters/c', HEALTH + [
        replace('node_count', 2)]).status_int == 403
    assert api('PATCH', '/v1/clusters/c', []).status_int == 202
    assert api('PATCH', '/v1/clusters/c', HEALTH, token='far-admin'
               ).status_int == 202
    # What is said already is no change.
    assert api('PATCH', '/v1/clusters/c', HEALTH + [
        replace('node_count', 2)]).status_int == 202


def test_the_longest_name_has_certificates(api, template):
    CONF.set_override('rsa_key_size', 1024, 'x509')
    try:
        uuid = make(api, name='x' * 242).json['uuid']
        api('GET', f'/_played/{uuid}/CERTIFIED')
    finally:
        CONF.clear_override('rsa_key_size', 'x509')
    pem = api('GET', f'/v1/certificates/{uuid}').json['pem']
    assert pem.startswith('-----BEGIN CERTIFICATE-----')


def test_a_refused_cluster_leaves_nothing(api, template):
    for attributes in ({'labels': {'min_node_count': 'x'}},
                       {'labels': {'refuse': 'x'}}, {'flavor_id': 'nothing'},
                       {'master_count': 3}):
        assert make(api, **attributes).status_int == 400
    with db.reader() as session:
        for model in (models.Cluster, models.NodeGroup, models.Operation):
            assert session.query(model).count() == 0
