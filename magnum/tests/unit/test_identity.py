# SPDX-License-Identifier: Apache-2.0
"""A cluster's own user, its trust, and sealed tokens."""

from cryptography import fernet
from oslo_config import cfg
import pytest

from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.tests.fakes import web

CONF = cfg.CONF

CLUSTER = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

cloud = web.cloud


@pytest.fixture
def override():
    """Set options for one test."""
    changed = []

    def override(group, **values):
        for name, value in values.items():
            CONF.set_override(name, value, group)
            changed.append((name, group))
    yield override
    for name, group in changed:
        CONF.clear_override(name, group)


@pytest.fixture
def owner(cloud):
    """The cloud as the owner of the cluster."""
    return openstack.token_cloud(cloud.keystone.user_token())


def delegate(owner, cluster_uuid=CLUSTER):
    return identity.delegate(owner, cluster_uuid, 'p')


def test_a_cluster_gets_a_user_and_a_trust(cloud, owner):
    made = delegate(owner)
    user = cloud.keystone.users[made['trustee_user_id']]
    assert user['name'] == made['trustee_username'] == f'{CLUSTER}_p'
    assert user['password'] == identity.open_password(
        made['trustee_password'])
    assert user['domain_id'] == identity.trustee_domain_id()
    trust = cloud.keystone.trusts[made['trust_id']]
    assert trust['trustor_user_id'] == 'owner'
    assert trust['trustee_user_id'] == made['trustee_user_id']
    assert trust['project_id'] == 'p'
    assert trust['impersonation'] and not trust['allow_redelegation']


def test_admin_is_never_delegated(cloud, owner):
    made = delegate(owner)
    assert cloud.keystone.trusts[made['trust_id']]['roles'] == [
        {'name': 'member'}, {'name': 'reader'}]


def test_the_operator_chooses_the_roles(cloud, owner, override):
    override('trust', roles=['member'])
    made = delegate(owner)
    assert cloud.keystone.trusts[made['trust_id']]['roles'] == [
        {'name': 'member'}]


def test_who_is_only_admin_has_nothing_to_delegate(cloud):
    admin = openstack.token_cloud(cloud.keystone.user_token(roles=['admin']))
    with pytest.raises(errors.InfrastructureFailed, match='No role'):
        delegate(admin)
    assert not cloud.keystone.users


@pytest.mark.parametrize('allowed, roles, expected', [
    ([], ['Admin', 'ADMIN', 'Manager', 'service', 'Member'], ['Member']),
    (['MEMBER', 'creator'], ['member', 'reader', 'Creator'],
     ['member', 'Creator']),
    (['admin'], ['Admin', 'member'], ['Admin'])])
def test_the_case_of_a_role_makes_no_difference(cloud, override, allowed,
                                                roles, expected):
    override('trust', roles=allowed)
    made = delegate(openstack.token_cloud(
        cloud.keystone.user_token(roles=roles)))
    assert [role['name'] for role in
            cloud.keystone.trusts[made['trust_id']]['roles']] == expected


def test_a_role_that_the_owner_does_not_have_is_not_delegated(cloud, owner,
                                                              override):
    override('trust', roles=['creator'])
    with pytest.raises(errors.InfrastructureFailed,
                       match='admin, member, reader.*allows creator'):
        delegate(owner)
    assert not cloud.keystone.users


def test_the_password_is_sealed(cloud, owner):
    made = delegate(owner)
    password = cloud.keystone.users[made['trustee_user_id']]['password']
    assert password not in made['trustee_password']
    assert len(made['trustee_password']) <= 255


def test_a_password_of_release_22_is_read(cloud):
    assert identity.open_password('A2bcdefghijkmnopqr') == (
        'A2bcdefghijkmnopqr')
    assert identity.open_password(None) == ''


def test_without_a_domain_a_known_user_is_removed_by_the_service(
        cloud, owner, override):
    made = delegate(owner)
    override('trust', trustee_domain_name=None)
    identity.reset()
    identity.retire(CLUSTER, 'p', made['trustee_user_id'], made['trust_id'])
    assert not cloud.keystone.users and not cloud.keystone.trusts


@pytest.mark.parametrize('user_id', [None, 'user'])
def test_a_domain_admin_who_cannot_log_in_blocks_no_delete(
        cloud, override, caplog, user_id):
    override('trust', trustee_domain_admin_password='wrong')
    identity.retire(CLUSTER, 'p', user_id)
    if user_id is None:
        assert f'{CLUSTER}_p (id not known)' in caplog.text


def test_a_user_that_nobody_may_remove_is_reported(cloud, owner, override,
                                                   caplog):
    made = delegate(owner)
    override('trust', trustee_domain_name=None)
    identity.reset()
    cloud.keystone.deletes_users = False
    identity.retire(CLUSTER, 'p', made['trustee_user_id'])
    assert f'({made["trustee_user_id"]})' in caplog.text


def test_keystone_in_trouble_is_waited_for(cloud, owner):
    made = delegate(owner)
    cloud.web.broken['keystone'] = 503
    with pytest.raises(errors.Temporary):
        identity.retire(CLUSTER, 'p', made['trustee_user_id'])
    assert cloud.keystone.users


def test_delegation_takes_two_calls(cloud, owner):
    delegate(owner)
    cloud.web.seen.clear()
    delegate(owner, 'another')
    assert cloud.web.seen == ['POST /v3/users', 'POST /v3/OS-TRUST/trusts']


def test_a_user_that_a_crash_left_is_adopted(cloud, owner):
    first = delegate(owner)
    del cloud.keystone.trusts[first['trust_id']]
    again = delegate(owner)
    assert again['trustee_user_id'] == first['trustee_user_id']
    assert again['trust_id'] in cloud.keystone.trusts
    assert cloud.keystone.users[again['trustee_user_id']]['password'] == (
        identity.open_password(again['trustee_password']))


def test_a_trust_that_a_crash_left_is_adopted(cloud, owner):
    other = delegate(owner, 'another')
    first, again = delegate(owner), delegate(owner)
    assert again['trust_id'] == first['trust_id'] != other['trust_id']
    assert len(cloud.keystone.trusts) == 2
    assert again['trustee_password'] != first['trustee_password']


def test_an_ended_token_cannot_delegate(cloud, owner):
    cloud.keystone.tokens.clear()
    with pytest.raises(errors.AuthorisationEnded):
        delegate(owner)


def test_without_a_domain_there_is_a_clear_text(cloud, owner, override):
    override('trust', trustee_domain_name=None)
    with pytest.raises(errors.InfrastructureFailed, match='trustee_domain'):
        delegate(owner)


def test_retiring_leaves_neither_user_nor_trust(cloud, owner):
    made = delegate(owner)
    identity.retire(CLUSTER, 'p', made['trustee_user_id'], made['trust_id'])
    assert not cloud.keystone.users and not cloud.keystone.trusts


def test_a_user_that_nobody_wrote_down_is_found_by_name(cloud, owner):
    delegate(owner)
    identity.retire(CLUSTER, 'p')
    assert not cloud.keystone.users and not cloud.keystone.trusts


def test_retiring_what_is_gone_is_a_success(cloud, owner):
    made = delegate(owner)
    identity.retire(CLUSTER, 'p', made['trustee_user_id'])
    identity.retire(CLUSTER, 'p', made['trustee_user_id'])
    identity.retire(CLUSTER, 'p')


def test_what_was_never_delegated_needs_no_domain(cloud, override):
    override('trust', trustee_domain_name=None)
    identity.retire(CLUSTER, 'p')
    assert cloud.web.seen == []


def test_nodes_get_the_address_of_keystone(cloud):
    assert identity.node_auth_url() == 'http://keystone/v3'


def test_nodes_get_the_trust_if_so_configured(cloud, override):
    assert identity.trust_id_for_nodes('trust') == ''
    override('trust', cluster_user_trust=True)
    assert identity.trust_id_for_nodes('trust') == 'trust'
    assert identity.trust_id_for_nodes(None) == ''


def test_a_password_has_a_character_of_each_group():
    for _ in range(50):
        password = identity.generate_password()
        assert len(password) == 18
        for group in CONF.password_symbols:
            assert set(password) & set(group)


def test_a_sealed_token_does_not_show(cloud):
    sealed = identity.seal('secret token')
    assert 'secret' not in sealed
    assert identity.unseal(sealed) == 'secret token'


def test_the_key_of_seals_may_be_changed(cloud, override):
    by_password = identity.seal('token')
    old, new = fernet.Fernet.generate_key(), fernet.Fernet.generate_key()
    override('journal', seal_keys=[old.decode()])
    by_old = identity.seal('token')
    override('journal', seal_keys=[new.decode(), old.decode()])
    assert identity.unseal(by_old) == identity.unseal(by_password) == 'token'
    override('journal', seal_keys=[new.decode()])
    with pytest.raises(errors.AuthorisationEnded):
        identity.unseal(by_old)


def test_a_former_password_opens_what_it_sealed(cloud, override):
    sealed = identity.seal('token')
    override('keystone_auth', password='another')
    with pytest.raises(errors.AuthorisationEnded):
        identity.unseal(sealed)
    override('journal', seal_keys=[f'passphrase:{web.LOGIN["password"]}'])
    assert identity.unseal(sealed) == 'token'
