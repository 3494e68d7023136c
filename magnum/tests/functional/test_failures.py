# SPDX-License-Identifier: Apache-2.0
"""Two of each kind of operation are asked for, and the first one fails.

For each kind and each of its steps: while the step is being run the same is
asked for once more, with other values; then the step fails, before its effect
or after it.  The second one is done all the same, what the rows say is what
there is, and when the cluster is deleted nothing stays behind.
"""

import dataclasses

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import changes
from magnum.operations import delete_cluster
from magnum.operations import registry
from magnum.tests import asking
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds

REFUSAL = errors.InfrastructureFailed('There is no room for it.')


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


def fail(monkeypatch, kind_name, step_name, moment, meanwhile):
    """The next time the step is run, it fails."""
    kind, failed = registry.KINDS[kind_name], []

    def refused(step):
        def run(work):
            if failed:
                return step.run(work)
            failed.append(step)
            meanwhile()
            if moment == 'after':
                step.run(work)
            raise REFUSAL
        return (dataclasses.replace(step, run=run)
                if step.name == step_name else step)

    monkeypatch.setattr(registry, 'KINDS', {
        **registry.KINDS, kind_name: dataclasses.replace(
            kind, steps=tuple(map(refused, kind.steps)))})


def is_refused_meanwhile(kind):
    """Whether the product's table lets nobody ask while one is at work."""
    return (kind.terms.is_seen and kind.terms.statuses is not None
            and kind.status('IN_PROGRESS') not in kind.terms.statuses)


@pytest.mark.parametrize('kind, step, moment', asking.POINTS)
def test_the_second_is_done_when_the_first_fails(world, monkeypatch, kind,
                                                 step, moment):
    asking.prepare(world, kind)
    before = len(worlds.operations()), counts(world)
    asking.ask(world, kind)
    is_refused = is_refused_meanwhile(registry.KINDS[kind])

    def meanwhile():
        if is_refused:
            with pytest.raises(errors.MagnumError, match='when status is'):
                asking.ask(world, kind, asking.SECOND)
        else:
            asking.ask(world, kind, asking.SECOND)

    fail(monkeypatch, kind, step, moment, meanwhile)
    conducting.work()
    assert not worlds.in_progress()
    asked = worlds.operations()[before[0]:]
    # A second wish for a deletion is the first one.
    is_same = kind == 'delete_cluster'
    assert [operation.state for operation in asked] == (
        ['FAILED'] if is_refused or is_same else ['FAILED', 'DONE'])
    assert asked[0].error == str(REFUSAL)
    if len(asked) == 2:
        assert_done(asked[1])
    failing = registry.KINDS[kind].step(step)
    assert_rows_tell_the_truth(world, moment == 'before' and failing.undo)
    if kind not in ('create_cluster', 'delete_cluster') and not (
            # The old ones stay when they cannot be removed.
            step == 'retire_old_certificates' and moment == 'before'):
        assert counts(world) == before[1]
    delete_everything(world)
    assert world.seen() == worlds.NOTHING


def counts(world):
    """Of what holds secrets."""
    seen = world.seen()
    return {key: seen[key] for key in ('certificates', 'trustees', 'trusts')}


def assert_done(operation):
    """The rows hold what the operation was to write."""
    with db.reader() as session:
        for uuid, columns in changes.of(operation).items():
            for column, (_, after) in columns.items():
                rows = [session.scalar(sa.select(getattr(model, column))
                                       .where(model.uuid == uuid))
                        for model in (models.Cluster, models.NodeGroup)
                        if hasattr(model, column)]
                assert after in rows, column


def assert_rows_tell_the_truth(world, is_undone):
    """What the rows say of groups is what there is.

    One that failed is as somebody asked for it, unless that was undone.
    """
    with db.reader() as session:
        groups = [group for group in session.scalars(
                      sa.select(models.NodeGroup))
                  if is_undone or not group.status.endswith('_FAILED')]
    seen = world.seen()
    built = {row[0]: row[1:] for rows in seen['able'] for row in rows}
    for group in groups:
        if built:
            count, image, labels, taints = built[group.name]
            assert (group.node_count, group.image_id, group.node_labels,
                    group.node_taints) == (count, image, labels, list(taints))
        else:
            members = {'master': 1, 'worker': 2}[group.role]
            assert group.node_count in [len(stack[members])
                                        for stack in seen['stacks']]


def delete_everything(world):
    with db.reader() as session:
        names = list(session.scalars(sa.select(models.Cluster.name)))
    for name in names:
        delete_cluster.request(world.context, worlds.cluster(name))
    conducting.work()


@pytest.mark.parametrize('kind', sorted(
    name for name, kind in registry.KINDS.items()
    if not is_refused_meanwhile(kind)
    and name not in ('create_cluster', 'delete_cluster')))
def test_operations_run_side_by_side_if_each_has_a_lane(world, kind):
    asking.prepare(world, kind)
    asking.ask(world, kind)
    assert conducting.claim() is not None
    asking.ask(world, kind, asking.SECOND)
    lanes = {operation.lane for operation in worlds.operations()[-2:]}
    assert (conducting.claim() is not None) == (len(lanes) == 2)
    assert (len(lanes) == 2) <= registry.KINDS[kind].has_lane
