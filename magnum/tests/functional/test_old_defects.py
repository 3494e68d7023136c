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
    cannot_be_resized(api, 'no longer exists')
    assert api('DELETE', '/v1/clusters/c').status_int == 204


def test_a_cluster_whose_driver_has_gone_is_shown_and_cannot_change(api):
    template = factories.template(driver='k8s_fedora_coreos_v1')
    row = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, row, *factories.nodegroups(row))
    assert api('GET', '/v1/clusters/c').status_int == 200
    assert api('PATCH', '/v1/clusters/c', HEALTH).status_int == 202
    cannot_be_resized(api, 'k8s_fedora_coreos_v1 is not available')


def cannot_be_resized(api, title):
    for answer in (
            api('PATCH', '/v1/clusters/c', [replace('node_count', 2)]),
            api('POST', '/v1/clusters/c/actions/resize', {'node_count': 2},
                version='1.7')):
        assert answer.status_int == 400, answer.text
        assert title in answer.json['errors'][0]['title']
    assert api('GET', '/v1/clusters/c').json['status'] == 'CREATE_COMPLETE'


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
    assert api('POST', '/v1/clusters/c/actions/resize', {'node_count': 3},
               version='1.7').status_int == 202
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
