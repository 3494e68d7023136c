# SPDX-License-Identifier: Apache-2.0
"""Claims of what is due, on every database there is."""

from concurrent import futures
import datetime
import threading

import pytest
import sqlalchemy as sa

from magnum.db import conditions
from magnum.db import models
from magnum.db import polls
from magnum.db import session as db
from magnum.tests import factories

pytestmark = pytest.mark.usefixtures('database')

LONG_AGO = datetime.datetime(2000, 1, 1)


def rows():
    with db.reader() as session:
        return {row.subject: row for row in session.scalars(
            sa.select(models.Poll))}


def make_due():
    with db.writer() as session:
        session.execute(sa.update(models.Poll).values(next_at=LONG_AGO))


def claim(owner='one', limit=10, lease=60, **more):
    return sorted(polls.claim('health', limit, owner, lease, **more))


def test_what_is_new_is_due_and_what_has_gone_is_dropped():
    polls.enrol('health', {'a', 'b'})
    polls.enrol('stacks', {'p'})
    polls.enrol('health', {'b', 'c'})
    assert sorted(rows()) == ['b', 'c', 'p']
    assert claim() == ['b', 'c']


def test_thousands_are_enrolled():
    polls.enrol('health', {f'c{number}' for number in range(1201)})
    assert len(rows()) == 1201
    polls.enrol('health', set())
    assert not rows()


def test_what_is_claimed_is_nobody_elses():
    polls.enrol('health', {'a', 'b'})
    assert claim('one') == ['a', 'b']
    assert claim('two') == []
    assert claim('one') == []


def test_a_claim_that_was_given_up_is_made_by_another():
    polls.enrol('health', {'a'})
    claim('one', lease=-1)
    assert claim('two') == ['a']
    with db.writer() as session:
        assert not polls.hold(session, 'health', 'a', 'one')
        assert polls.hold(session, 'health', 'a', 'two')
    # Whoever was thought dead changes nothing.
    polls.finish('health', ['a'], 'one', -1)
    assert claim('three') == []


def test_what_was_looked_at_is_due_after_a_while():
    polls.enrol('health', {'a', 'b'})
    claim('one')
    polls.finish('health', ['a'], 'one', -1)
    polls.finish('health', ['b'], 'one', 60)
    assert claim('two') == ['a']
    with db.reader() as session:
        assert 50 < polls.seconds_to_next(session, 'health') <= 60
        assert polls.seconds_to_next(session, 'stacks') is None


def test_who_waits_longest_comes_first():
    polls.enrol('health', {f'c{number}' for number in range(20)})
    old = {'c3', 'c7', 'c12', 'c19'}
    with db.writer() as session:
        session.execute(sa.update(models.Poll)
                        .where(models.Poll.subject.in_(sorted(old)))
                        .values(next_at=LONG_AGO))
    # One of a few, so that two conductors seldom want the same.
    assert claim(limit=1)[0] in old


def test_what_the_caller_has_is_left_out():
    polls.enrol('health', {'a', 'b'})
    assert claim(but={'a'}) == ['b']


def test_what_is_claimed_cannot_be_hastened():
    polls.enrol('health', {'a', 'b'})
    claim('one')
    polls.finish('health', ['b'], 'one', 60)
    with db.writer() as session:
        assert polls.hasten(session, 'health', 'a')
        assert polls.hasten(session, 'health', 'b')
        assert not polls.hasten(session, 'health', 'c')
    assert claim('two') == ['b']


def test_many_conductors_share_and_do_not_double(database):
    polls.enrol('health', {f'c{number:03}' for number in range(300)})
    taken, lock = [], threading.Lock()

    def work(owner):
        for _ in range(40):
            found = claim(owner, limit=10)
            with lock:
                taken.extend(found)
    with futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, 'abcd'))
    assert sorted(taken) == [f'c{number:03}' for number in range(300)]


def test_many_conductors_enrol_at_once(database):
    wanted = {f'c{number:03}' for number in range(60)}
    with futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: polls.enrol('health', wanted), range(8)))
    assert set(rows()) == wanted


def test_a_condition_knows_since_when_it_is_so():
    cluster = factories.cluster()
    old = datetime.datetime(2020, 1, 1)
    with db.writer() as session:
        conditions.write(session, cluster.uuid, {
            'NodesReady': conditions.Finding('True', 'READY')})
        session.execute(sa.update(models.Condition).values(since=old))
    for status, message in (('True', 'other words'), ('False', 'node-0')):
        with db.writer() as session:
            conditions.write(session, cluster.uuid, {
                'NodesReady': conditions.Finding(status, 'X', message,
                                                 {'a': 'b'})})
        with db.reader() as session:
            row = conditions.of(session, [cluster.uuid])[cluster.uuid][
                'NodesReady']
        assert (row.status, row.code, row.message, row.previous) == (
            status, 'X', message, {'a': 'b'})
        assert (row.since == old) is (status == 'True')
    assert conditions.Finding('False', 'X', 'node-0', {'a': 'b'}).is_known(
        row)
    assert not conditions.Finding('False', 'X').is_known(row)
    assert not conditions.Finding('False', 'X').is_known(None)
