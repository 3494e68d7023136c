# SPDX-License-Identifier: Apache-2.0
"""A conductor may die at any moment; another one finishes its work.

For each kind of operation and each of its steps: a conductor dies before the
step's effect, or after it and before the check-off.  Another one goes on, and
in the end the world is that of a run that nothing disturbed.
"""

import dataclasses
import datetime
import uuid

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import identity
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

the_cluster = worlds.cluster


class Crash(BaseException):
    """kill -9, as far as one thread can feel it."""


POINTS = [(name, step.name, moment)
          for name, kind in sorted(registry.KINDS.items())
          for step in kind.steps for moment in ('before', 'after')]


# What the real driver has no power for.
POWERFUL = frozenset({'create_nodegroup', 'update_nodegroup',
                      'delete_nodegroup', 'upgrade_cluster', 'rotate_ca',
                      'rotate_credential'})

GROUP = {'name': 'own', 'role': 'worker', 'node_count': 2,
         'min_node_count': 1, 'max_node_count': None, 'flavor_id': None,
         'image_id': None, 'docker_volume_size': None, 'labels': None,
         'merge_labels': False, 'node_labels': {'a': 'b'}, 'node_taints': []}

NEWER = '0c8a7c7e-52a4-4f0e-9f58-9d0a6f3c7f11'


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


def worker():
    return next(group for group in the_cluster().nodegroups
                if group.role == 'worker')


def request(world, kind):
    """Bring a cluster to where the operation can be asked for, and ask."""
    if kind in POWERFUL:
        world.empower()
    create_cluster.request(world.context, world.template,
                           {'name': 'c', 'node_count': 3})
    if kind == 'create_cluster':
        return
    conducting.work()
    if kind == 'update_cluster':
        # Recorded by the release before.
        recorded(world, 'update_cluster', 'node_count', 5, {
            'node_count': 5, 'old_node_count': 3, 'nodes_to_remove': []})
    elif kind == 'resize_cluster':
        leaving = world.server_of('kube_minions', '1')
        resize_cluster.request(world.context, the_cluster(), worker(), 2,
                               [leaving])
    elif kind == 'limit_nodegroup':
        update_nodegroup.request(world.context, the_cluster(), worker(),
                                 {'max_node_count': 5})
    elif kind in POWERFUL:
        request_of_the_able(world, kind)
    elif kind == 'delete_cluster':
        delete_cluster.request(world.context, the_cluster())
    else:
        raise AssertionError(f'how does one ask for {kind}?')


def request_of_the_able(world, kind):
    """Ask for what takes a driver with powers."""
    context, wish = world.context, {'node_labels': {'a': 'b'}}
    if kind == 'create_nodegroup':
        create_nodegroup.request(context, the_cluster(), GROUP)
    elif kind == 'update_nodegroup':
        update_nodegroup.request(context, the_cluster(), worker(), wish)
    elif kind == 'delete_nodegroup':
        create_nodegroup.request(context, the_cluster(), GROUP)
        conducting.work()
        delete_nodegroup.request(context, the_cluster(),
                                 the_cluster().nodegroups[-1])
    elif kind == 'upgrade_cluster':
        upgrade_cluster.request(context, the_cluster(), newer_template(world),
                                worker(), 2)
    elif kind == 'rotate_ca':
        rotate_ca.request(context, the_cluster())
    elif kind == 'rotate_credential':
        rotate_credential.request(context, the_cluster())


def recorded(world, kind, column, value, args):
    """What an earlier release wrote for a request: `args` is all it told."""
    group = worker().uuid
    with db.writer() as session:
        session.execute(sa.update(models.Cluster)
                        .values(status='UPDATE_IN_PROGRESS'))
        session.execute(sa.update(models.NodeGroup)
                        .where(models.NodeGroup.uuid == group)
                        .values({column: value,
                                 'status': 'UPDATE_IN_PROGRESS'}))
        session.execute(sa.insert(models.Operation).values(
            uuid=str(uuid.uuid4()), kind=kind, cluster_uuid=the_cluster().uuid,
            args={'nodegroup': group, **args},
            sealed_token=identity.seal(world.context.auth_token),
            not_before=datetime.datetime(2000, 1, 1)))


def newer_template(world):
    newer = factories.template(uuid=NEWER, driver='able', image_id='coreos')
    factories.store(newer)
    return newer


def die(monkeypatch, kind_name, step_name, moment):
    """The next time the step is run, the conductor dies."""
    kind = registry.KINDS[kind_name]
    alive = [True]

    def deadly(step):
        def run(work):
            if not alive:
                return step.run(work)
            alive.clear()
            if moment == 'after':
                step.run(work)
            raise Crash
        return (dataclasses.replace(step, run=run)
                if step.name == step_name else step)

    monkeypatch.setattr(registry, 'KINDS', {
        **registry.KINDS, kind_name: dataclasses.replace(
            kind, steps=tuple(map(deadly, kind.steps)))})


@pytest.mark.parametrize('kind, step, moment', POINTS)
def test_another_conductor_finishes(world, monkeypatch, kind, step, moment):
    request(world, kind)
    die(monkeypatch, kind, step, moment)
    with pytest.raises(Crash):
        conducting.work()
    conducting.work()
    assert world.seen() == undisturbed(kind, monkeypatch)


def undisturbed(kind, monkeypatch):
    """What there is after a run without a crash, in a world of its own."""
    if kind not in _undisturbed:
        with worlds.another(monkeypatch) as world:
            request(world, kind)
            conducting.work()
            _undisturbed[kind] = world.seen()
    return _undisturbed[kind]


_undisturbed: dict = {}


@pytest.mark.parametrize('step', [step.name for step
                                  in registry.KINDS['create_cluster'].steps])
@pytest.mark.parametrize('moment', ['before', 'after'])
def test_a_delete_after_a_crash_leaves_nothing(world, monkeypatch, step,
                                               moment):
    request(world, 'create_cluster')
    die(monkeypatch, 'create_cluster', step, moment)
    with pytest.raises(Crash):
        conducting.work()
    delete_cluster.request(world.context, the_cluster())
    conducting.work()
    assert world.seen() == {'clusters': [], 'nodegroups': [], 'stacks': [],
                            'able': [], 'trustees': 0, 'trusts': 0,
                            'certificates': 0}


@pytest.mark.parametrize('kind', ['create_cluster', 'delete_cluster'])
def test_a_logout_does_not_stop_the_looking(world, monkeypatch, kind):
    """The owner's token ends once the stack is on its way."""
    request(world, kind)
    die(monkeypatch, kind, {'create_cluster': 'settle',
                            'delete_cluster': 'await_gone'}[kind], 'before')
    with pytest.raises(Crash):
        conducting.work()
    world.end_the_token()
    conducting.work()
    assert world.seen() == undisturbed(kind, monkeypatch)
