# SPDX-License-Identifier: Apache-2.0
"""All that a conductor can have an effect on, in memory or a file.

Heat and Keystone are fakes, and so is what the API looks up.  All that is ours
is real: the driver, the certificates (in the database), delegation, the
journal and the runner.  For what the real driver cannot do there is another,
`able`, with infrastructure of its own.
"""

import contextlib
import dataclasses
from typing import Any

from oslo_config import cfg
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import models
from magnum.db import session as db
from magnum import drivers
from magnum import openstack
from magnum import rpc
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import driver as fake_driver
from magnum.tests.fakes import heat as heats
from magnum.tests.fakes import web

CONF = cfg.CONF

PROJECT = 'p'

# What `World.seen` shows when there is nothing.
NOTHING = {'clusters': [], 'nodegroups': [], 'stacks': [], 'able': [],
           'trustees': 0, 'trusts': 0, 'certificates': 0}

# Columns whose values are new in every run, or say when something happened.
_NEW = {'id', 'uuid', 'cluster_id', 'created_at', 'updated_at', 'stack_id',
        'trust_id', 'trustee_user_id', 'trustee_username',
        'trustee_password', 'ca_cert_ref', 'etcd_ca_cert_ref',
        'front_proxy_ca_cert_ref', 'magnum_cert_ref'}


class Cloud(clouds.Things, clouds.FakeCloud):
    """What can be looked up, what a stack may leave behind, and Heat."""

    def __init__(self, heat):
        clouds.Things.__init__(self)
        clouds.FakeCloud.__init__(self)
        self.heat = heat.client(PROJECT)


@dataclasses.dataclass
class World:
    """What tests look at."""

    heat: heats.FakeHeat
    outside: web.Cloud
    cloud: Cloud
    context: contexts.RequestContext
    template: models.ClusterTemplate
    able: fake_driver.FakeDriver

    def empower(self) -> None:
        """From now on it is the able driver that builds clusters."""
        self.template.driver = 'able'
        with db.writer() as session:
            session.execute(sa.update(models.ClusterTemplate)
                            .values(driver='able'))

    def server_of(self, group: str, index: str) -> str:
        """The server id of a member of the only stack's group."""
        stack, = self.heat.live()
        return {'kube_minions': stack.minions, 'kube_masters': stack.masters
                }[group].server_id(index)

    def end_the_token(self) -> None:
        """From now on no service takes the token of the one who asked."""
        del self.outside.keystone.tokens[self.context.auth_token]
        # No conductor has it in its memory.
        self.outside.connect()

    def log_in(self) -> None:
        """The one who asks has a token again, and asks with that."""
        self.context.auth_token = self.outside.keystone.user_token(
            'u', PROJECT)

    def seen(self) -> dict[str, Any]:
        """The whole world, but for what differs between any two runs."""
        stacks = self.heat.live()
        with db.reader() as session:
            return {
                'clusters': _rows(session, models.Cluster),
                'nodegroups': _rows(session, models.NodeGroup),
                'certificates': session.scalar(
                    sa.select(sa.func.count(models.X509KeyPair.id))),
                'stacks': [(stack.stack_status, stack.masters.members,
                            stack.minions.members) for stack in stacks],
                'able': [[(group.name, group.node_count, group.image_id,
                           group.node_labels, group.node_taints)
                          for group in spec.nodegroups
                          if group.uuid not in self.able.destroyed]
                         for spec in self.able.stacks.values()],
                'trustees': len(self.outside.keystone.users),
                'trusts': len(self.outside.keystone.trusts)}


def _rows(session, model) -> list[dict[str, Any]]:
    rows = []
    for row in session.scalars(sa.select(model).order_by(model.id)):
        rows.append({column.key: getattr(row, column.key)
                     for column in sa.inspect(model).column_attrs
                     if column.key not in _NEW})
    return rows


def cluster(name: str = 'c') -> models.Cluster | None:
    """A cluster with its groups and template; None: it has gone."""
    with db.reader() as session:
        return session.scalar(
            sa.select(models.Cluster).where(models.Cluster.name == name)
            .options(orm.selectinload(models.Cluster.nodegroups),
                     orm.joinedload(models.Cluster.template)))


def operations() -> list[models.Operation]:
    """All there ever were, oldest first."""
    with db.reader() as session:
        return list(session.scalars(sa.select(models.Operation)
                                    .order_by(models.Operation.id)))


def in_progress() -> list[str]:
    """What has a status that says that something is being done."""
    with db.reader() as session:
        return [f'{row.name} is {row.status}'
                for model in (models.Cluster, models.NodeGroup)
                for row in session.scalars(sa.select(model))
                if row.status.endswith('_IN_PROGRESS')]


@contextlib.contextmanager
def configured():
    """Certificates with short keys in the database; trusts are in use."""
    options = [
        ('journal', 'seal_keys',
         ['zLw6nyGQFXCxPBcnoIW8Iw6B7Oa0jZJqDZX2FD4vCI0=']),
        ('trust', 'cluster_user_trust', True),
        ('certificates', 'cert_manager_type', 'x509keypair'),
        ('certificates', 'encryption_keys',
         ['BbLw6nyGQFXCxPBcnoIW8Iw6B7Oa0jZJqDZX2FD4vCI=']),
        ('x509', 'rsa_key_size', 1024)]
    for group, name, value in options:
        CONF.set_override(name, value, group=group)
    with web.configured():
        yield
    for group, name, _ in options:
        CONF.clear_override(name, group=group)


def build(monkeypatch: pytest.MonkeyPatch) -> World:
    """A new, empty world; from now on it is the one there is."""
    heat, outside = heats.FakeHeat(auto=True), web.Cloud()
    cloud = Cloud(heat)
    outside.connect()
    del outside.keystone.services['load-balancer']
    cloud.things['Image'][0].properties['kube_version'] = 'v1.31.4'
    cloud.install(monkeypatch)
    monkeypatch.setattr(openstack.Cloud, 'heat', cloud.heat)
    monkeypatch.setattr(rpc, 'hint', lambda: None)
    return World(heat, outside, cloud,
                 contexts.RequestContext(
                     user_id='u', project_id=PROJECT, is_admin=False,
                     auth_token=outside.keystone.user_token('u', PROJECT)),
                 _template(), _able(monkeypatch))


def _able(monkeypatch: pytest.MonkeyPatch) -> fake_driver.FakeDriver:
    installed = drivers._installed()
    able = fake_driver.FakeDriver(fake_driver.POWERS)
    able.provides = ()
    monkeypatch.setattr(drivers, '_installed',
                        lambda: {**installed, 'able': able})
    return able


def _template() -> models.ClusterTemplate:
    values = {
        'uuid': '9f1ad3a2-6e41-4d5c-8a4f-0f4a3fbb3a11', 'name': 't',
        'coe': 'kubernetes', 'server_type': 'vm', 'cluster_distro': 'ubuntu',
        'driver': 'k8s_kubeadm_v1', 'image_id': 'ubuntu-k8s',
        'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
        'external_network_id': 'public', 'network_driver': 'flannel',
        'labels': {}, 'floating_ip_enabled': True, 'public': False,
        'master_lb_enabled': False, 'hidden': False, 'project_id': PROJECT}
    with db.writer() as session:
        session.add(models.ClusterTemplate(**values))
    with db.reader() as session:
        return session.scalar(sa.select(models.ClusterTemplate))


def empty() -> None:
    """Forget all rows."""
    with db.writer() as session:
        for table in models.Base.metadata.tables.values():
            session.execute(table.delete())


@contextlib.contextmanager
def another(monkeypatch: pytest.MonkeyPatch):
    """A second world, in an emptied database."""
    empty()
    with monkeypatch.context() as patched:
        yield build(patched)


