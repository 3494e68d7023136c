# SPDX-License-Identifier: Apache-2.0
"""How each kind of operation is asked for, in the world of `fakes.world`.

The matrices of the functional tests go through the registry; a kind that has
no way here to be asked for fails them all.  Each may be asked for twice: the
second `turn` wants something else, as far as there is anything to choose.
"""

import datetime
import uuid

import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.drivers.k8s_kubeadm_v1 import driver
from magnum import identity
from magnum.operations import change_labels
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import delete_cluster
from magnum.operations import delete_nodegroup
from magnum.operations import registry
from magnum.operations import resize_cluster
from magnum.operations import rotate_ca
from magnum.operations import rotate_credential
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster
from magnum.tests import conducting
from magnum.tests import factories
from magnum.tests.fakes import world as worlds

FIRST, SECOND = 0, 1

POINTS = [(name, step.name, moment)
          for name, kind in sorted(registry.KINDS.items())
          for step in kind.steps for moment in ('before', 'after')]

GROUP = {'role': 'worker', 'node_count': 2, 'min_node_count': 1,
         'max_node_count': None, 'flavor_id': None, 'image_id': None,
         'docker_volume_size': None, 'labels': None, 'merge_labels': False,
         'node_labels': {'a': 'b'}, 'node_taints': []}

# Of groups, by turn.
OWN = ('own', 'other')

# Of templates, by turn.
NEWER = ('0c8a7c7e-52a4-4f0e-9f58-9d0a6f3c7f11',
         '0c8a7c7e-52a4-4f0e-9f58-9d0a6f3c7f12')

the_cluster = worlds.cluster


def request(world, kind):
    """Bring a cluster to where the operation can be asked for, and ask."""
    prepare(world, kind)
    ask(world, kind)


def prepare(world, kind):
    """Bring the world to where the operation can be asked for."""
    if (kind == 'upgrade_cluster' or registry.KINDS[kind].terms.power
            not in (None, *driver.Driver.powers)):
        # The real driver cannot do it, or not without nodes.
        world.empower()
    if kind == 'create_cluster':
        return
    create(world, 'c')
    conducting.work()
    if kind == 'delete_nodegroup':
        for name in OWN:
            create_nodegroup.request(world.context, the_cluster(),
                                     {**GROUP, 'name': name})
        conducting.work()
    elif kind == 'upgrade_cluster':
        factories.store(*(factories.template(uuid=ident, driver='able',
                                             image_id=image)
                          for ident, image in zip(NEWER, ('coreos', 'plain'),
                                                  strict=True)))


def ask(world, kind, turn=FIRST):
    """Ask for it, and for it alone."""
    _ASK[kind](world, turn)


def create(world, name):
    create_cluster.request(world.context, world.template,
                           {'name': name, 'node_count': 3})


def group(name):
    """A group of the cluster, by its name."""
    return next(group for group in the_cluster().nodegroups
                if group.name == name)


def worker():
    return group('default-worker')


def _resize(world, turn):
    resize_cluster.request(
        world.context, the_cluster(), worker(), (2, 4)[turn],
        [world.server_of('kube_minions', '1')] if turn == FIRST else None)


def _resize_of_the_release_before(world, turn):
    """What an earlier release wrote for a patch of node_count."""
    wanted, before = (5, 6)[turn], worker().node_count
    with db.writer() as session:
        session.execute(sa.update(models.Cluster)
                        .values(status='UPDATE_IN_PROGRESS'))
        session.execute(sa.update(models.NodeGroup)
                        .where(models.NodeGroup.uuid == worker().uuid)
                        .values(node_count=wanted,
                                status='UPDATE_IN_PROGRESS'))
        session.execute(sa.insert(models.Operation).values(
            uuid=str(uuid.uuid4()), kind='update_cluster',
            cluster_uuid=the_cluster().uuid,
            args={'nodegroup': worker().uuid, 'node_count': wanted,
                  'old_node_count': before, 'nodes_to_remove': []},
            sealed_token=identity.seal(world.context.auth_token),
            not_before=datetime.datetime(2000, 1, 1)))


def _upgrade(world, turn):
    with db.reader() as session:
        template = session.scalar(
            sa.select(models.ClusterTemplate)
            .where(models.ClusterTemplate.uuid == NEWER[turn]))
    upgrade_cluster.request(world.context, the_cluster(), template, worker(),
                            2)


_ASK = {
    'create_cluster': lambda world, turn: create(world, ('c', 'd')[turn]),
    'resize_cluster': _resize,
    'change_labels': lambda world, turn: change_labels.request(
        world.context, the_cluster(), {'max_node_count': ('5', '6')[turn]}),
    'update_cluster': _resize_of_the_release_before,
    'delete_cluster': lambda world, turn: delete_cluster.request(
        world.context, the_cluster()),
    'limit_nodegroup': lambda world, turn: update_nodegroup.request(
        world.context, the_cluster(), worker(),
        {'max_node_count': (5, 6)[turn]}),
    'create_nodegroup': lambda world, turn: create_nodegroup.request(
        world.context, the_cluster(), {**GROUP, 'name': OWN[turn]}),
    'update_nodegroup': lambda world, turn: update_nodegroup.request(
        world.context, the_cluster(), worker(),
        {'node_labels': {'a': ('b', 'c')[turn]}}),
    'delete_nodegroup': lambda world, turn: delete_nodegroup.request(
        world.context, the_cluster(), group(OWN[turn])),
    'upgrade_cluster': _upgrade,
    'rotate_ca': lambda world, turn: rotate_ca.request(
        world.context, the_cluster()),
    'rotate_credential': lambda world, turn: rotate_credential.request(
        world.context, the_cluster()),
}
