# SPDX-License-Identifier: Apache-2.0
"""The failure policy: what each outcome of a step means."""

import dataclasses
import datetime

import pytest
import sqlalchemy as sa

from magnum.db import clock
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum import notifications
from magnum.operations import changes
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import registry
from magnum.operations import runner
from magnum.tests import conducting

UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

# What rows of running operations hold: a conductor of another release must
# find the same step under it.
STEP_NAMES = {
    'create_cluster': ['delegate', 'issue_certificates', 'apply', 'settle'],
    'update_cluster': ['apply', 'settle'],
    'change_labels': ['apply', 'settle'],
    'resize_cluster': ['apply', 'settle'],
    'delete_cluster': ['destroy', 'await_gone', 'retire_certificates',
                       'retire_trust', 'forget'],
    'limit_nodegroup': ['look'],
    'create_nodegroup': ['apply', 'settle'],
    'update_nodegroup': ['apply', 'settle'],
    'delete_nodegroup': ['destroy', 'await_gone', 'forget'],
    'upgrade_cluster': ['apply', 'roll', 'settle'],
    'rotate_ca': ['issue_new_certificates', 'apply', 'settle',
                  'retire_old_certificates'],
    'rotate_credential': ['delegate', 'apply', 'settle']}


class Script:
    """A kind of operation whose steps do what the test says."""

    def __init__(self, monkeypatch, action='UPDATE', undo=None):
        self.calls, self.outcomes = [], {}

        def apply(work):
            return self._play('apply', work)

        def settle(work):
            return self._play('settle', work)

        self.kind = kinds.Kind(
            name='play', action=action, nodegroups=kinds.every_group,
            steps=(kinds.Step('apply', 'changing the stack', apply, undo),
                   kinds.Step('settle', 'waiting for the stack', settle)))
        monkeypatch.setattr(registry, 'KINDS', kinds.table(self.kind))

    def _play(self, name, work):
        self.calls.append(name)
        result = self.outcomes.get(name)
        if callable(result):
            result = result(work)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def script(monkeypatch):
    return Script(monkeypatch)


@pytest.fixture(autouse=True)
def cluster(sqlite_database):
    with db.writer() as session:
        session.add(models.Cluster(uuid=UUID, name='c', project_id='p',
                                   status='UPDATE_IN_PROGRESS', labels={}))
        session.add(models.NodeGroup(
            uuid='ng', name='default-worker', cluster_id=UUID, project_id='p',
            role='worker', is_default=True, node_count=2,
            status='UPDATE_IN_PROGRESS'))


def record(**more):
    with db.writer() as session:
        return journal.record(session, 'play', UUID, **more)


def run():
    """Take up what is ready; the operation's row afterwards."""
    operation = conducting.run()
    return operation and stored(operation)


def stored(operation):
    with db.reader() as session:
        return session.get(models.Operation, operation.id)


def the_cluster():
    with db.reader() as session:
        return session.scalar(sa.select(models.Cluster))


def the_group():
    with db.reader() as session:
        return session.scalar(sa.select(models.NodeGroup))


def test_steps_run_in_order_and_close_the_statuses(script):
    record()
    operation = run()
    assert script.calls == ['apply', 'settle']
    assert operation.state == 'DONE'
    assert the_cluster().status == 'UPDATE_COMPLETE'
    assert the_group().status == 'UPDATE_COMPLETE'


def test_facts_are_written_with_the_check_off(script):
    script.outcomes['apply'] = kinds.Facts(
        cluster={'stack_id': 's1'}, nodegroups={'ng': {'stack_id': 's1'}})
    script.outcomes['settle'] = RuntimeError('bug')
    record()
    operation = run()
    assert operation.step == 'settle'
    assert the_cluster().stack_id == 's1'
    assert the_group().stack_id == 's1'


def test_not_yet_gives_the_lease_back_and_says_why(script):
    script.outcomes['settle'] = kinds.Again(30, 'two nodes to go')
    record()
    operation = run()
    assert (operation.state, operation.owner) == ('ACTIVE', None)
    assert operation.step == 'settle'
    assert the_cluster().status_reason == 'two nodes to go'
    assert the_cluster().status == 'UPDATE_IN_PROGRESS'


def test_what_waited_goes_on_at_the_same_step(script):
    script.outcomes['settle'] = kinds.Again(30)
    record()
    run()
    script.outcomes['settle'] = None
    conducting.make_ready()
    assert run().state == 'DONE'
    assert script.calls == ['apply', 'settle', 'settle']
    assert the_cluster().status_reason is None


def test_the_waits_for_an_unwilling_world_grow(script):
    script.outcomes['apply'] = errors.ServiceUnavailable('Heat is away')
    record()
    waits = []
    for _ in range(4):
        conducting.make_ready()
        row = run()
        with db.reader() as session:
            waits.append((row.not_before
                          - clock.now(session)).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] > 6
    assert the_cluster().status_reason == (
        'Changing the stack: Heat is away')


def test_a_refusal_fails_the_operation_with_its_reason(script):
    script.outcomes['apply'] = errors.InfrastructureFailed('no such flavor')
    record()
    operation = run()
    assert (operation.state, operation.error) == ('FAILED', 'no such flavor')
    assert the_cluster().status == 'UPDATE_FAILED'
    assert the_cluster().status_reason == (
        'default-worker failed: no such flavor')
    assert the_group().status == 'UPDATE_FAILED'
    assert the_group().status_reason == 'no such flavor'


def test_a_token_that_ended_is_said_in_plain_words(script):
    script.outcomes['apply'] = errors.AuthorisationEnded('token expired')
    record()
    run()
    assert the_group().status_reason == (
        'Your authorisation ended before changing the stack: submit the '
        'request again.')


def test_what_is_known_of_a_failure_is_kept(script):
    script.outcomes['settle'] = kinds.StepFailed(
        'join: refused', kinds.Facts(cluster={'api_address': 'https://a'}))
    record()
    run()
    assert the_cluster().api_address == 'https://a'


def test_a_refused_apply_is_undone(monkeypatch):
    script = Script(monkeypatch, undo=changes.undo)
    script.outcomes['apply'] = errors.InfrastructureFailed('quota')
    record(changes={'ng': {'node_count': [1, 2]}})
    run()
    assert the_group().node_count == 1


def test_a_bug_lets_the_lease_lapse_and_fails_at_the_fourth_claim(script):
    script.outcomes['apply'] = RuntimeError('secret text')
    operation = record()
    for _ in range(3):
        conducting.make_ready()
        assert run().state == 'ACTIVE'
    conducting.make_ready()
    row = run()
    assert row.state == 'FAILED'
    assert the_group().status_reason == (
        f'Changing the stack failed three times because of an internal error. '
        f"Ask the operator to look for operation {operation.uuid} in the "
        f"conductor's log.")


def test_a_deadline_fails_the_operation_naming_the_step(script):
    script.outcomes['settle'] = kinds.Again(1, 'two nodes to go')
    record(timeout_seconds=600)
    run()
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .values(deadline=datetime.datetime(2000, 1, 1)))
    conducting.make_ready()
    assert run().state == 'FAILED'
    assert the_cluster().status_reason == (
        'default-worker failed: Waiting for the stack took too long. Last '
        'known state: two nodes to go')


def make_late(operation):
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .values(deadline=datetime.datetime(2000, 1, 1)))
    conducting.make_ready()


def test_what_succeeded_while_nobody_looked_does_not_fail(script):
    script.outcomes['settle'] = kinds.Again(1)
    operation = record(timeout_seconds=600)
    run()
    script.outcomes['settle'] = None
    make_late(operation)
    assert run().state == 'DONE'
    assert the_cluster().status == 'UPDATE_COMPLETE'


def test_what_is_late_when_it_begins_has_its_time_from_then_on(script):
    script.outcomes['settle'] = kinds.Again(1)
    operation = record(timeout_seconds=600)
    make_late(operation)
    row = run()
    assert (row.state, row.step) == ('ACTIVE', 'settle')
    assert row.deadline > models.utcnow()


def test_a_world_that_stays_away_too_long_fails_the_operation(script):
    script.outcomes['apply'] = errors.ServiceUnavailable('Heat is away')
    operation = record(timeout_seconds=600)
    run()
    make_late(operation)
    row = run()
    assert row.state == 'FAILED'
    assert row.error == ('Changing the stack took too long. Last known state: '
                         'Changing the stack: Heat is away')


@pytest.mark.parametrize('age, low, high', [(3, 0.5, 1.6), (30, 3, 4.1),
                                            (3000, 5, 6.1)])
def test_the_older_a_wait_the_rarer_the_looks(script, age, low, high):
    script.outcomes['settle'] = kinds.Again(0.5)
    record()
    run()
    conducting.make_ready()
    with db.writer() as session:
        began = (clock.now(session)
                 - datetime.timedelta(seconds=age))
        session.execute(sa.update(models.Operation)
                        .values(started_at=began))
    row = run()
    with db.reader() as session:
        wait = row.not_before - clock.now(session)
    # The time that has passed since is on the safe side.
    assert wait.total_seconds() <= high
    assert wait.total_seconds() > low - 3


def test_a_step_of_a_newer_release_is_given_back(script):
    record()
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(step='shore_up'))
    row = run()
    assert (row.state, row.owner, row.lapses) == ('ACTIVE', None, 0)
    with db.reader() as session:
        assert row.not_before > clock.now(session)
    assert script.calls == []


def test_a_notification_that_fails_repeats_nothing(script, monkeypatch):
    def fail(*args):
        raise RuntimeError('no bus')
    monkeypatch.setattr(notifications, 'wanted', lambda: True)
    monkeypatch.setattr(notifications, 'send', fail)
    record()
    assert run().state == 'DONE'
    assert script.calls == ['apply', 'settle']


def test_a_failure_has_its_code(script):
    script.outcomes['apply'] = errors.InfrastructureFailed(
        'no more cores', code='QUOTA_EXCEEDED')
    record()
    assert run().error_code == 'QUOTA_EXCEEDED'


def spoil(column, table='operation'):
    with db.writer() as session:
        session.execute(sa.text(f"UPDATE {table} SET {column} = '{{'"))


def test_a_cluster_that_cannot_be_read_fails_its_operation(script):
    record()
    spoil('labels', 'cluster')
    for _ in range(4):
        conducting.make_ready()
        row = run()
    assert row.state == 'FAILED'
    assert statuses() == {'UPDATE_FAILED'}


def test_an_operation_that_cannot_be_read_is_put_off_and_then_fails(script):
    operation = record()
    spoil('args')
    for attempt in range(4):
        runner.set_aside(registry.KINDS, operation.id, attempt)
    with db.reader() as session:
        row = session.execute(sa.select(
            models.Operation.state, models.Operation.error,
            models.Operation.error_code, models.Operation.attempt)).one()
    assert row.state == 'FAILED'
    assert operation.uuid in row.error
    assert row.error_code == 'INTERNAL_ERROR'
    assert statuses() == {'UPDATE_FAILED'}


def statuses():
    """Of the cluster and its group, whatever else can be read."""
    with db.reader() as session:
        return {session.scalar(sa.select(models.Cluster.status)),
                session.scalar(sa.select(models.NodeGroup.status))}


def test_a_cancelled_operation_does_nothing_more(script):
    def cancel(work):
        with db.writer() as session:
            journal.cancel(session, UUID)

    script.outcomes['apply'] = cancel
    record()
    operation = run()
    assert operation.state == 'CANCELLED'
    assert script.calls == ['apply']
    assert the_cluster().status == 'UPDATE_FAILED'
    assert the_group().status == 'UPDATE_FAILED'
    assert the_group().status_reason == runner.CANCELLED


def test_what_is_cancelled_for_another_leaves_the_status_to_that(script):
    def cancel(work):
        with db.writer() as session:
            journal.cancel(session, UUID)
            journal.record(session, 'play', UUID)

    script.outcomes['apply'] = cancel
    record()
    assert run().state == 'CANCELLED'
    assert the_cluster().status == 'UPDATE_IN_PROGRESS'


def test_a_queued_operation_keeps_the_cluster_in_progress(script):
    record()
    record()
    run()
    assert the_cluster().status == 'UPDATE_IN_PROGRESS'
    run()
    assert the_cluster().status == 'UPDATE_COMPLETE'


def test_a_status_that_has_moved_on_is_not_overwritten(script):
    def delete(work):
        with db.writer() as session:
            session.execute(sa.update(models.Cluster)
                            .values(status='DELETE_IN_PROGRESS'))

    script.outcomes['settle'] = delete
    record()
    run()
    assert the_cluster().status == 'DELETE_IN_PROGRESS'


def test_what_is_gone_is_forgotten(script):
    script.outcomes['settle'] = kinds.Facts(forget=True)
    record()
    assert run().state == 'DONE'
    assert the_cluster() is None
    assert the_group() is None


def test_an_operation_without_a_cluster_ends(script):
    record()
    with db.writer() as session:
        session.execute(sa.delete(models.Cluster))
    assert run().state == 'CANCELLED'


def test_a_stopping_conductor_gives_its_work_back(script):
    record()
    operation = conducting.run(stopping=lambda: True)
    row = stored(operation)
    assert (row.step, row.owner, row.state) == ('settle', None, 'ACTIVE')
    assert script.calls == ['apply']


def test_names_of_steps_stay_as_rows_hold_them():
    assert {name: [step.name for step in kind.steps]
            for name, kind in registry.KINDS.items()} == STEP_NAMES


def test_users_read_titles_and_no_names_of_functions():
    for kind in registry.KINDS.values():
        for step in kind.steps:
            assert '_' not in step.title, step
            assert step.title.split()[0].endswith('ing'), step


def add_group(uuid, status='UPDATE_IN_PROGRESS'):
    with db.writer() as session:
        session.add(models.NodeGroup(
            uuid=uuid, name=f'own-{uuid}', cluster_id=UUID, project_id='p',
            role='worker', is_default=False, node_count=1, status=status))


@pytest.fixture
def two_lanes(monkeypatch):
    """Operations on two groups; those on `bad` fail."""
    def settle(work):
        if work.operation.nodegroup_uuid == 'bad':
            raise errors.InfrastructureFailed('no room')

    monkeypatch.setattr(registry, 'KINDS', kinds.table(kinds.Kind(
        name='play', action='UPDATE', has_lane=True,
        nodegroups=lambda work: [work.operation.nodegroup_uuid],
        steps=(kinds.Step('settle', 'waiting for the stack', settle),))))
    for uuid in ('bad', 'good'):
        add_group(uuid)
        record(nodegroup_uuid=uuid, lane=journal.lane_of(UUID, uuid))


def test_the_last_lane_closes_the_cluster_with_what_others_met(two_lanes):
    assert run().state == 'FAILED'
    assert the_cluster().status == 'UPDATE_IN_PROGRESS'
    assert run().state == 'DONE'
    assert the_cluster().status == 'UPDATE_FAILED'
    assert the_cluster().status_reason == 'own-bad failed'


def test_a_lane_that_succeeds_closes_only_its_group(two_lanes):
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .where(models.Operation.nodegroup_uuid == 'bad')
                        .values(not_before=datetime.datetime(2100, 1, 1)))
    assert run().state == 'DONE'
    with db.reader() as session:
        statuses = dict(session.execute(
            sa.select(models.NodeGroup.uuid, models.NodeGroup.status)
            .where(models.NodeGroup.uuid != 'ng')).all())
    assert statuses == {'good': 'UPDATE_COMPLETE',
                        'bad': 'UPDATE_IN_PROGRESS'}
    assert the_cluster().status == 'UPDATE_IN_PROGRESS'


def test_only_a_group_with_a_stack_of_its_own_has_a_lane():
    kind = kinds.Kind(name='play', action='UPDATE', has_lane=True,
                      nodegroups=kinds.named_group, steps=())
    own = models.NodeGroup(uuid='own', is_default=False)
    default = models.NodeGroup(uuid='default', is_default=True)
    assert kind.lane('c', own) == 'c/own'
    assert kind.lane('c', default) == kind.lane('c') == 'c'
    plain = dataclasses.replace(kind, has_lane=False)
    assert plain.lane('c', own) == 'c'
