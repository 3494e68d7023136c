# SPDX-License-Identifier: Apache-2.0
"""Delegation and certificates, with the real Keystone and Barbican."""

import types
import uuid

from keystoneauth1 import exceptions as ka_exc
from keystoneauth1.identity import v3
from keystoneauth1 import session as ka_session
from oslo_config import cfg
import pytest

from magnum.certificates import authority
from magnum.certificates import stores
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.openstack import options
from tools.minicloud import settings

CONF = cfg.CONF


def login(user, project):
    return {'auth_url': settings.AUTH_URL, 'username': user,
            'password': settings.PASSWORD, 'project_name': project,
            'user_domain_name': 'Default', 'project_domain_name': 'Default'}


@pytest.fixture(scope='module', autouse=True)
def configured(minicloud):
    """This process logged in as the service."""
    options._login()
    values = [*((name, value, 'keystone_auth')
                for name, value in login('magnum', 'service').items()),
              ('trustee_domain_name', 'magnum', 'trust'),
              ('trustee_domain_admin_name', 'trustee_domain_admin', 'trust'),
              ('trustee_domain_admin_password', settings.PASSWORD, 'trust'),
              ('cert_manager_type', 'barbican', 'certificates')]
    for name, value, group in values:
        CONF.set_override(name, value, group)
    openstack.reset()
    identity.reset()
    yield
    for name, _, group in values:
        CONF.clear_override(name, group)
    openstack.reset()
    identity.reset()


@pytest.fixture
def owner():
    """A session of the cluster's owner."""
    return ka_session.Session(v3.Password(**login('demo', 'demo')))


@pytest.fixture
def cluster(owner):
    """(uuid, project) of a cluster; nothing of it is left."""
    made, project_id = str(uuid.uuid4()), owner.get_project_id()
    yield made, project_id
    identity.retire(made, project_id)
    authority.retire(made, {})


def trusts(owner, trustee_user_id):
    found = owner.get(f'{settings.AUTH_URL}/OS-TRUST/trusts', params={
        'trustor_user_id': owner.get_user_id()}).json()['trusts']
    return [trust['id'] for trust in found
            if trust['trustee_user_id'] == trustee_user_id]


def as_trustee(made):
    return ka_session.Session(v3.Password(
        settings.AUTH_URL, user_id=made['trustee_user_id'],
        password=identity.open_password(made['trustee_password']),
        trust_id=made['trust_id']))


def test_a_trustee_acts_for_the_owner(owner, cluster):
    made = identity.delegate(openstack.token_cloud(owner.get_token()),
                             *cluster)
    trustee = as_trustee(made)
    assert trustee.get_user_id() == owner.get_user_id()
    assert trustee.get_project_id() == owner.get_project_id()


def test_what_a_crash_left_is_adopted(owner, cluster):
    cloud = openstack.token_cloud(owner.get_token())
    # Of another cluster, so that there is more than one trust to choose from.
    other = str(uuid.uuid4())
    try:
        identity.delegate(cloud, other, cluster[1])
        # After the trustee, before the trust.
        user_id, _ = identity.ensure_user(
            identity.trustee_name(*cluster), 'Abcdefgh23456789', cluster[0])
        first = identity.delegate(cloud, *cluster)
        # After the trust, before anybody knew.
        again = identity.delegate(cloud, *cluster)
    finally:
        identity.retire(other, cluster[1])
    assert first['trustee_user_id'] == again['trustee_user_id'] == user_id
    assert trusts(owner, user_id) == [first['trust_id']] == [again['trust_id']]
    assert as_trustee(again).get_token()
    with pytest.raises(ka_exc.Unauthorized):
        as_trustee(first).get_token()


def test_retiring_leaves_neither_trustee_nor_trust(owner, cluster):
    made = identity.delegate(openstack.token_cloud(owner.get_token()),
                             *cluster)
    identity.retire(*cluster, made['trustee_user_id'], made['trust_id'])
    assert trusts(owner, made['trustee_user_id']) == []
    session, domain_id = identity._domain_admin()
    assert identity._find_user(session, domain_id,
                               made['trustee_username']) is None
    identity.retire(*cluster, made['trustee_user_id'], made['trust_id'])
    identity.retire(*cluster)


def test_a_revoked_token_ends_all_work(owner, cluster):
    token = owner.get_token()
    remembered = openstack.token_cloud(token)
    ka_session.Session(v3.Password(**login('demo', 'demo'))).delete(
        f'{settings.AUTH_URL}/auth/tokens',
        headers={'X-Subject-Token': token})
    with (pytest.raises(errors.AuthorisationEnded),
          openstack.translated('Heat')):
        list(remembered.heat.stacks.list())
    with pytest.raises(errors.AuthorisationEnded):
        remembered.network('public')
    with pytest.raises(errors.AuthorisationEnded):
        identity.delegate(remembered, *cluster)
    openstack.reset()
    identity.reset()
    with pytest.raises(errors.AuthorisationEnded):
        openstack.token_cloud(token)


def test_a_cluster_is_kept_in_barbican(cluster):
    refs = authority.issue(cluster[0], 'name', cluster[1], 'u')
    assert authority.issue(cluster[0], 'name', cluster[1], 'u') == refs
    made = authority.authorities(types.SimpleNamespace(uuid=cluster[0],
                                                       **refs))
    assert made.etcd.certificate != made.kubernetes.certificate
    authority.retire(cluster[0], refs)
    assert stores.current().find(cluster[0],
                                 *stores.names(0).values()) == {}
    for ref in refs.values():
        with pytest.raises(errors.NotFound):
            stores.of(ref).certificate(ref)


def test_certificates_that_nobody_wrote_down_are_retired(cluster):
    refs = authority.issue(cluster[0], 'name', cluster[1], 'u')
    authority.retire(cluster[0], dict.fromkeys(authority.KINDS))
    for ref in refs.values():
        with pytest.raises(errors.NotFound):
            stores.of(ref).certificate(ref)
