# SPDX-License-Identifier: Apache-2.0
"""The durable list of work: every change to a cluster is one operation row.

The row is written in the transaction that changes the resource, so no
resource ever waits for work that nobody knows about.  A conductor claims a row
with a lease; when the lease runs out any conductor may claim it again, and
goes on from the last step that was checked off.

Rules for callers:

* Touch, then record.  Change the cluster's row first, then `record`: the row's
  lock makes the ids of one cluster's operations commit in order.
* Commit, then hint (`magnum.rpc.hint`).  A lost hint costs one poll interval.
* Every write of a claimed operation says `attempt = mine`; who holds an older
  value gets `LeaseLost`, and its transaction must be rolled back.

Only compare-and-swap updates are used, no `SELECT ... FOR UPDATE` and no
`SKIP LOCKED`, so that it holds on SQLite, Galera and PostgreSQL alike.
"""

from collections.abc import Collection
import datetime
from typing import cast
import uuid

import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy import orm
from sqlalchemy.sql import functions

from magnum.db import models

ACTIVE, DONE, FAILED, CANCELLED = 'ACTIVE', 'DONE', 'FAILED', 'CANCELLED'

Operation = models.Operation


class LeaseLost(Exception):
    """Another conductor has taken the operation over; write nothing more."""


def record(session: orm.Session, kind: str, cluster_uuid: str, *,
           args: dict | None = None, timeout_seconds: float | None = None,
           sealed_token: str | None = None, request_id: str | None = None,
           user_id: str | None = None,
           project_id: str | None = None) -> Operation:
    """Add an operation to the caller's transaction.

    :param args: what was asked; ids and plain values, never a secret.
    :param timeout_seconds: after so long the operation fails, naming the step
        that it waited in; None: never.
    """
    now = database_time(session)
    deadline = (None if timeout_seconds is None
                else now + datetime.timedelta(seconds=timeout_seconds))
    operation = Operation(
        uuid=str(uuid.uuid4()), kind=kind, args=args,
        cluster_uuid=cluster_uuid, not_before=now, deadline=deadline,
        sealed_token=sealed_token, request_id=request_id, user_id=user_id,
        project_id=project_id)
    session.add(operation)
    session.flush()
    return operation


def cancel(session: orm.Session, cluster_uuid: str,
           only: Collection[int] | None = None) -> None:
    """Ask the cluster's operations to stop: now if idle, else at a step.

    :param only: the ids of those that are meant; None: all.
    """
    which = [Operation.cluster_uuid == cluster_uuid,
             Operation.state == ACTIVE]
    if only is not None:
        which.append(Operation.id.in_(only))
    session.execute(
        sa.update(Operation)
        .where(*which)
        .values(cancelled=True,
                not_before=sa.case(
                    (Operation.owner.is_(None), database_time(session)),
                    else_=Operation.not_before))
        .execution_options(synchronize_session=False))


def others(session: orm.Session, operation: Operation) -> list[Operation]:
    """The cluster's other operations that have not ended, oldest first."""
    return list(session.scalars(
        sa.select(Operation)
        .where(Operation.cluster_uuid == operation.cluster_uuid,
               Operation.state == ACTIVE, Operation.id != operation.id)
        .order_by(Operation.id)))


def active(session: orm.Session, cluster_uuid: str,
           kind: str | None = None) -> list[Operation]:
    """The cluster's operations that have not ended, oldest first."""
    query = (sa.select(Operation)
             .where(Operation.cluster_uuid == cluster_uuid,
                    Operation.state == ACTIVE)
             .order_by(Operation.id))
    if kind:
        query = query.where(Operation.kind == kind)
    return list(session.scalars(query))


def ready(session: orm.Session, kinds: list[str],
          limit: int = 20) -> list[tuple[int, int]]:
    """(id, attempt) of the operations that may be claimed, oldest first."""
    rows = session.execute(
        sa.select(Operation.id, Operation.attempt)
        .where(*_claimable(kinds),
               Operation.not_before <= database_time(session))
        .order_by(Operation.id).limit(limit))
    return [(row.id, row.attempt) for row in rows]


def seconds_to_next(session: orm.Session, kinds: list[str]) -> float | None:
    """How long until the next one may be claimed; None: there is none."""
    due = session.scalar(sa.select(sa.func.min(Operation.not_before))
                         .where(*_claimable(kinds)))
    if due is None:
        return None
    return max(0.0, (due - database_time(session)).total_seconds())


def _claimable(kinds: list[str]) -> tuple:
    """Active, of a kind that we know, and the oldest of its cluster."""
    earlier = orm.aliased(Operation)
    queued_behind_another = sa.exists().where(
        earlier.cluster_uuid == Operation.cluster_uuid,
        earlier.state == ACTIVE, earlier.id < Operation.id)
    return (Operation.state == ACTIVE, Operation.kind.in_(kinds),
            ~queued_behind_another)


def claim(session: orm.Session, operation_id: int, attempt: int, owner: str,
          lease_seconds: float) -> Operation | None:
    """Take the lease; None when another was faster.

    An IntegrityError says that the cluster is being worked on; the caller
    rolls back and goes on, as with None.
    """
    now = database_time(session)
    claimed = session.execute(
        sa.update(Operation)
        .where(Operation.id == operation_id, Operation.state == ACTIVE,
               Operation.attempt == attempt)
        .values(attempt=attempt + 1, lapses=Operation.lapses + 1,
                owner=owner, running_on=Operation.cluster_uuid,
                started_at=sa.func.coalesce(Operation.started_at, now),
                not_before=now + datetime.timedelta(seconds=lease_seconds))
        .execution_options(synchronize_session=False))
    if not _count(claimed):
        return None
    return session.get(Operation, operation_id, populate_existing=True)


def renew(session: orm.Session, operation: Operation,
          lease_seconds: float) -> None:
    """Keep the lease for another `lease_seconds`."""
    _write(session, operation, not_before=_from_now(session, lease_seconds))


def check_off(session: orm.Session, operation: Operation,
              next_step: str) -> Operation:
    """Note that everything before `next_step` is done; the row as it is now.

    Look at `cancelled` in what comes back before doing the next step.
    """
    _write(session, operation, step=next_step, lapses=0, refusals=0)
    return session.get(Operation, operation.id, populate_existing=True)


def put_off(session: orm.Session, operation: Operation, seconds: float,
            refused: bool = False) -> None:
    """Give the lease back; anyone may go on after `seconds`.

    `running_on` stays: the cluster's next operation waits for this one.

    `seconds` is rounded up so that many such waits end in the same round, and
    one look at the world serves them all.

    :param refused: the wait is for a world that is not ready, not for work
        under way; counted, so that the next wait can be longer.
    """
    until = _from_now(session, seconds)
    if seconds:
        until = until.replace(microsecond=0) + datetime.timedelta(seconds=1)
    _write(session, operation, owner=None, lapses=0,
           refusals=Operation.refusals + 1 if refused else 0,
           not_before=until)


def finish(session: orm.Session, operation: Operation, state: str,
           error: str | None = None) -> None:
    """Close the operation and let the cluster's next one run."""
    _write(session, operation, state=state, error=error, owner=None,
           running_on=None, sealed_token=None,
           finished_at=database_time(session))


def _write(session: orm.Session, operation: Operation, **values) -> None:
    written = session.execute(
        sa.update(Operation)
        .where(Operation.id == operation.id, Operation.state == ACTIVE,
               Operation.attempt == operation.attempt)
        .values(**values).execution_options(synchronize_session=False))
    if not _count(written):
        raise LeaseLost(operation.uuid)


def _count(result: sa.Result) -> int:
    """How many rows an UPDATE found."""
    return cast(sa.CursorResult, result).rowcount


class _utc_now(functions.FunctionElement):
    """The database's clock: UTC, better than seconds, not transaction time."""

    type = sa.DateTime()
    inherit_cache = True


@compiler.compiles(_utc_now, 'mysql')
@compiler.compiles(_utc_now, 'mariadb')
def _utc_now_mysql(element, compiler, **kw):
    return 'UTC_TIMESTAMP(6)'


@compiler.compiles(_utc_now, 'postgresql')
def _utc_now_postgresql(element, compiler, **kw):
    return "TIMEZONE('utc', CLOCK_TIMESTAMP())"


@compiler.compiles(_utc_now, 'sqlite')
def _utc_now_sqlite(element, compiler, **kw):
    return "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"


def database_time(session: orm.Session) -> datetime.datetime:
    """The database's clock, so that conductors need not agree on the time."""
    return session.scalar(sa.select(_utc_now()))


def _from_now(session: orm.Session, seconds: float) -> datetime.datetime:
    return database_time(session) + datetime.timedelta(seconds=seconds)
