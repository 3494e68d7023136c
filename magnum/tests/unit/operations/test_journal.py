# SPDX-License-Identifier: Apache-2.0
"""The journal, on every database there is."""

import datetime

from oslo_db import exception as db_exception
import pytest
import sqlalchemy as sa

from magnum.db import clock
from magnum.db import models
from magnum.db import session as db
from magnum.operations import journal

pytestmark = pytest.mark.usefixtures('database')

KINDS = ['dig', 'fill']


def record(kind='dig', cluster='c1', **more):
    with db.writer() as session:
        return journal.record(session, kind, cluster, **more)


def ready():
    with db.reader() as session:
        return journal.ready(session, KINDS)


def claim(owner='one', lease=60):
    """Claim the first that is ready; None when there is none."""
    for operation_id, attempt in ready():
        with db.writer() as session:
            return journal.claim(session, operation_id, attempt, owner, lease)
    return None


def write(function, *args, **kwargs):
    with db.writer() as session:
        return function(session, *args, **kwargs)


def let_the_lease_end(operation):
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .where(models.Operation.id == operation.id)
                        .values(not_before=datetime.datetime(2000, 1, 1)))


def stored(operation):
    with db.reader() as session:
        return session.get(models.Operation, operation.id)


def test_a_recorded_operation_can_be_claimed_once():
    recorded = record(args={'size': 3})
    (operation_id, attempt), = ready()
    first = write(journal.claim, operation_id, attempt, 'one', 60)
    second = write(journal.claim, operation_id, attempt, 'two', 60)
    assert first.uuid == recorded.uuid
    assert first.args == {'size': 3}
    assert second is None
    assert ready() == []


def test_an_unknown_kind_is_left_alone():
    record(kind='fly')
    assert ready() == []
    assert write(journal.seconds_to_next, KINDS) is None


def test_operations_of_one_cluster_come_one_at_a_time_oldest_first():
    first, second = record(), record(kind='fill')
    other = record(cluster='c2')
    assert [uuid for uuid, _ in ready()] == [first.id, other.id]
    claimed = claim()
    assert claimed.id == first.id
    write(journal.finish, claimed, journal.DONE)
    assert [uuid for uuid, _ in ready()] == [second.id, other.id]


def test_the_database_forbids_two_running_operations_of_a_cluster():
    _, second = record(), record()
    claim()
    with pytest.raises(db_exception.DBDuplicateEntry):
        write(journal.claim, second.id, 0, 'two', 60)


def test_what_is_queued_is_no_reason_to_look_again():
    record()
    record()
    claim(lease=60)
    assert 50 < write(journal.seconds_to_next, KINDS) <= 60


def test_a_lapsed_lease_can_be_taken_over_at_the_same_step():
    record()
    lost = claim('one')
    write(journal.check_off, lost, 'second')
    let_the_lease_end(lost)
    taken = claim('two')
    assert (taken.owner, taken.step, taken.attempt) == ('two', 'second', 2)


def test_a_zombie_writes_nothing():
    record()
    zombie = claim('one')
    let_the_lease_end(zombie)
    claim('two')
    for function, args in ((journal.check_off, ('next',)),
                           (journal.put_off, (5,)), (journal.renew, (60,)),
                           (journal.finish, (journal.DONE,))):
        with pytest.raises(journal.LeaseLost):
            write(function, zombie, *args)
    row = stored(zombie)
    assert (row.owner, row.state, row.step) == ('two', 'ACTIVE', None)


def test_a_put_off_operation_waits_and_keeps_its_cluster():
    record()
    record()
    operation = claim()
    write(journal.put_off, operation, 30)
    assert ready() == []
    row = stored(operation)
    assert row.owner is None
    assert row.running_on == 'c1'


def test_waits_end_in_whole_seconds_so_that_they_end_together():
    record()
    operation = claim()
    write(journal.put_off, operation, 0.5)
    until = stored(operation).not_before
    assert until.microsecond == 0
    with db.reader() as session:
        away = until - clock.now(session)
    assert 0 < away.total_seconds() <= 1.5


def test_lapses_are_counted_until_there_is_progress():
    record()
    for lapses in (1, 2, 3):
        operation = claim()
        assert operation.lapses == lapses
        let_the_lease_end(operation)
    operation = claim()
    write(journal.check_off, operation, 'second')
    assert stored(operation).lapses == 0


def test_refusals_are_counted_until_there_is_progress():
    record()
    for refusals in (0, 1, 2):
        operation = claim()
        assert operation.refusals == refusals
        write(journal.put_off, operation, 0, refused=True)
    write(journal.put_off, operation, 0)
    assert stored(operation).refusals == 0


def test_cancelling_wakes_what_waits_and_leaves_a_lease_alone():
    waiting, running = record(), record(cluster='c2')
    operation = claim()
    write(journal.put_off, operation, 600)
    claim()
    write(journal.cancel, 'c1')
    write(journal.cancel, 'c2')
    assert [uuid for uuid, _ in ready()] == [waiting.id]
    assert stored(running).cancelled
    assert write(journal.check_off, stored(running), 'next').cancelled


def test_an_ended_operation_keeps_no_token():
    record(sealed_token='sealed')
    operation = claim()
    write(journal.finish, operation, journal.FAILED, 'it broke')
    row = stored(operation)
    assert (row.state, row.error, row.sealed_token, row.running_on) == (
        'FAILED', 'it broke', None, None)


def seconds_left(operation):
    with db.reader() as session:
        left = stored(operation).deadline - clock.now(session)
    return left.total_seconds()


def test_a_time_limit_counts_from_the_first_claim():
    operation = record(timeout_seconds=90)
    assert stored(operation).deadline is None
    claim()
    assert 85 < seconds_left(operation) <= 90.5


def test_a_later_claim_does_not_prolong_the_time():
    operation = record(timeout_seconds=90)
    claim()
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            deadline=datetime.datetime(2000, 1, 1),
            not_before=datetime.datetime(2000, 1, 1)))
    claim()
    assert seconds_left(operation) < 0


def test_each_step_has_the_time_for_itself():
    operation = record(timeout_seconds=90)
    claimed = claim()
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            deadline=datetime.datetime(2000, 1, 1)))
    write(journal.check_off, claimed, 'second')
    assert 85 < seconds_left(operation) <= 90.5


def test_the_deadline_of_the_release_before_stands():
    operation = record()
    with db.writer() as session:
        session.execute(sa.update(models.Operation).values(
            deadline=datetime.datetime(2000, 1, 1)))
    assert claim().deadline == datetime.datetime(2000, 1, 1)
    assert seconds_left(operation) < 0


def set_wait(operation, second):
    """Due since that second of the year 2000."""
    with db.writer() as session:
        session.execute(
            sa.update(models.Operation)
            .where(models.Operation.id == operation.id)
            .values(not_before=datetime.datetime(2000, 1, 1, 0, 0, second)))


def test_who_has_waited_longest_comes_first():
    first, second, third = (record(cluster=name) for name in 'abc')
    set_wait(first, 30)
    set_wait(second, 10)
    set_wait(third, 20)
    assert [id for id, _ in ready()] == [second.id, third.id, first.id]


def test_the_first_of_each_project_comes_before_the_second_of_any():
    mine = [record(cluster=f'c{number}', project_id='many')
            for number in range(3)]
    other = record(cluster='d', project_id='one')
    nobody = record(cluster='e')
    for second, operation in enumerate([*mine, other, nobody]):
        set_wait(operation, second)
    assert [id for id, _ in ready()] == [
        mine[0].id, other.id, nobody.id, mine[1].id, mine[2].id]
    with db.reader() as session:
        limited = journal.candidates(session, KINDS, 3)
        others = journal.candidates(session, KINDS, 3, but=[mine[0].id])
    assert [one.id for one in limited] == [mine[0].id, other.id, nobody.id]
    assert [(one.id, one.place) for one in others] == [
        (mine[1].id, 1), (other.id, 1), (nobody.id, 1)]


def test_a_step_of_a_newer_release_is_left_alone():
    record()
    write(journal.check_off, claim(), 'shore_up')
    set_wait(stored_only(), 0)
    known = {'dig': ['start', 'end']}
    assert write(journal.ready, known) == []
    assert write(journal.seconds_to_next, known) is None
    assert len(write(journal.ready, {'dig': ['start', 'shore_up']})) == 1


def stored_only():
    with db.reader() as session:
        return session.scalars(sa.select(models.Operation)).one()


def test_the_clock_is_utc():
    with db.reader() as session:
        now = clock.now(session)
    utc = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert abs((now - utc).total_seconds()) < 5


def lanes(*groups):
    """An operation for each group; None: of the whole cluster."""
    return [record(lane=journal.lane_of('c1', group), nodegroup_uuid=group)
            for group in groups]


def ready_ids():
    return [operation_id for operation_id, _ in ready()]


def finish(operation):
    with db.writer() as session:
        journal.finish(session, operation, journal.DONE)


def test_groups_with_lanes_of_their_own_are_worked_on_side_by_side():
    one, two, again = lanes('g1', 'g2', 'g1')
    assert ready_ids() == [one.id, two.id]
    first, second = claim(), claim()
    assert (first.id, second.id) == (one.id, two.id)
    assert (first.running_on, second.running_on) == ('g1', 'g2')
    assert ready_ids() == []
    finish(first)
    assert ready_ids() == [again.id]


def test_the_whole_cluster_waits_for_all_lanes_and_holds_them():
    one, two, whole, three = lanes('g1', 'g2', None, 'g3')
    first, second = claim(), claim()
    finish(first)
    assert ready_ids() == []
    finish(second)
    assert ready_ids() == [whole.id]
    last = claim()
    assert last.running_on == 'c1'
    assert ready_ids() == []
    finish(last)
    assert ready_ids() == [three.id]


def test_the_database_forbids_two_running_operations_of_a_lane():
    _, second = lanes('g1', 'g1')
    claim()
    with pytest.raises(db_exception.DBDuplicateEntry):
        write(journal.claim, second.id, 0, 'two', 60)


@pytest.mark.parametrize('old_first', [True, False])
def test_no_lane_is_that_of_the_whole_cluster(old_first):
    """As the release before writes it."""
    groups = [None, 'g1'] if old_first else ['g1', None]
    operations = lanes(*groups)
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .where(models.Operation.nodegroup_uuid.is_(None))
                        .values(lane=None))
    assert ready_ids() == [operations[0].id]
    finish(claim())
    assert claim().running_on == ('g1' if old_first else 'c1')


def test_a_lane_is_taken_over_as_a_cluster_is():
    one, two = lanes('g1', 'g2')
    lost, kept = claim('one'), claim('one')
    let_the_lease_end(lost)
    taken = claim('two')
    assert (taken.id, taken.owner, taken.running_on) == (one.id, 'two', 'g1')
    assert stored(kept).owner == 'one'
    with pytest.raises(journal.LeaseLost):
        write(journal.check_off, lost, 'next')
