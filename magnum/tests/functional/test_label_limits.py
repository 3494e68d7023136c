# SPDX-License-Identifier: Apache-2.0
"""Labels have limits wherever they are given; stored ones stay usable."""

import pytest

from magnum.tests import factories

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'name': 't',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small'}
BAYMODEL = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'keypair_id': 'key'}

TOO_LONG = [{'k' * 256: 'v'}, {'k': 'v' * 4097},
            {f'k{n}': 'v' * 4000 for n in range(8)},
            {f'k{n}': '\U0001f600' * 2000 for n in range(2)}]
LONG = [{'k' * 255: 'v'}, {'master_lb_allowed_cidrs': ','.join(
    f'192.0.2.{n}/32' for n in range(256))},
        {f'k{n}': 'v' * 4000 for n in range(7)}]


@pytest.fixture
def cluster(api):
    template = factories.template(name='old')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster))


def requests(labels):
    return [('POST', '/v1/clustertemplates', {**TEMPLATE, 'labels': labels}),
            ('PATCH', '/v1/clustertemplates/old', [
                {'op': 'replace', 'path': '/labels', 'value': labels}]),
            ('POST', '/v1/clusters', {'cluster_template_id': 'old',
                                      'labels': labels}),
            ('POST', '/v1/clusters/c/nodegroups', {'name': 'n',
                                                   'labels': labels}),
            ('POST', '/v1/baymodels', {**BAYMODEL, 'labels': labels})]


@pytest.mark.parametrize('number', range(5))
@pytest.mark.parametrize('labels', TOO_LONG)
def test_longer_ones_are_refused(api, cluster, labels, number):
    if number == 1:
        factories.store(factories.template(name='unused'))
    method, path, body = requests(labels)[number]
    path = path.replace('/old', '/unused')
    answer = api(method, path, body, version=(
        '1.10' if 'bay' in path else 'latest'))
    assert answer.status_int == 400, answer.text
    assert 'labels' in answer.text and 'characters' in answer.text
    assert len(answer.text) < 2000


@pytest.mark.parametrize('labels', LONG)
def test_long_ones_are_kept(api, cluster, labels):
    made = api('POST', '/v1/clustertemplates', {**TEMPLATE, 'labels': labels})
    assert made.status_int == 201, made.text
    assert made.json['labels'] == labels


def test_a_stored_one_can_be_read_changed_and_deleted(api):
    factories.store(factories.template(name='old', labels={'k': 'v' * 9000}))
    shown = api('GET', '/v1/clustertemplates/old')
    assert shown.json['labels'] == {'k': 'v' * 9000}
    changed = api('PATCH', '/v1/clustertemplates/old', [
        {'op': 'replace', 'path': '/name', 'value': 'new'}])
    assert changed.status_int == 200, changed.text
    made = api('POST', '/v1/clusters', {'cluster_template_id': 'new'})
    assert made.status_int == 202, made.text
    factories.store(factories.template(name='older',
                                       labels={'k': 'v' * 9000}))
    assert api('DELETE', '/v1/clustertemplates/older').status_int == 204
