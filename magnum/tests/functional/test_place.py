# SPDX-License-Identifier: Apache-2.0
"""What a cloud would refuse later is refused when a cluster is asked for."""

import dataclasses

import pytest

from magnum import errors
from magnum.tests import factories
from magnum.tests.fakes import cloud as clouds

MINE = {'cluster_template_id': 't'}
MINIMAL = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}


@pytest.fixture
def built(api):
    """The API with a driver that builds by Heat, and a template for it."""
    api.driver.built_by_heat = True
    api.cloud.things['Network'].append(clouds.Named('n-5', 'alone'))
    api.cloud.things['Network'].append(clouds.Named('n-6', 'theirs', 'q'))
    api.cloud.things['Subnet'] += [
        clouds.Subnet('s-2', 'alone-subnet', 'n-5', '10.98.0.0/24'),
        clouds.Subnet('s-3', 'six', 'n-5', 'fd00::/64')]
    factories.store(factories.template(name='t', floating_ip_enabled=True))
    return api


def image(api, **changes):
    images = api.cloud.things['Image']
    images[0] = dataclasses.replace(images[0], **changes)


@pytest.mark.parametrize(('wish', 'words'), [
    ({'fixed_network': 'alone'}, 'fixed_network: no router connects alone'),
    ({'fixed_subnet': 'alone-subnet'}, 'fixed_subnet: no router connects'),
    ({'fixed_network': 'private', 'fixed_subnet': 'alone-subnet'},
     'fixed_subnet: subnet alone-subnet is not part of'),
    ({'labels': {'availability_zone': 'mars'}},
     'labels: availability_zone mars does not exist'),
    ({'labels': {'boot_volume_type': 'slow', 'boot_volume_size': 30}},
     'labels: boot_volume_type slow'),
    ({'labels': {'etcd_volume_type': 'slow', 'etcd_volume_size': 5}},
     'labels: etcd_volume_type slow'),
    ({'labels': {'docker_volume_type': 'slow'}, 'docker_volume_size': 5},
     'labels: docker_volume_type slow')])
def test_a_place_that_is_not_there(built, wish, words):
    answer = built('POST', '/v1/clusters', MINE | wish)
    assert answer.status_int == 400, answer.text
    assert words in answer.text
    assert built('GET', '/v1/clusters').json['clusters'] == []


def test_a_cloud_without_load_balancers(built):
    built.cloud.services.clear()
    answer = built('POST', '/v1/clusters', {**MINE, 'master_lb_enabled': True})
    assert answer.status_int == 400
    assert 'master_lb_enabled: this cloud has no load' in answer.text


@pytest.mark.parametrize('wish', [
    {}, {'fixed_network': 'private'}, {'fixed_subnet': 's-1'},
    {'fixed_network': 'private', 'fixed_subnet': 'private-subnet'},
    # Without floating addresses no router is needed.
    {'fixed_network': 'alone', 'floating_ip_enabled': False},
    # Routers on a network of others cannot be seen.
    {'fixed_network': 'theirs'},
    {'labels': {'availability_zone': 'nova:host-1'}},
    {'labels': {'availability_zone': ' ', 'boot_volume_type': ''}},
    # There is no such volume.
    {'labels': {'etcd_volume_type': 'slow', 'etcd_volume_size': 0,
                'docker_volume_type': 'slow', 'boot_volume_type': 'slow'}},
    {'labels': {'boot_volume_type': 'fast', 'boot_volume_size': 30}},
    {'master_lb_enabled': True}])
def test_a_place_that_is_there(built, wish):
    answer = built('POST', '/v1/clusters', MINE | wish)
    assert answer.status_int == 202, answer.text


FAULTS = [errors.ServiceUnavailable('away'), errors.Forbidden('not you'),
          errors.NotFound('Nova', 'resource'),
          errors.InfrastructureFailed('not in the catalog'),
          errors.AuthorisationEnded('just now')]


@pytest.mark.parametrize('fault', FAULTS, ids=lambda e: type(e).__name__)
def test_a_service_that_tells_nothing_stops_nobody(built, fault, monkeypatch):
    def fail(*arguments):
        raise fault
    for name in ('zones', 'volume_types', 'subnets_of', 'networks_outside'):
        monkeypatch.setattr(built.cloud, name, fail)
    answer = built('POST', '/v1/clusters', {
        **MINE, 'fixed_network': 'alone', 'docker_volume_size': 5,
        'labels': {'availability_zone': 'mars',
                   'docker_volume_type': 'slow'}})
    assert answer.status_int == 202, answer.text


def test_other_drivers_are_not_spoken_for(built):
    built.driver.built_by_heat = False
    answer = built('POST', '/v1/clusters', {
        **MINE, 'fixed_network': 'alone',
        'labels': {'availability_zone': 'mars'}})
    assert answer.status_int == 202, answer.text


def test_the_driver_is_told_the_subnets(built):
    seen = []
    built.driver.check = seen.append
    for wish in ({}, {'fixed_network': 'private'}, {'fixed_subnet': 's-3'}):
        built('POST', '/v1/clusters', {**MINE, **wish,
                                       'floating_ip_enabled': False})
    assert [spec.subnet_cidrs for spec in seen] == [
        None, ('10.99.0.0/24',), ('fd00::/64',)]


@pytest.mark.parametrize(('needs', 'labels', 'field'), [
    ({'min_ram': 4097}, {}, 'flavor_id'), ({'min_disk': 21}, {}, 'flavor_id'),
    ({'size': 20.1}, {}, 'flavor_id'),
    ({'min_disk': 21}, {'boot_volume_size': 20}, 'labels'),
    ({'size': 20.1}, {'boot_volume_size': 20}, 'labels')])
def test_an_image_that_does_not_fit(built, needs, labels, field):
    image(built, **needs)
    answer = built('POST', '/v1/clusters', {**MINE, 'labels': labels})
    assert answer.status_int == 400, answer.text
    assert f'for {field}: ' in answer.text


@pytest.mark.parametrize(('needs', 'labels'), [
    ({'min_ram': 4096, 'min_disk': 20, 'size': 20}, {}),
    ({'min_disk': 40, 'size': 40}, {'boot_volume_size': 40})])
def test_an_image_that_fits(built, needs, labels):
    image(built, **needs)
    answer = built('POST', '/v1/clusters', {**MINE, 'labels': labels})
    assert answer.status_int == 202, answer.text


@pytest.mark.parametrize('path', ['/v1/clusters', '/v1/clustertemplates'])
def test_an_image_that_is_not_active(built, path):
    image(built, status='deactivated')
    answer = built('POST', path, MINE if path == '/v1/clusters' else MINIMAL)
    assert answer.status_int == 400, answer.text
    assert 'image_id: image ubuntu-k8s is deactivated' in answer.text


def test_subnet_and_network_of_a_template_belong_together(built):
    pair = {'fixed_network': 'private', 'fixed_subnet': 'alone-subnet'}
    answer = built('POST', '/v1/clustertemplates', MINIMAL | pair)
    assert answer.status_int == 400, answer.text
    made = built('POST', '/v1/clustertemplates', {
        **MINIMAL, 'name': 'u', 'fixed_subnet': 'alone-subnet'})
    assert made.status_int == 201, made.text
    answer = built('PATCH', '/v1/clustertemplates/u', [
        {'op': 'add', 'path': '/fixed_network', 'value': 'private'}])
    assert answer.status_int == 400, answer.text
    assert 'fixed_subnet' in answer.text


def test_the_case_of_a_distribution_is_of_no_account(built):
    image(built, properties={'os_distro': 'Ubuntu'})
    made = built('POST', '/v1/clustertemplates', {**MINIMAL, 'name': 'u'})
    assert made.status_int == 201, made.text
    answer = built('POST', '/v1/clusters', {
        'cluster_template_id': 'u', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small'})
    assert answer.status_int == 202, answer.text


@pytest.mark.parametrize(('wish', 'status'), [
    ({'image_id': 'twin'}, 409), ({'image_id': 'i-5'}, 403),
    ({'fixed_network': 'twins'}, 409), ({'flavor_id': 'nothing'}, 400)])
def test_a_refusal_names_field_and_value(built, wish, status):
    answer = built('POST', '/v1/clustertemplates', MINIMAL | wish)
    assert answer.status_int == status
    (name, value), = wish.items()
    assert name in answer.text and value in answer.text
