# SPDX-License-Identifier: Apache-2.0
"""What made the service fail once, request by request; and what it means now.

A number is the answer to a request; where the request has a meaning, the rest
says what comes of it.
"""

import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid
import pytest

from magnum.tests import factories
from magnum.tests import wsgi

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small'}
GROUPS = '/v1/clusters/c/nodegroups'

POSTS = ['/v1/clustertemplates', '/v1/clusters', '/v1/federations',
         '/v1/certificates', '/v1/quotas', '/v1/clusters/c/actions/resize',
         '/v1/clusters/c/actions/upgrade', GROUPS]
PATCHES = ['/v1/clustertemplates/t', '/v1/clusters/c', '/v1/federations/f',
           f'{GROUPS}/default-worker']


def replaced(path, value):
    return [{'op': 'replace', 'path': path, 'value': value}]


TABLE = [
    # A flag that is no flag.
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'public': 'maybe'}, 400),
    ('POST', '/v1/clusters', {'cluster_template_id': 't',
                              'merge_labels': 'maybe'}, 400),
    ('POST', GROUPS, {'name': 'n', 'merge_labels': 'maybe'}, 400),
    ('PATCH', '/v1/clustertemplates/t', replaced('/public', 'maybe'), 400),
    ('PATCH', '/v1/clusters/c?rollback=maybe', [], 400),
    ('PATCH', '/v1/federations/f?rollback=maybe', [], 400),
    ('GET', '/v1/quotas?all_tenants=maybe', None, 400),
    # An array where an object is needed, and the other way round.
    *(('POST', path, [], 400) for path in POSTS),
    ('PATCH', '/v1/quotas/p/Cluster', [], 400),
    *(('PATCH', path, {}, 400) for path in PATCHES),
    # No body at all.
    *(('POST', path, None, 400) for path in POSTS),
    ('PATCH', '/v1/quotas/p/Cluster', None, 400),
    *(('PATCH', path, None, 400) for path in PATCHES),
    ('PATCH', '/v1/clusters/c', [], 202),
    ('PATCH', '/v1/federations/f', [], 202),
    # Labels, and what is in them.
    *((method, path, body | {'labels': {'a': value}}, 400)
      for method, path, body in (
          ('POST', '/v1/clustertemplates', TEMPLATE),
          ('POST', '/v1/clusters', {'cluster_template_id': 't'}),
          ('POST', GROUPS, {'name': 'n'}))
      for value in (None, [], {})),
    ('PATCH', '/v1/clustertemplates/t', replaced('/labels', '{"a": null}'),
     400),
    ('POST', '/v1/clustertemplates',
     {**TEMPLATE, 'labels': {'boot_volume_size': 'big'}}, 400),
    ('PATCH', '/v1/clustertemplates/t',
     replaced('/labels', {'boot_volume_size': '1.5'}), 400),
    ('POST', '/v1/clusters', {'cluster_template_id': 't', 'labels': {
        'boot_volume_size': 'big'}}, 400),
    ('POST', '/v1/clusters', {'cluster_template_id': 't', 'labels': {
        'min_node_count': 'few'}}, 400),
    # Attributes that are missing, null or of another kind.
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'dns_nameserver': 8}, 400),
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'dns_nameserver': []}, 400),
    ('PATCH', '/v1/clustertemplates/t', replaced('/dns_nameserver', 8), 400),
    ('POST', GROUPS, {}, 400),
    ('POST', GROUPS, {'name': None}, 400),
    ('PATCH', '/v1/clustertemplates/t', replaced('/coe', 'mesos'), 400),
    ('POST', '/v1/certificates', {'csr': 'x'}, 400),
    ('POST', '/v1/certificates', {'cluster_uuid': 'c'}, 400),
    ('POST', '/v1/certificates', {'cluster_uuid': 'c', 'csr': None}, 400),
    ('POST', '/v1/quotas', {'project_id': 'q', 'resource': None}, 400),
    ('POST', '/v1/clusters/c/actions/upgrade', {}, 400),
    ('POST', '/v1/clusters/c/actions/upgrade', {'max_batch_size': 1}, 400),
]


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    used = factories.template(name='used', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=used.uuid,
                                labels={'x': 'y'})
    factories.store(template, used, cluster, *factories.nodegroups(cluster),
                    factories.federation(name='f'), factories.quota())
    return api


def ask(api, method, path, body=None):
    return api(method, path, body, token='admin', version='latest')


@pytest.mark.parametrize(('method', 'path', 'body', 'expected'), TABLE)
def test_it_is_refused_and_said_why(world, method, path, body, expected):
    answer = ask(world, method, path, body)
    assert answer.status_int == expected, answer.text
    if expected == 400:
        error = answer.json['errors'][0]
        assert (error['status'], error['code']) == (400, 'client')


def test_no_labels_of_a_template_are_an_empty_map(world):
    answer = ask(world, 'POST', '/v1/clustertemplates',
                 TEMPLATE | {'labels': None})
    assert (answer.status_int, answer.json['labels']) == (201, {})


def test_no_number_of_masters_is_one(world):
    answer = ask(world, 'POST', '/v1/clusters',
                 {'cluster_template_id': 't', 'master_count': None})
    found = ask(world, 'GET', f'/v1/clusters/{answer.json["uuid"]}').json
    assert (answer.status_int, found['master_count']) == (202, 1)


def test_nulls_of_a_nodegroup_are_its_defaults(world):
    answer = ask(world, 'POST', GROUPS, {
        'name': 'n', 'role': None, 'node_count': None,
        'min_node_count': None, 'max_node_count': None, 'labels': None,
        'flavor_id': None, 'image_id': None, 'docker_volume_size': None,
        'merge_labels': None, 'node_labels': None, 'node_taints': None})
    assert answer.status_int == 202, answer.text
    group = answer.json
    assert (group['role'], group['node_count'], group['min_node_count'],
            group['max_node_count']) == ('worker', 1, 0, None)
    assert group['labels'] == {'x': 'y'}


def test_health_without_a_word_is_null(world):
    assert ask(world, 'PATCH', '/v1/clusters/c',
               replaced('/health_status', 'HEALTHY')).status_int == 202
    assert ask(world, 'PATCH', '/v1/clusters/c', [
        {'op': 'remove', 'path': '/health_status'}]).status_int == 202
    assert ask(world, 'GET', '/v1/clusters/c').json['health_status'] is None


def test_a_request_that_names_its_own_key_is_signed(world):
    uuid = ask(world, 'GET', '/v1/clusters/c').json['uuid']
    wsgi.played(uuid, 'CERTIFIED')
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (x509.CertificateSigningRequestBuilder()
           .subject_name(x509.Name([x509.NameAttribute(
               oid.NameOID.COMMON_NAME, 'admin')]))
           .add_extension(x509.SubjectKeyIdentifier(b'mine'), critical=False)
           .sign(key, hashes.SHA256())
           .public_bytes(serialization.Encoding.PEM).decode())
    answer = ask(world, 'POST', '/v1/certificates',
                 {'cluster_uuid': 'c', 'csr': csr})
    assert answer.status_int == 201
    signed = x509.load_pem_x509_certificate(answer.json['pem'].encode())
    assert len([extension for extension in signed.extensions
                if extension.oid == oid.ExtensionOID.SUBJECT_KEY_IDENTIFIER]
               ) == 1
    assert signed.not_valid_after_utc > datetime.datetime.now(datetime.UTC)


def test_an_error_of_our_own_says_nothing_of_it(world, monkeypatch):
    def broken(ident):
        raise RuntimeError('SELECT trustee_password FROM cluster')

    monkeypatch.setattr(world.cloud, 'image', broken)
    answer = ask(world, 'POST', '/v1/clustertemplates', TEMPLATE)
    assert answer.status_int == 500
    assert answer.json['errors'][0]['code'] == 'server'
    assert 'SELECT' not in answer.text and 'Runtime' not in answer.text
