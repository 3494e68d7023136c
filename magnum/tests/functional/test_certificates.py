# SPDX-License-Identifier: Apache-2.0
"""Whose authority signs what, over HTTP; each row of the rules for requests.

The cluster `c` of user `owner` has its authorities, and `trustee` for its own
user; `bare` has neither.
"""

import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid
from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories
from magnum.tests import wsgi

CONF = cfg.CONF

KEY = ec.generate_private_key(ec.SECP256R1())
SUBJECT = x509.Name([
    x509.NameAttribute(oid.NameOID.COMMON_NAME, 'system:node:n-0'),
    x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, 'system:nodes')])

SKI = oid.ExtensionOID.SUBJECT_KEY_IDENTIFIER

BITS = dict.fromkeys(
    ('digital_signature', 'content_commitment', 'key_encipherment',
     'data_encipherment', 'key_agreement', 'key_cert_sign', 'crl_sign',
     'encipher_only', 'decipher_only'), False)

NAMES = x509.SubjectAlternativeName([x509.DNSName('n-0')])
USES = x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.CLIENT_AUTH])
OTHER = x509.IssuerAlternativeName([x509.DNSName('n-0')])
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier('1.2.3'), b'x')
AUTHORITY = x509.BasicConstraints(ca=True, path_length=1)
LEAF = x509.BasicConstraints(ca=False, path_length=None)


def usage(*bits):
    return x509.KeyUsage(**BITS | dict.fromkeys(bits, True))


def request(*extensions):
    builder = x509.CertificateSigningRequestBuilder().subject_name(SUBJECT)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM).decode()


@pytest.fixture(autouse=True)
def quick_keys():
    CONF.set_override('rsa_key_size', 1024, 'x509')
    yield
    CONF.clear_override('rsa_key_size', 'x509')


@pytest.fixture
def world(api):
    template = factories.template(name='t')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    bare = factories.cluster(name='bare', cluster_template_id=template.uuid,
                             trustee_user_id='another')
    factories.store(template, cluster, *factories.nodegroups(cluster), bare,
                    *factories.nodegroups(bare))
    wsgi.played(cluster.uuid, 'CERTIFIED')
    return api


def sign(world, *extensions, **more):
    return world('POST', '/v1/certificates', {
        'cluster_uuid': 'c', 'csr': request(*extensions), **more})


def ca(world, kind=None, path='/v1/certificates/c'):
    query = '' if kind is None else f'?ca_cert_type={kind}'
    return world('GET', path + query).json['pem']


def found(certificate, ident):
    return next((extension for extension in certificate.extensions
                 if extension.oid == ident), None)


@pytest.mark.parametrize(('kind', 'same'), [
    ('kubernetes', None), ('kubelet', None), ('', None), ('whatever', None),
    ('ETCD', None), ('etcd', 'etcd'), ('front_proxy', 'front-proxy'),
    ('front-proxy', 'front_proxy')])
def test_an_authority_is_named_in_the_query_or_the_path(world, kind, same):
    expected = ca(world, same)
    assert ca(world, kind) == expected
    if kind:
        assert ca(world, path=f'/v1/certificates/c/{kind}') == expected
        assert ca(world, path=f'/certificates/c/{kind}/') == expected
    answer = sign(world, ca_cert_type=kind)
    assert answer.json['ca_cert_type'] == kind
    x509.load_pem_x509_certificate(
        answer.json['pem'].encode()).verify_directly_issued_by(
            x509.load_pem_x509_certificate(expected.encode()))


def test_there_are_three_authorities(world):
    assert len({ca(world, kind) for kind in (None, 'etcd', 'front_proxy')}
               ) == 3


def test_a_type_of_null_is_none(world):
    answer = sign(world, ca_cert_type=None)
    assert answer.status_int == 201
    assert 'ca_cert_type' not in answer.json


def test_the_path_takes_no_query_and_nothing_but_get(world):
    assert world('GET', '/v1/certificates/c/etcd?ca_cert_type=etcd'
                 ).status_int == 400
    for method in ('PATCH', 'POST', 'DELETE', 'PUT'):
        assert world(method, '/v1/certificates/c/etcd').status_int == 405


def test_an_answer_has_what_it_has_to(world):
    csr = request()
    answer = world('POST', '/v1/certificates',
                   {'cluster_uuid': 'c', 'csr': csr})
    assert answer.status_int == 201
    assert set(answer.json) == {'cluster_uuid', 'pem', 'csr', 'links'}
    assert answer.json['csr'] == csr
    read = world('GET', '/v1/certificates/c')
    assert set(read.json) == {'cluster_uuid', 'pem', 'links'}
    assert [link['rel'] for link in read.json['links']] == ['self',
                                                           'bookmark']


def test_what_is_signed_is_as_the_contract_has_it(world):
    certificate = x509.load_pem_x509_certificate(
        sign(world).json['pem'].encode())
    now = datetime.datetime.now(datetime.UTC)
    assert certificate.issuer.rfc4514_string() == 'CN=c'
    assert certificate.subject == SUBJECT
    assert certificate.public_key() == KEY.public_key()
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert (now - certificate.not_valid_before_utc).days == 1
    assert (certificate.not_valid_after_utc - now).days in (1824, 1825)
    assert found(certificate, SKI)


# What is asked for, and what comes of it; None: it is not there.
@pytest.mark.parametrize(('asked', 'critical', 'given', 'is_critical'), [
    (NAMES, False, NAMES, False),
    (NAMES, True, NAMES, True),
    (USES, True, USES, True),
    (LEAF, True, LEAF, True),
    (usage('digital_signature', 'key_encipherment', 'content_commitment'),
     True,
     usage('digital_signature', 'key_encipherment', 'content_commitment'),
     True),
    (OTHER, False, None, None),
    (UNKNOWN, False, None, None),
    (AUTHORITY, False, LEAF, False),
    (usage('digital_signature', 'data_encipherment'), False,
     usage('digital_signature'), False),
    (usage('digital_signature', 'key_cert_sign', 'crl_sign'), False,
     usage('digital_signature'), False)])
def test_an_extension_is_copied_changed_or_dropped(world, asked, critical,
                                                   given, is_critical):
    answer = sign(world, (asked, critical))
    assert answer.status_int == 201
    certificate = x509.load_pem_x509_certificate(answer.json['pem'].encode())
    extension = found(certificate, asked.oid)
    assert (extension and extension.value) == given
    assert (extension and extension.critical) == is_critical


@pytest.mark.parametrize('asked', [
    OTHER, UNKNOWN, AUTHORITY, usage('data_encipherment'),
    usage('digital_signature', 'key_cert_sign'), usage('crl_sign')])
def test_a_critical_extension_that_is_not_allowed_is_refused(world, asked):
    answer = sign(world, (asked, True))
    assert answer.status_int == 400
    assert answer.json['errors'][0]['title'].startswith('csr ')


@pytest.mark.parametrize('critical', [False, True])
def test_a_request_that_names_its_key_is_signed(world, critical):
    own = x509.SubjectKeyIdentifier(b'of my own')
    answer = sign(world, (own, critical))
    assert answer.status_int == 201
    certificate = x509.load_pem_x509_certificate(answer.json['pem'].encode())
    assert found(certificate, SKI).value == (
        x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()))


@pytest.mark.parametrize(('body', 'status', 'word'), [
    (None, 400, 'body'),
    ([], 400, 'object'),
    ({}, 400, 'csr'),
    ({'csr': 'x'}, 400, 'cluster_uuid'),
    ({'cluster_uuid': None, 'csr': 'x'}, 400, 'cluster_uuid'),
    ({'cluster_uuid': 5, 'csr': 'x'}, 400, 'cluster_uuid'),
    ({'cluster_uuid': 'c'}, 400, 'csr'),
    ({'cluster_uuid': 'c', 'csr': None}, 400, 'csr'),
    ({'cluster_uuid': 'c', 'csr': ''}, 400, 'csr'),
    ({'cluster_uuid': 'c', 'csr': 5}, 400, 'csr'),
    ({'cluster_uuid': 'c', 'csr': 'nonsense'}, 400, 'csr'),
    ({'cluster_uuid': 'c', 'csr': 'x', 'ca_cert_type': 1}, 400,
     'ca_cert_type'),
    ({'cluster_uuid': 'c', 'csr': 'x', 'links': None}, 400, 'links'),
    ({'cluster_uuid': 'c', 'csr': 'x', 'key': 'y'}, 400, 'key'),
    ({'cluster_uuid': 'nothing', 'csr': 'x'}, 400, 'nothing'),
    ({'bay_uuid': 'nothing', 'csr': 'x'}, 400, 'nothing'),
    ({'cluster_uuid': 'bare', 'csr': request()}, 404, 'CA of cluster')])
def test_what_is_wrong_with_a_request_is_said(world, body, status, word):
    answer = world('POST', '/v1/certificates', body)
    assert answer.status_int == status
    assert word in answer.json['errors'][0]['title']


def test_a_ca_that_is_being_made_is_not_missing(world):
    with db.writer() as session:
        session.execute(sa.update(models.Cluster)
                        .where(models.Cluster.name == 'bare')
                        .values(status='CREATE_IN_PROGRESS'))
    for answer in (world('GET', '/v1/certificates/bare'),
                   world('POST', '/v1/certificates',
                         {'cluster_uuid': 'bare', 'csr': request()})):
        assert answer.status_int == 409
        assert 'still being created' in answer.json['errors'][0]['detail']


def test_old_callers_say_bay(world):
    answer = world('POST', '/v1/certificates', {
        'bay_uuid': 'c', 'csr': request(), 'pem': 'ignored'})
    assert answer.status_int == 201
    assert answer.json['cluster_uuid']


@pytest.mark.parametrize('ident', ['bare', 'nothing'])
def test_there_is_no_authority_of_what_has_none(world, ident):
    assert world('GET', f'/v1/certificates/{ident}').status_int == 404
    assert world('GET', f'/v1/certificates/{ident}/etcd').status_int == 404


@pytest.mark.parametrize(('token', 'reads', 'signs'), [
    ('member', 200, 201), ('reader', 200, 403), ('colleague', 403, 403),
    ('other-reader', 403, 403), ('bystander', 403, 403),
    ('stranger', 404, 400), ('admin', 200, 201), ('far-admin', 200, 201),
    ('trustee', 200, 201)])
def test_the_owner_the_cluster_and_administrators_are_served(
        world, token, reads, signs):
    for path in ('/v1/certificates/c', '/v1/certificates/c/etcd'):
        assert world('GET', path, token=token).status_int == reads
    assert world('POST', '/v1/certificates', {
        'cluster_uuid': 'c', 'csr': request()},
        token=token).status_int == signs


def test_a_cluster_gets_nothing_of_another(world):
    assert world('GET', '/v1/certificates/bare',
                 token='trustee').status_int == 403
    assert world('POST', '/v1/certificates', {
        'cluster_uuid': 'bare', 'csr': request()},
        token='trustee').status_int == 403


@pytest.mark.parametrize('query', [
    'ca_cert_type=etcd&ca_cert_type=etcd', 'type=etcd'])
def test_a_query_that_is_not_known_is_refused(world, query):
    assert world('GET', f'/v1/certificates/c?{query}').status_int == 400
