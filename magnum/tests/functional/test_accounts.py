# SPDX-License-Identifier: Apache-2.0
"""Clusters of application credentials, which may make no trusts."""

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum import accounts
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum import openstack
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import resize_cluster
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds

cluster = worlds.cluster

CONF = cfg.CONF


@pytest.fixture
def world(sqlite_database, monkeypatch):
    """The caller has an application credential with two roles."""
    with worlds.configured():
        made = worlds.build(monkeypatch)
        made.context.auth_token = made.outside.keystone.user_token(
            'u', 'p', ['member', 'reader', 'admin'],
            application_credential={'id': 'ac', 'restricted': True})
        real = openstack.token_cloud(made.context.auth_token)
        made.cloud.has_application_credential = True
        made.cloud.session, made.cloud.user_id = real.session, 'u'
        yield made


@pytest.fixture
def option():
    """Set an option of [trust] for one test."""
    names = []

    def option(name, value):
        CONF.set_override(name, value, 'trust')
        names.append(name)
    yield option
    for name in names:
        CONF.clear_override(name, 'trust')


def create(world, **asked):
    create_cluster.request(world.context, world.template,
                           {'name': 'c', 'node_count': 2, **asked})


@pytest.fixture
def acts(monkeypatch):
    """Whose stack is asked for or changed: ids of users, in their order."""
    seen, heat = [], openstack.Cloud.heat

    def look(cloud):
        seen.append(cloud.session.get_user_id())
        return heat
    monkeypatch.setattr(openstack.Cloud, 'heat', property(look))
    return seen


def test_its_user_has_the_roles_and_builds_the_cluster(world, acts):
    create(world)
    conducting.work()
    keystone = world.outside.keystone
    built = cluster()
    assert built.status == 'CREATE_COMPLETE'
    assert built.trust_id is None and not keystone.trusts
    assert keystone.roles == {(built.trustee_user_id, 'p'): {
        'member', 'reader'}}
    assert set(acts) == {built.trustee_user_id}


def test_others_change_and_delete_it_by_its_own_user(world, acts):
    create(world)
    conducting.work()
    built = cluster()
    world.end_the_token()
    world.context.auth_token = world.outside.keystone.user_token('v', 'p')
    group = next(g for g in built.nodegroups if g.role == 'worker')
    acts.clear()
    resize_cluster.request(world.context, built, group, 3, [])
    conducting.work()
    assert cluster().status == 'UPDATE_COMPLETE'
    assert set(acts) == {built.trustee_user_id}
    delete_cluster.request(world.context, cluster())
    conducting.work()
    assert cluster() is None
    keystone = world.outside.keystone
    assert not (keystone.users or keystone.roles or world.heat.live())


@pytest.mark.parametrize('loss', ['user', 'password', 'roles'])
def test_it_is_deleted_when_its_user_is_of_no_use(world, loss):
    create(world)
    conducting.work()
    keystone = world.outside.keystone
    if loss == 'user':
        keystone.users.clear()
    elif loss == 'roles':
        keystone.roles.clear()
    else:
        with db.writer() as session:
            session.execute(sa.update(models.Cluster).values(
                trustee_password='magnum:' + 'x' * 40))
    world.outside.connect()
    delete_cluster.request(world.context, cluster())
    conducting.work()
    assert cluster() is None
    assert not (keystone.users or world.heat.live())


def test_it_is_changed_by_others_when_its_user_is_of_no_use(world, acts):
    create(world)
    conducting.work()
    world.outside.keystone.roles.clear()
    world.context.auth_token = world.outside.keystone.user_token('v', 'p')
    world.outside.connect()
    acts.clear()
    built = cluster()
    group = next(g for g in built.nodegroups if g.role == 'worker')
    resize_cluster.request(world.context, built, group, 3)
    conducting.work()
    assert cluster().status == 'UPDATE_COMPLETE'
    assert 'v' in acts


def test_what_a_crash_left_is_adopted(world):
    cloud = openstack.token_cloud(world.context.auth_token)
    first = accounts.make(cloud, 'c', 'p')
    again = accounts.make(cloud, 'c', 'p')
    keystone = world.outside.keystone
    assert again['trustee_user_id'] == first['trustee_user_id']
    assert list(keystone.users) == [first['trustee_user_id']]
    assert list(keystone.roles) == [(first['trustee_user_id'], 'p')]


def test_nodes_log_in_to_the_project(world):
    create(world)
    conducting.work()
    stack, = world.heat.live()
    lines = stack.parameters['cloud_conf'].splitlines()
    assert f'user-id="{cluster().trustee_user_id}"' in lines
    assert 'tenant-id="p"' in lines
    assert not any(line.startswith('trust') for line in lines)


def test_a_login_that_may_give_trusts_gives_one(world):
    world.outside.keystone.credentials_may_trust = True
    create(world)
    conducting.work()
    assert cluster().trust_id in world.outside.keystone.trusts
    assert not world.outside.keystone.roles


def refused(world):
    with pytest.raises(errors.Forbidden) as refusal:
        create(world)
    assert cluster() is None
    assert refusal.value.code == 'TRUST_NEEDED'
    return str(refusal.value)


def test_it_can_be_turned_off(world, option):
    option('accept_application_credentials', False)
    assert 'accept_application_credentials is off' in refused(world)


def test_access_rules_could_not_be_kept(world):
    world.cloud.has_access_rules = True
    assert 'not its access rules' in refused(world)


def test_a_service_that_may_assign_no_roles_says_so_at_once(world):
    world.outside.keystone.assigns_roles = False
    assert 'identity:create_grant' in refused(world)


def test_without_a_role_to_give_it_is_refused(world, option):
    option('roles', ['operator'])
    assert '[trust] roles allows operator' in refused(world)


def test_without_a_domain_for_its_user_it_is_refused(world, monkeypatch):
    monkeypatch.setattr('magnum.identity._has_domain', lambda: False)
    assert 'no domain for the users of clusters' in refused(world)


def test_passwords_are_not_asked_about_trusts(world):
    world.cloud.has_application_credential = False
    world.outside.web.seen.clear()
    assert accounts.is_needed(world.cloud, 'p') is False
    assert not world.outside.web.seen
