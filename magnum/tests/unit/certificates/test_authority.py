# SPDX-License-Identifier: Apache-2.0
"""Certificates of clusters, in each of the stores."""

import types

from cryptography import x509
from cryptography.x509 import oid
from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.certificates import authority
from magnum.certificates import database_store
from magnum.certificates import stores
from magnum.certificates import x509 as keys
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum import seals
from magnum.tests.fakes import web

CONF = cfg.CONF

CLUSTER = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

cloud = web.cloud


@pytest.fixture(params=['x509keypair', 'barbican'])
def store(request, cloud, sqlite_database):
    with using(request.param):
        yield stores.current()


@pytest.fixture
def database_store_(cloud, sqlite_database):
    with using('x509keypair'):
        yield stores.current()


@pytest.fixture
def barbican_store(cloud):
    with using('barbican'):
        yield stores.current()


class using:
    """This store for new certificates, and keys that are quick to make."""

    def __init__(self, name):
        self._name = name

    def __enter__(self):
        CONF.set_override('cert_manager_type', self._name, 'certificates')
        CONF.set_override('rsa_key_size', 1024, 'x509')

    def __exit__(self, *_):
        CONF.clear_override('cert_manager_type', 'certificates')
        CONF.clear_override('rsa_key_size', 'x509')


def issue(name='name', **more):
    return authority.issue(CLUSTER, name, 'p', 'u', **more)


def cluster(refs):
    return types.SimpleNamespace(uuid=CLUSTER, status='CREATE_COMPLETE',
                                 **refs)


def read(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def common_name(name):
    return name.get_attributes_for_oid(oid.NameOID.COMMON_NAME)[0].value


def rows():
    with db.reader() as session:
        return session.scalars(sa.select(models.X509KeyPair)).all()


def test_a_cluster_gets_three_authorities(store):
    made = authority.authorities(cluster(issue()))
    for kind, expected in (('kubernetes', 'name'), ('etcd', 'name-etcd'),
                           ('front_proxy', 'name-front-proxy')):
        pair = getattr(made, kind)
        assert common_name(read(pair.certificate).subject) == expected
        assert 'BEGIN PRIVATE KEY' in pair.private_key
        assert keys.read_key(pair.private_key).public_key() == (
            read(pair.certificate).public_key())


def test_the_service_is_an_admin_of_the_cluster(store):
    refs = issue()
    own = read(store.certificate(refs['magnum_cert_ref']))
    assert own.subject.rfc4514_string() == 'O=system:masters,CN=admin'
    own.verify_directly_issued_by(read(authority.ca_certificate(
        cluster(refs))))


def test_long_names_still_make_three_subjects(store):
    made = authority.authorities(cluster(issue('n' * 242)))
    names = {common_name(read(pair.certificate).subject)
             for pair in (made.kubernetes, made.etcd, made.front_proxy)}
    assert {len(name) for name in names} == {64}
    assert len(names) == 3


def test_a_cluster_without_a_name_is_called_by_its_uuid(store):
    ca = read(authority.ca_certificate(cluster(issue(None))))
    assert common_name(ca.subject) == CLUSTER


def test_what_was_issued_is_found_again(store):
    refs = issue()
    before = authority.authorities(cluster(refs))
    assert issue() == refs
    assert authority.authorities(cluster(refs)) == before


def test_what_a_crash_left_is_completed(store):
    names = stores.names(0)
    ca = keys.make_ca('name')
    left = store.save(CLUSTER, {names['ca_cert_ref']: ca}, 'p', 'u')
    refs = issue()
    assert refs['ca_cert_ref'] == left[names['ca_cert_ref']]
    read(store.certificate(refs['magnum_cert_ref'])
         ).verify_directly_issued_by(read(ca.certificate))


def test_generations_have_certificates_of_their_own(store):
    first, second = issue(), issue(generation=1)
    assert not set(first.values()) & set(second.values())
    assert authority.ca_certificate(cluster(first)) != (
        authority.ca_certificate(cluster(second)))


def test_retiring_leaves_nothing(store, cloud):
    authority.retire(CLUSTER, issue())
    assert not rows()
    assert not cloud.barbican.secrets and not cloud.barbican.containers


def test_what_nobody_wrote_down_is_retired(store, cloud):
    issue()
    # Generations before were retired when they were replaced.
    issue(generation=3)
    other = authority.issue('another', 'n', 'p', 'u')
    authority.retire(CLUSTER, dict.fromkeys(authority.KINDS))
    assert len(rows()) + len(cloud.barbican.containers) == 4
    assert authority.ca_certificate(cluster(other))


def test_retiring_twice_is_a_success(store):
    refs = issue()
    authority.retire(CLUSTER, refs)
    authority.retire(CLUSTER, refs)


def test_a_certificate_that_is_gone_is_not_found(store):
    refs = issue()
    authority.retire(CLUSTER, refs)
    with pytest.raises(errors.NotFound):
        authority.ca_certificate(cluster(refs))


def test_a_cluster_without_certificates_has_no_ca():
    with pytest.raises(errors.NotFound, match=CLUSTER):
        authority.ca_certificate(cluster(dict.fromkeys(authority.KINDS)))


def test_an_old_cluster_has_one_authority_for_all(store):
    refs = {**issue(), 'etcd_ca_cert_ref': None,
            'front_proxy_ca_cert_ref': None}
    made = authority.authorities(cluster(refs))
    assert made.etcd == made.front_proxy == made.kubernetes


@pytest.mark.parametrize('kind, expected', [
    (None, 'name'), ('kubernetes', 'name'), ('kubelet', 'name'),
    ('etcd', 'name-etcd'), ('front_proxy', 'name-front-proxy'),
    ('front-proxy', 'name-front-proxy')])
def test_authorities_have_names(store, kind, expected):
    ca = read(authority.ca_certificate(cluster(issue()), kind))
    assert common_name(ca.subject) == expected


def test_the_store_may_be_changed_while_clusters_live(database_store_):
    old = issue()
    CONF.set_override('cert_manager_type', 'barbican', 'certificates')
    new = authority.issue('another', 'n', 'p', 'u')
    assert authority.ca_certificate(cluster(old))
    assert new['ca_cert_ref'].startswith('http://barbican/v1/containers/')
    authority.retire(CLUSTER, old)
    assert not rows()


def test_keys_in_the_database_are_encrypted(database_store_):
    issue()
    for row in rows():
        assert row.private_key.startswith('-----BEGIN ENCRYPTED PRIVATE KEY')
        assert seals.KEPT.is_sealed(row.private_key_passphrase)
        assert (row.project_id, row.user_id) == ('p', 'u')


def test_rows_of_release_22_are_read(database_store_):
    pair = keys.make_ca('old')
    with db.writer() as session:
        session.add(models.X509KeyPair(
            uuid='old', certificate=pair.certificate,
            private_key=keys.private_key_pem(
                keys.read_key(pair.private_key), 'abcdefghijkl'),
            private_key_passphrase='abcdefghijkl'))
    assert database_store_.load('old') == pair


def test_a_lost_key_is_told_to_the_operator(database_store_):
    refs = issue()
    CONF.set_override('password', 'another', 'keystone_auth')
    with pytest.raises(errors.InfrastructureFailed, match='encryption_keys'):
        authority.authorities(cluster(refs))
    assert authority.ca_certificate(cluster(refs))
    CONF.set_override('encryption_keys',
                      [f'passphrase:{web.LOGIN["password"]}'],
                      'certificates')
    try:
        assert authority.authorities(cluster(refs))
    finally:
        CONF.clear_override('encryption_keys', 'certificates')


def test_two_who_issue_at_the_same_time_agree(database_store_, monkeypatch):
    find = type(database_store_).find
    calls = []

    def find_late(self, *arguments):
        found = find(self, *arguments)
        if not calls:
            calls.append(1)
            issue()
        return found
    monkeypatch.setattr(type(database_store_), 'find', find_late)
    with pytest.raises(errors.Temporary):
        issue()
    refs = issue()
    assert len(rows()) == 4
    read(database_store_.certificate(refs['magnum_cert_ref'])
         ).verify_directly_issued_by(read(authority.ca_certificate(
             cluster(refs))))


def test_keys_in_barbican_have_no_passphrase_beside_them(barbican_store,
                                                         cloud):
    issue()
    assert len(cloud.barbican.secrets) == 8
    assert {secret['name'] for secret in cloud.barbican.secrets.values()
            } == {f'magnum {CLUSTER}'}


def test_a_new_cluster_takes_one_look_at_barbican(barbican_store, cloud):
    issue()
    assert [seen for seen in cloud.web.seen
            if seen.startswith('GET /v1/')] == ['GET /v1/secrets']


def test_containers_of_release_22_are_read(barbican_store, cloud):
    pair = keys.make_ca('old')
    old = keys.private_key_pem(keys.read_key(pair.private_key),
                               'abcdefghijkl')
    refs = [{'name': part, 'secret_ref': keep(cloud, 'secrets', {
        'name': part, 'payload': payload})} for part, payload in (
            ('certificate', pair.certificate), ('private_key', old),
            ('private_key_passphrase', 'abcdefghijkl'))]
    ref = keep(cloud, 'containers', {'name': 'old', 'secret_refs': refs})
    # As it was written when the endpoint still had another name.
    ref = ref.replace('barbican', 'old-host')
    assert barbican_store.load(ref) == pair
    barbican_store.delete(ref)
    assert not cloud.barbican.secrets and not cloud.barbican.containers


def keep(cloud, collection, body):
    _, answer = cloud.barbican(
        'POST', f'/v1/{collection}', {}, body,
        {'X-Auth-Token': cloud.keystone.user_token()})
    return answer[f'{collection[:-1]}_ref']


def test_secrets_without_a_container_are_retired(barbican_store, cloud):
    issue()
    cloud.barbican.containers.clear()
    authority.retire(CLUSTER, {})
    assert not cloud.barbican.secrets


@pytest.mark.parametrize('status', [401, 500, 503])
def test_barbican_out_of_order_is_temporary(barbican_store, cloud, status):
    cloud.web.broken['barbican'] = status
    with pytest.raises(errors.Temporary, match='Barbican'):
        issue()


def test_local_means_the_database(database_store_, caplog):
    assert isinstance(stores.by_name('local'), database_store.DatabaseStore)
    assert isinstance(stores.by_name('x509keypair'),
                      database_store.DatabaseStore)


def test_all_generations_go_with_their_cluster(database_store_):
    refs = issue()
    other = authority.issue('another', 'n', 'p', 'u', generation=42)
    authority.issue(CLUSTER, 'n', 'p', 'u', generation=42)
    assert len(rows()) == 12
    authority.retire(CLUSTER, refs)
    assert {row.uuid for row in rows()} == set(other.values())


def test_one_generation_can_be_removed(store):
    refs = issue()
    newer = authority.issue(CLUSTER, 'n', 'p', 'u', generation=42)
    authority.discard_generation(CLUSTER, 42)
    authority.discard_generation(CLUSTER, 42)
    assert authority.ca_certificate(cluster(refs))
    with pytest.raises(errors.NotFound):
        authority.ca_certificate(cluster(newer))


def test_the_way_to_a_cluster_has_what_both_sides_show(store):
    made = cluster(issue())
    made.api_address = 'https://192.0.2.7:6443'
    access = authority.access(made)
    assert access.address == 'https://192.0.2.7:6443'
    assert access.ca == authority.ca_certificate(made)
    assert access.client == stores.current().load(made.magnum_cert_ref)
    assert access.client.private_key not in repr(access)


@pytest.mark.parametrize('lacks', ['api_address', 'magnum_cert_ref'])
def test_a_cluster_may_have_no_way_to_it_yet(store, lacks):
    made = cluster(issue())
    made.api_address = 'https://192.0.2.7:6443'
    setattr(made, lacks, None)
    with pytest.raises(errors.NotFound):
        authority.access(made)
