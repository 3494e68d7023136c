# SPDX-License-Identifier: Apache-2.0
"""The rules of templates that look further than at one attribute."""

from oslo_config import cfg
import pytest

from magnum.tests import factories

CONF = cfg.CONF


def replace(name, value):
    return {'op': 'replace', 'path': f'/{name}', 'value': value}


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


def test_a_template_of_an_old_release_can_be_changed(api):
    factories.store(factories.template(
        name='t', network_driver=None, driver=None, labels=None))
    for operation in (replace('flavor_id', 'm1.large'),
                      {'op': 'add', 'path': '/labels/a', 'value': 'b'},
                      replace('network_driver', 'calico')):
        answer = api('PATCH', '/v1/clustertemplates/t', [operation])
        assert answer.status_int == 200, answer.text


def test_the_templates_key_pair_has_to_exist_for_a_cluster(api):
    assert make_template(api, name='t', keypair_id='theirs',
                         flavor_id='m1.small', master_flavor_id='m1.small'
                         ).status_int == 201
    for attributes, status in (({}, 404), ({'keypair': 'key'}, 202),
                               ({'keypair': None}, 404)):
        assert make(api, **attributes).status_int == status


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
