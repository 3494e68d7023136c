# SPDX-License-Identifier: Apache-2.0
"""What is due to be looked at, and who does it: shared by all conductors.

Each row is one thing of one kind: the health of a cluster, the stacks of a
project.  A claim is a compare-and-swap on `next_at`: who moves it beyond now
has the row until then, and whoever comes later finds nothing due.  It needs no
lock but that of the UPDATE itself, and holds on SQLite, MariaDB with Galera
and PostgreSQL.  The clock is the database's.

Its rows follow those of other tables (`enrol`), instead of being written with
them: what is looked at is not worth a failure of a request.
"""

from collections.abc import Collection
from collections.abc import Sequence
import datetime
import random

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import clock
from magnum.db import models
from magnum.db import session as db
from magnum.db import statements

Poll = models.Poll

HEALTH = 'health'
STACKS = 'stacks'

# How many rows a statement inserts or names.
CHUNK = 500

# Two that look at the same time should not want the same rows.
CHOICE = 4


@db.undeadlocked
def enrol(kind: str, wanted: Collection[str]) -> None:
    """Have just these looked at: add what is new, drop what has gone.

    What is new is due at once.
    """
    with db.reader() as session:
        present = set(session.scalars(
            sa.select(Poll.subject).where(Poll.kind == kind)))
    for subjects in _chunks(present - set(wanted)):
        _drop(kind, subjects)
    for subjects in _chunks(set(wanted) - present):
        try:
            _add(kind, subjects)
        except db_exc.DBDuplicateEntry:
            # Another conductor does the same: it is there, or will be.
            _add_singly(kind, subjects)


def _chunks(subjects: set[str]) -> list[list[str]]:
    ordered = sorted(subjects)
    return [ordered[start:start + CHUNK]
            for start in range(0, len(ordered), CHUNK)]


@db.undeadlocked
def _drop(kind: str, subjects: Sequence[str]) -> None:
    with db.writer(begins_with_write=True) as session:
        statements.execute(session, sa.delete(Poll).where(
            Poll.kind == kind, Poll.subject.in_(subjects)))


@db.undeadlocked
def _add(kind: str, subjects: Sequence[str]) -> None:
    with db.writer(begins_with_write=True) as session:
        session.execute(
            sa.insert(Poll).values(next_at=clock.utc_now()),
            [{'kind': kind, 'subject': subject} for subject in subjects])


def _add_singly(kind: str, subjects: Sequence[str]) -> None:
    for subject in subjects:
        try:
            _add(kind, [subject])
        except db_exc.DBDuplicateEntry:
            continue


@db.undeadlocked
def claim(kind: str, limit: int, owner: str, lease_seconds: float,
          but: Collection[str] = ()) -> list[str]:
    """Claim what is due, at most `limit`; who waits longest comes first.

    :param but: what the caller still has from before.
    """
    with db.reader() as session:
        due = list(session.scalars(
            sa.select(Poll.subject)
            .where(Poll.kind == kind, Poll.next_at <= clock.now(session))
            .order_by(Poll.next_at).limit(limit * CHOICE + len(but))))
    due = [subject for subject in due if subject not in but]
    if not due:
        return []
    chosen = random.sample(due, min(limit, len(due)))
    with db.writer() as session:
        now = clock.now(session)
        mine = (Poll.kind == kind, Poll.subject.in_(sorted(chosen)))
        lease = now + datetime.timedelta(seconds=lease_seconds)
        claimed = statements.execute(
            session, sa.update(Poll).where(*mine, Poll.next_at <= now)
            .values(next_at=lease, owner=owner))
        if claimed == len(chosen):
            return chosen
        return list(session.scalars(sa.select(Poll.subject).where(
            *mine, Poll.owner == owner, Poll.next_at == lease)))


def hold(session: orm.Session, kind: str, subject: str, owner: str) -> bool:
    """Whether the caller still has it; then nobody takes it, nor drops it,
    until the transaction ends.
    """
    return bool(statements.execute(
        session, sa.update(Poll)
        .where(Poll.kind == kind, Poll.subject == subject,
               Poll.owner == owner)
        .values(owner=owner)))


@db.undeadlocked
def finish(kind: str, subjects: Collection[str], owner: str,
           seconds: float) -> None:
    """They were looked at, and are due again in so many seconds."""
    with db.writer() as session:
        due = clock.now(session) + datetime.timedelta(seconds=seconds)
        statements.execute(
            session, sa.update(Poll)
            .where(Poll.kind == kind, Poll.subject.in_(sorted(subjects)),
                   Poll.owner == owner).values(next_at=due, owner=None))


def hasten(session: orm.Session, kind: str, subject: str) -> bool:
    """Make it due now, unless it is claimed; False: it is not looked at.

    Nobody drops the row until the transaction ends.
    """
    return bool(statements.execute(
        session, sa.update(Poll)
        .where(Poll.kind == kind, Poll.subject == subject)
        .values(next_at=sa.case((Poll.owner.is_(None), clock.utc_now()),
                                else_=Poll.next_at))))


def forget(session: orm.Session, kind: str, subject: str) -> None:
    """Look at it no more; whoever is looking writes nothing then."""
    statements.execute(session, sa.delete(Poll).where(
        Poll.kind == kind, Poll.subject == subject))


def seconds_to_next(session: orm.Session, kind: str) -> float | None:
    """How long until something is due; None: there is nothing."""
    due = session.scalar(sa.select(sa.func.min(Poll.next_at))
                         .where(Poll.kind == kind))
    if due is None:
        return None
    return max(0.0, (due - clock.now(session)).total_seconds())
