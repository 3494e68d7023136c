# SPDX-License-Identifier: Apache-2.0
"""When a cluster gets a user and a trust, and who may have one made."""

import types

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.operations import create_cluster
from magnum.operations import kinds
from magnum.operations import steps
from magnum.tests.fakes import web
from magnum.tests.fakes import world as worlds

CONF = cfg.CONF

WORK = types.SimpleNamespace(
    cluster=models.Cluster(uuid='c', project_id='p'), has_account=False)

cloud = web.cloud


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


def test_no_trust_is_made_that_nobody_uses(cloud):
    WORK.requester = openstack.token_cloud(cloud.keystone.user_token())
    assert steps.delegate(WORK) == kinds.Facts()
    assert not cloud.keystone.users and not cloud.keystone.trusts
    CONF.set_override('cluster_user_trust', True, 'trust')
    try:
        assert steps.delegate(WORK).cluster['trust_id'] in (
            cloud.keystone.trusts)
    finally:
        CONF.clear_override('cluster_user_trust', 'trust')


def request(world):
    create_cluster.request(world.context, world.template, {'name': 'c'})


def clusters():
    with db.reader() as session:
        return session.scalar(sa.select(sa.func.count(models.Cluster.id)))


def test_where_no_trust_is_made_any_login_will_do(world, monkeypatch):
    monkeypatch.setattr(identity, 'is_delegating', lambda: False)
    world.empower()
    world.cloud.has_application_credential = True
    request(world)
    assert clusters() == 1


def test_a_cloud_controller_is_refused_where_nodes_get_no_trust(
        world, monkeypatch):
    monkeypatch.setattr(identity, 'is_delegating', lambda: False)
    with pytest.raises(errors.InvalidParameter, match='cluster_user_trust'):
        create_cluster.request(
            world.context, world.template,
            {'name': 'c', 'labels': {'cloud_provider_enabled': 'true'}})
