# SPDX-License-Identifier: Apache-2.0
"""Labels of a driver that has a table: what is refused, and what is warned of.
"""

import re

import jsonschema
from oslo_config import cfg
import pytest

from magnum import drivers
from magnum.drivers.k8s_kubeadm_v1 import labels as kubeadm
from magnum.drivers import labels as label_table
from magnum.tests import factories

CONF = cfg.CONF

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'name': 'new',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small'}

TABLE = label_table.table(
    label_table.Label('size', label_table.number(2, 30), 4, 'How many.'),
    label_table.Label('on', label_table.BOOLEAN, True, 'Whether.'))

WRONG = [({'size': 1}, 'label size is "1", expected: a whole number from 2 '
                       'to 30'),
         ({'size': 'x', 'typo': '?'}, 'label size is "x"'),
         ({'on': 'maybe'}, 'label on is "maybe", expected: true or false')]
RIGHT = [{'size': 2}, {'size': '30'}, {'size': ''}, {'on': True},
         {'on': 'True'}, {'on': 'true'}, {'on': 1}, {'on': '0'}, {}]


@pytest.fixture
def told(api, monkeypatch):
    """The application, with two drivers that have a table."""
    for driver in drivers._installed().values():
        monkeypatch.setattr(driver, 'labels', TABLE)
    row = factories.template(name='t', driver='able', labels={'size': '9'})
    cluster = factories.cluster(name='c', cluster_template_id=row.uuid,
                                labels={'size': '9', 'old': '1'})
    factories.store(row, cluster, *factories.nodegroups(cluster),
                    factories.template(name='idle', labels={'size': 'old'}))
    return api


def replace(value, path='/labels'):
    return [{'op': 'add', 'path': path, 'value': value}]


def requests(labels):
    return [('POST', '/v1/clustertemplates', TEMPLATE | {'labels': labels}),
            ('PATCH', '/v1/clustertemplates/idle', replace(labels)),
            ('POST', '/v1/clusters', {'cluster_template_id': 't',
                                      'labels': labels}),
            ('POST', '/v1/clusters', {'cluster_template_id': 't',
                                      'labels': labels,
                                      'merge_labels': True}),
            ('POST', '/v1/clusters/c/nodegroups', {'name': 'n',
                                                   'labels': labels})]


OLD = [('POST', '/v1/baymodels', TEMPLATE | {'keypair_id': 'key'}),
       ('POST', '/v1/bays', {'baymodel_id': 't'})]


def ask(api, request):
    method, path, body = request
    return api(method, path, body, version='1.10' if '/bay' in path
               else 'latest')


def refusal(answer):
    assert answer.status_int == 400, answer.text
    return answer.json['errors'][0]['detail']


@pytest.mark.parametrize(('labels', 'text'), WRONG)
def test_a_wrong_value_is_refused_everywhere(told, labels, text):
    for request in requests(labels):
        answer = ask(told, request)
        assert text in refusal(answer), request
        assert 'Warning' not in answer.headers
    for method, path, body in OLD:
        texts = {name: str(value) for name, value in labels.items()}
        answer = ask(told, (method, path, body | {'labels': texts}))
        assert text in refusal(answer), path


@pytest.mark.parametrize('labels', RIGHT)
def test_values_are_accepted_as_clients_send_them(told, labels):
    for request in requests(labels):
        answer = ask(told, request)
        assert answer.status_int in (200, 201, 202), answer.text
        assert 'Warning' not in answer.headers


def test_unknown_labels_are_kept_and_warned_of(told):
    labels = {'size': '5', 'typo': '1', 'other': ''}
    for request in requests(labels):
        answer = ask(told, request)
        assert answer.status_int in (200, 201, 202), answer.text
        assert answer.headers['Warning'] == (
            '299 - "Label other is kept, but the driver does not use it.", '
            '299 - "Label typo is kept, but the driver does not use it."')
    assert told('GET', '/v1/clustertemplates/new').json['labels'] == labels
    for method, path, body in OLD:
        answer = ask(told, (method, path, body | {'labels': labels}))
        assert 'typo' in answer.headers['Warning']


def test_a_group_answers_for_its_own_labels_only(told):
    for labels in (None, {'size': '9', 'old': '1'}):
        answer = told('POST', '/v1/clusters/c/nodegroups',
                      {'name': f'n{bool(labels)}', 'labels': labels},
                      version='latest')
        assert answer.status_int == 202, answer.text
        assert 'Warning' not in answer.headers


def test_only_what_a_patch_changes_is_checked(told):
    for operations in (replace('x', '/name'), replace('1', '/labels/more'),
                       replace({'size': 'old', 'on': '1'}),
                       replace('3', '/labels/size')):
        answer = told('PATCH', '/v1/clustertemplates/idle', operations)
        assert answer.status_int == 200, answer.text
        told('PATCH', '/v1/clustertemplates/x', replace('idle', '/name'))
        assert ('Warning' in answer.headers) == ('more' in str(operations))
    assert 'label size' in refusal(told(
        'PATCH', '/v1/clustertemplates/idle', replace('40', '/labels/size')))


def test_another_driver_looks_at_all_of_them(told):
    driver = [{'op': 'replace', 'path': '/driver', 'value': 'able'}]
    assert 'label size' in refusal(told(
        'PATCH', '/v1/clustertemplates/idle', driver))
    answer = told('PATCH', '/v1/clustertemplates/idle',
                  [*driver, *replace({'typo': 1})])
    assert answer.status_int == 200, answer.text
    assert 'typo' in answer.headers['Warning']


def test_a_driver_without_a_table_warns_of_nothing(api):
    answer = api('POST', '/v1/clustertemplates',
                 TEMPLATE | {'labels': {'typo': '1'}})
    assert answer.status_int == 201
    assert 'Warning' not in answer.headers


@pytest.mark.parametrize('name', [
    'a"b', 'a\\', 'a\r\nX-Evil: 1', 'ä', '\U0001f600' * 255, '", 299 - "x'])
def test_any_name_fits_into_the_header(told, name):
    answer = told('POST', '/v1/clustertemplates',
                  TEMPLATE | {'labels': {name: '1'}})
    assert answer.status_int == 201
    assert 'X-Evil' not in answer.headers
    header = answer.headers['Warning']
    assert re.fullmatch(r'299 - "([ !#-\[\]-~]|\\["\\])*"', header), header


def test_many_warnings_are_cut_short(told):
    labels = {f'{n:02}' + 'ä' * 60: '1' for n in range(50)}
    answer = told('POST', '/v1/clustertemplates',
                  TEMPLATE | {'labels': labels})
    header = answer.headers['Warning']
    assert header.count('299 - ') == 8 and len(header) < 4000
    assert header.endswith('299 - "There are 43 more warnings."')


def test_the_driver_of_kubeadm_refuses_and_warns(api, monkeypatch):
    monkeypatch.setattr(api.driver, 'labels', kubeadm.LABELS)
    for labels, status in (
            ({'kube_tag': 'v1.31.4-rancher1', 'auto_healing_enabled': True,
              'boot_volume_size': 20, 'availability_zone': ''}, 201),
            ({'flannel_backend': 'ipip'}, 400)):
        answer = api('POST', '/v1/clustertemplates',
                     TEMPLATE | {'labels': labels})
        assert answer.status_int == status, answer.text
        assert ('auto_healing_enabled' in answer.headers.get('Warning', '')
                ) == (status == 201)
    assert 'udp, vxlan or host-gw' in answer.text




@pytest.mark.parametrize('number', [0, 2])
def test_a_repeated_request_is_warned_again(told, number):
    method, path, body = requests({'typo': '1'})[number]
    first, again = (told(method, path, body,
                         headers={'Idempotency-Key': 'k'}) for _ in 'ab')
    assert 'typo' in first.headers['Warning']
    assert again.headers['Warning'] == first.headers['Warning']
    assert again.json == first.json


def test_a_driver_serves_its_labels_as_a_schema(api, monkeypatch):
    monkeypatch.setattr(api.driver, 'labels', kubeadm.LABELS)
    schema = api('GET', '/v1/drivers/fake/labels').json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema['$id'].endswith('/v1/drivers/fake/labels')
    assert set(schema['properties']) == set(kubeadm.LABELS)
    assert schema['properties']['flannel_backend'] == {
        'description': kubeadm.LABELS['flannel_backend'].help,
        'enum': ['udp', 'vxlan', 'host-gw', ''], 'default': 'vxlan',
        'x-type': 'choice', 'x-mutable': False, 'x-since': '24.0.0'}
    assert schema['properties']['boot_volume_size']['description'].endswith(
        ' Default: option [cinder] default_boot_volume_size.')
    assert schema['properties']['max_node_count']['x-mutable'] is True
    fits = jsonschema.Draft202012Validator(schema).is_valid
    for labels in ({'kube_tag': 'v1.31.4', 'mine': 'x'}, {'etcd_volume_size':
                   5, 'octavia_lb_healthcheck': False}, {}):
        assert fits(labels)
    for labels in ({'kube_tag': 'new'}, {'etcd_volume_size': -1},
                   {'octavia_lb_healthcheck': 'maybe'}, {'mine': {}}):
        assert not fits(labels)


def test_only_drivers_that_may_be_used_are_shown(api, monkeypatch):
    def names():
        return [driver['name']
                for driver in api('GET', '/v1/drivers').json['drivers']]

    assert names() == ['able', 'fake']
    monkeypatch.setattr(api.driver, 'beta', True)
    assert names() == ['able']
    assert api('GET', '/v1/drivers/fake/labels').status_int == 404
    CONF.set_override('enabled_beta_drivers', ['fake'], 'drivers')
    assert names() == ['able', 'fake']
    CONF.set_override('disabled_drivers', ['able'], 'drivers')
    assert names() == ['fake']
    CONF.clear_override('enabled_beta_drivers', 'drivers')
    CONF.clear_override('disabled_drivers', 'drivers')
