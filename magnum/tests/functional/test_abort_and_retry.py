# SPDX-License-Identifier: Apache-2.0
"""Each kind of operation is aborted and retried, at each of its steps.

What ends early leaves nothing in progress and nothing behind; what is retried
comes out as if it had succeeded at once.
"""

import dataclasses

import pytest
import sqlalchemy as sa

from magnum.api import operations as api_operations
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import abort
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import resize_cluster
from magnum.operations import retry
from magnum.operations import update_nodegroup
from magnum.tests import asking
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds

KINDS = sorted(registry.KINDS)
ABORTABLE = [name for name in KINDS
             if registry.KINDS[name].terms.is_abortable]
STEPS = [(name, step.name) for name in ABORTABLE
         for step in registry.KINDS[name].steps]

REFUSAL = errors.InfrastructureFailed('There is no room for it.')


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


def newest():
    return worlds.operations()[-1]


def stop(world, operation=None):
    abort.request(world.context, operation or newest())


def again(world, operation=None):
    return retry.request(world.context, worlds.cluster(),
                         operation or newest())


def do_before(monkeypatch, kind_name, step_name, deed):
    """Do something the first time that a step is run."""
    kind, done = registry.KINDS[kind_name], []

    def first(step):
        def run(work):
            if not done:
                done.append(step)
                deed()
            return step.run(work)
        return (dataclasses.replace(step, run=run)
                if step.name == step_name else step)

    monkeypatch.setattr(registry, 'KINDS', {
        **registry.KINDS, kind_name: dataclasses.replace(
            kind, steps=tuple(map(first, kind.steps)))})


def refuse():
    raise REFUSAL


@pytest.mark.parametrize('kind', ABORTABLE)
def test_what_is_queued_is_undone(world, kind):
    asking.prepare(world, kind)
    before = world.seen()
    asking.ask(world, kind)
    stop(world)
    ended = newest()
    assert (ended.state, ended.error_code, ended.error, ended.sealed_token
            ) == ('CANCELLED', 'ABORTED', 'Aborted by user u.', None)
    if kind == 'create_cluster':
        assert worlds.cluster().status == 'CREATE_FAILED'
        assert worlds.cluster().status_reason == 'Aborted by user u.'
    else:
        assert world.seen() == before
    assert not worlds.in_progress() and not conducting.left()


@pytest.mark.parametrize('kind, step', STEPS)
def test_what_is_at_work_ends_after_its_step(world, monkeypatch, kind, step):
    asking.prepare(world, kind)
    asking.ask(world, kind)
    asked = newest()
    do_before(monkeypatch, kind, step, lambda: stop(world, asked))
    conducting.work()
    ended = next(one for one in worlds.operations() if one.id == asked.id)
    is_last = registry.KINDS[kind].after(
        registry.KINDS[kind].step(step)) is None
    # The last step is not interrupted, unless it waits.
    assert ended.state in ('DONE', 'CANCELLED') if is_last else (
        ended.state == 'CANCELLED')
    if ended.state == 'CANCELLED':
        assert (ended.error_code, ended.error) == ('ABORTED',
                                                   'Aborted by user u.')
    assert not worlds.in_progress()
    delete_cluster.request(world.context, worlds.cluster())
    conducting.work()
    assert world.seen() == worlds.NOTHING


@pytest.mark.parametrize('kind', ABORTABLE)
def test_what_waits_for_the_stack_ends_at_once(world, kind):
    asking.prepare(world, kind)
    asking.ask(world, kind)
    last = registry.KINDS[kind].steps[-1]
    conducting.claim()
    with db.writer() as session:
        operation = session.get(models.Operation, newest().id)
        operation.step, operation.owner = last.name, None
        operation.not_before = models.utcnow().replace(year=2100)
    stop(world)
    # Without being made ready.
    assert conducting.run() is not None
    assert newest().state == 'CANCELLED'
    assert not worlds.in_progress()


@pytest.mark.parametrize('kind', sorted(set(KINDS) - set(ABORTABLE)))
def test_a_deletion_is_not_aborted(world, kind):
    asking.request(world, kind)
    with pytest.raises(errors.Conflict, match='cannot be aborted') as refusal:
        stop(world)
    assert refusal.value.code == 'NOT_ABORTABLE'
    conducting.work()
    assert newest().state == 'DONE'


def test_what_has_ended_is_not_aborted(world):
    asking.request(world, 'resize_cluster')
    conducting.work()
    with pytest.raises(errors.Conflict, match='has ended as DONE') as refusal:
        stop(world)
    assert refusal.value.code == 'OPERATION_ENDED'


def test_an_abort_may_be_repeated(world):
    asking.request(world, 'resize_cluster')
    for _ in range(2):
        stop(world)
    assert newest().state == 'CANCELLED'


def size():
    return next(group.node_count for group in worlds.cluster().nodegroups
                if group.name == 'default-worker')


def test_the_middle_one_of_three_is_undone_alone(world):
    """And the last one takes its place in what is put back."""
    asking.prepare(world, 'resize_cluster')
    asking.ask(world, 'resize_cluster')
    claimed = conducting.claim()
    for count in (7, 9):
        update_nodegroup.request(world.context, worlds.cluster(),
                                 asking.worker(), {'max_node_count': count})
    *_, middle, last = worlds.operations()
    stop(world, middle)
    assert asking.worker().max_node_count == 9
    assert worlds.cluster().status == 'UPDATE_IN_PROGRESS'
    stop(world, last)
    assert asking.worker().max_node_count is None
    assert worlds.cluster().status == 'UPDATE_IN_PROGRESS'
    with db.writer() as session:
        journal.put_off(session, claimed, 0)
    conducting.work()
    assert (worlds.cluster().status, size()) == ('UPDATE_COMPLETE', 2)


@pytest.mark.parametrize('is_refused', [False, True])
def test_the_statuses_are_those_that_the_one_before_has_left(
        world, monkeypatch, is_refused):
    """Which had ended when the queued one was aborted."""
    asking.prepare(world, 'resize_cluster')
    asking.ask(world, 'resize_cluster')
    if is_refused:
        do_before(monkeypatch, 'resize_cluster', 'settle', refuse)
    claimed = conducting.claim()
    update_nodegroup.request(world.context, worlds.cluster(),
                             asking.worker(), {'max_node_count': 7})
    with db.writer() as session:
        journal.put_off(session, claimed, 0)
    while worlds.operations()[-2].state == 'ACTIVE':
        assert conducting.work_once()
    assert worlds.cluster().status == 'UPDATE_IN_PROGRESS'
    stop(world)
    expected = (('UPDATE_FAILED', str(REFUSAL)) if is_refused
                else ('UPDATE_COMPLETE', None))
    row = worlds.cluster()
    assert (row.status, row.status_reason) == expected
    assert asking.worker().status == expected[0]


def test_a_cluster_that_had_failed_has_failed_again(world):
    asking.prepare(world, 'resize_cluster')
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(
            status='UPDATE_FAILED', status_reason='Long ago.'))
    resize_cluster.request(world.context, worlds.cluster(), asking.worker(),
                           5)
    stop(world)
    row = worlds.cluster()
    assert (row.status, row.status_reason) == ('UPDATE_FAILED', 'Long ago.')


def test_a_group_that_others_need_is_not_taken_away(world):
    asking.request(world, 'create_nodegroup')
    made = newest()
    resize_cluster.request(world.context, worlds.cluster(),
                           asking.group('own'), 3)
    with pytest.raises(errors.Conflict, match=newest().uuid) as refusal:
        stop(world, made)
    assert refusal.value.code == 'STILL_NEEDED'
    stop(world)
    stop(world, made)
    assert {group.name for group in worlds.cluster().nodegroups} == {
        'default-master', 'default-worker'}
    assert not worlds.in_progress()


@pytest.mark.parametrize('kind', KINDS)
def test_what_failed_is_done_when_it_is_retried(world, monkeypatch, kind):
    """At its first step; and comes out as if it had never failed."""
    asking.prepare(world, kind)
    asking.ask(world, kind)
    failed = newest()
    do_before(monkeypatch, kind, registry.KINDS[kind].steps[0].name, refuse)
    conducting.work()
    failed = next(one for one in worlds.operations() if one.id == failed.id)
    assert failed.state == 'FAILED'
    if kind == 'limit_nodegroup':
        # What it wanted stands, and so is no change any more.
        assert asking.worker().max_node_count == 5
    retried = again(world, failed)
    assert retried.uuid != failed.uuid
    conducting.work()
    assert newest().state == 'DONE'
    assert not worlds.in_progress()
    assert {'update_nodegroup': lambda: asking.worker().node_labels == {
                'a': 'b'},
            'resize_cluster': lambda: size() == 2,
            'update_cluster': lambda: size() == 5,
            'create_nodegroup': lambda: asking.group('own').status
                == 'CREATE_COMPLETE',
            'upgrade_cluster': lambda: worlds.cluster().cluster_template_id
                == asking.NEWER[0],
            'delete_cluster': lambda: worlds.cluster() is None,
            'delete_nodegroup': lambda: 'own' not in {
                group.name for group in worlds.cluster().nodegroups},
            'create_cluster': lambda: worlds.cluster().status
                == 'CREATE_COMPLETE'}.get(kind, lambda: True)()


@pytest.mark.parametrize('kind', [
    name for name in ABORTABLE if name != 'create_nodegroup'])
def test_what_was_aborted_can_be_retried(world, kind):
    asking.request(world, kind)
    stop(world)
    again(world)
    conducting.work()
    assert newest().state == 'DONE'
    assert worlds.cluster().status.endswith('_COMPLETE')


def test_a_group_that_was_taken_away_is_not_made_again(world):
    asking.request(world, 'create_nodegroup')
    stop(world)
    with pytest.raises(errors.Conflict, match='has gone') as refusal:
        again(world)
    assert refusal.value.code == 'NOT_RETRYABLE'


def test_a_cluster_of_which_a_part_exists_is_not_made_again(world,
                                                            monkeypatch):
    asking.prepare(world, 'create_cluster')
    asking.ask(world, 'create_cluster')
    do_before(monkeypatch, 'create_cluster', 'settle', refuse)
    conducting.work()
    with pytest.raises(errors.Conflict, match='delete it and create'):
        again(world)


def test_what_is_at_work_or_done_is_not_retried(world):
    asking.request(world, 'resize_cluster')
    with pytest.raises(errors.Conflict, match='has not ended'):
        again(world)
    conducting.work()
    with pytest.raises(errors.Conflict, match='nothing to retry'):
        again(world)


def test_only_the_last_wish_is_retried(world, monkeypatch):
    asking.prepare(world, 'resize_cluster')
    asking.ask(world, 'resize_cluster')
    do_before(monkeypatch, 'resize_cluster', 'apply', refuse)
    conducting.work()
    failed = newest()
    asking.ask(world, 'resize_cluster', asking.SECOND)
    conducting.work()
    with pytest.raises(errors.Conflict, match=newest().uuid) as refusal:
        again(world, failed)
    assert refusal.value.code == 'SUPERSEDED'


@pytest.mark.parametrize('kind', ['rotate_ca', 'upgrade_cluster',
                                  'resize_cluster'])
def test_a_cluster_that_goes_is_not_changed_by_a_retry(world, kind):
    asking.request(world, kind)
    stop(world)
    asked = newest()
    delete_cluster.request(world.context, worlds.cluster())
    with pytest.raises(errors.Conflict) as refusal:
        again(world, asked)
    assert refusal.value.code == 'WRONG_STATUS'


def test_what_an_earlier_release_did_not_record_is_not_retried(world):
    asking.request(world, 'update_nodegroup')
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            changes=None, state='FAILED', finished_at=models.utcnow(),
            args={'old': {'node_labels': {}},
                  'nodegroup': asking.worker().uuid}))
    with pytest.raises(errors.Conflict, match='earlier release'):
        again(world)


def test_every_kind_can_be_retried_and_has_its_rule():
    assert set(retry.REQUESTS) == set(registry.KINDS)
    assert set(api_operations.REQUESTED_BY) == set(registry.KINDS)


def test_what_a_deletion_stops_is_left_to_it(world):
    create_cluster.request(world.context, world.template, {'name': 'c'})
    made = newest()
    delete_cluster.request(world.context, worlds.cluster())
    stop(world, made)
    assert {group.status for group in worlds.cluster().nodegroups} == {
        'DELETE_IN_PROGRESS'}
    conducting.work()
    assert [(one.state, one.error_code) for one in worlds.operations()] == [
        ('CANCELLED', None), ('DONE', None)]
