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
from collections.abc import Mapping
import datetime
from typing import Any
from typing import cast
from typing import NamedTuple

from oslo_utils import uuidutils
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import clock
from magnum.db import models

ACTIVE, DONE, FAILED, CANCELLED = 'ACTIVE', 'DONE', 'FAILED', 'CANCELLED'

# The code of what somebody told to stop.
ABORTED = 'ABORTED'

Operation = models.Operation

# The names of kinds, or a mapping from them to the names of their steps.
Known = Collection[str] | Mapping[str, Collection[str]]


class LeaseLost(Exception):
    """Another conductor has taken the operation over; write nothing more."""


def record(session: orm.Session, kind: str, cluster_uuid: str, *,
           uuid: str | None = None, lane: str | None = None,
           cluster_project_id: str | None = None,
           nodegroup_uuid: str | None = None, changes: dict | None = None,
           args: dict | None = None, timeout_seconds: float | None = None,
           sealed_token: str | None = None, request_id: str | None = None,
           user_id: str | None = None,
           project_id: str | None = None) -> Operation:
    """Add an operation to the caller's transaction.

    :param lane: what the operation keeps to itself, as `lane_of` gives it;
        None: the whole cluster.
    :param uuid: its own, where that must be known before.
    :param cluster_project_id: whose cluster it is; None: `project_id`'s.
    :param nodegroup_uuid: the group that it is about, if it is about one.
    :param changes: what the request wrote, and what was there before; see
        `magnum.operations.changes`.
    :param args: what else was asked; ids and plain values, never a secret.
    :param timeout_seconds: how long each step may take, from the first claim
        on: time in the queue does not count.  Then the operation fails,
        naming the step; None: never.
    """
    operation = Operation(
        uuid=uuid or uuidutils.generate_uuid(), kind=kind, args=args,
        lane=lane or cluster_uuid, nodegroup_uuid=nodegroup_uuid,
        changes=changes, cluster_uuid=cluster_uuid,
        cluster_project_id=cluster_project_id or project_id,
        not_before=clock.utc_now(),
        timeout_seconds=_whole(timeout_seconds),
        sealed_token=sealed_token, request_id=request_id, user_id=user_id,
        project_id=project_id)
    session.add(operation)
    session.flush()
    return operation


def _whole(seconds: float | None) -> int | None:
    """As the column holds it; more than 68 years are as good as for ever."""
    return None if seconds is None else min(int(seconds), 2 ** 31 - 1)


def lane_of(cluster_uuid: str, nodegroup_uuid: str | None = None) -> str:
    """The lane of a cluster, or that of one of its groups.

    Operations in one lane come one at a time, oldest first.  One in the lane
    of the cluster waits for all that are older, and all that are younger wait
    for it.
    """
    if nodegroup_uuid is None:
        return cluster_uuid
    return f'{cluster_uuid}/{nodegroup_uuid}'


def cancel(session: orm.Session, cluster_uuid: str,
           only: Collection[int] | None = None, **why: str) -> None:
    """Ask the cluster's operations to stop: now if idle, else at a step.

    :param only: the ids of those that are meant; None: all.
    :param why: `error` and `error_code`, where that is to be told.
    """
    which = [Operation.cluster_uuid == cluster_uuid,
             Operation.state == ACTIVE]
    if only is not None:
        which.append(Operation.id.in_(only))
    session.execute(
        sa.update(Operation)
        .where(*which)
        .values(cancelled=True, **why,
                not_before=sa.case(
                    (Operation.owner.is_(None), clock.now(session)),
                    else_=Operation.not_before))
        .execution_options(synchronize_session=False))


def queued_behind(session: orm.Session,
                  operation: Operation) -> list[Operation]:
    """The cluster's other operations that have not ended, oldest first.

    Their tokens are not read.
    """
    return list(session.scalars(
        _active(operation.cluster_uuid).where(Operation.id != operation.id)))


def active(session: orm.Session, cluster_uuid: str,
           kind: str | None = None) -> list[Operation]:
    """The cluster's operations that have not ended, oldest first.

    Their tokens are not read.
    """
    query = _active(cluster_uuid)
    if kind:
        query = query.where(Operation.kind == kind)
    return list(session.scalars(query))


def is_busy(session: orm.Session, cluster_uuid: str) -> bool:
    """Whether any operation of the cluster has not ended."""
    return session.scalar(
        sa.select(Operation.id)
        .where(Operation.cluster_uuid == cluster_uuid,
               Operation.state == ACTIVE).limit(1)) is not None


class Candidate(NamedTuple):
    """An operation that may be claimed, as little of it as is always legible.

    `place` is its place in its project's own line, 1 is the first.
    """

    id: int
    attempt: int
    project_id: str | None
    place: int


def _active(cluster_uuid: str | None) -> sa.Select:
    return (sa.select(Operation)
            .where(Operation.cluster_uuid == cluster_uuid,
                   Operation.state == ACTIVE)
            .options(orm.defer(Operation.sealed_token))
            .order_by(Operation.id))


def count_active(session: orm.Session, cluster_uuid: str) -> int:
    """How many operations of the cluster have not ended."""
    return session.scalar(
        sa.select(sa.func.count(Operation.id))
        .where(Operation.cluster_uuid == cluster_uuid,
               Operation.state == ACTIVE)) or 0


def find(session: orm.Session, uuid: str) -> Operation | None:
    """The operation of that uuid, whatever became of it."""
    return session.scalar(sa.select(Operation).where(Operation.uuid == uuid))


def withdraw(session: orm.Session, operation: Operation, why: str,
             code: str | None = None) -> bool:
    """End an operation that has not begun; whether it still had not."""
    withdrawn = session.execute(
        sa.update(Operation)
        .where(Operation.id == operation.id, Operation.state == ACTIVE,
               Operation.attempt == 0)
        .values(state=CANCELLED, error=why, error_code=code,
                sealed_token=None, finished_at=clock.utc_now())
        .execution_options(synchronize_session=False))
    return bool(_count(withdrawn))


def rewrite(session: orm.Session, operation: Operation) -> None:
    """Store the `changes` of an operation that waits behind the caller's."""
    session.execute(
        sa.update(Operation).where(Operation.id == operation.id)
        .values(changes=operation.changes)
        .execution_options(synchronize_session=False))


def ready(session: orm.Session, known: Known,
          limit: int = 20) -> list[tuple[int, int]]:
    """(id, attempt) of those that may be claimed, who waits longest first."""
    return [(one.id, one.attempt)
            for one in candidates(session, known, limit)]


def candidates(session: orm.Session, known: Known, limit: int = 20,
               but: Collection[int] = ()) -> list[Candidate]:
    """What may be claimed: the first of each project, then the second...

    Within a project, and among those of the same place, who has waited
    longest comes first.  No more than `limit` come from one project.

    :param but: the ids of those that are not meant.
    """
    line = (sa.select(Operation.id, Operation.attempt, Operation.project_id,
                      Operation.not_before,
                      sa.func.row_number().over(
                          partition_by=Operation.project_id,
                          order_by=(Operation.not_before, Operation.id)
                      ).label('place'))
            .where(*_claimable(known), Operation.id.not_in(but),
                   Operation.not_before <= clock.now(session))
            .subquery())
    rows = session.execute(
        sa.select(line.c.id, line.c.attempt, line.c.project_id, line.c.place)
        .where(line.c.place <= limit)
        .order_by(line.c.place, line.c.not_before, line.c.id)
        .limit(limit))
    return [Candidate(*row) for row in rows]


def seconds_to_next(session: orm.Session, known: Known,
                    but: Collection[int] = ()) -> float | None:
    """How long until the next one may be claimed; None: there is none."""
    due = session.scalar(sa.select(sa.func.min(Operation.not_before))
                         .where(*_claimable(known), Operation.id.not_in(but)))
    if due is None:
        return None
    return max(0.0, (due - clock.now(session)).total_seconds())


def _claimable(known: Known) -> tuple:
    """Active, at a step that we know, and the oldest of its lane."""
    earlier = orm.aliased(Operation)
    queued_behind_another = sa.exists().where(
        earlier.cluster_uuid == Operation.cluster_uuid,
        earlier.state == ACTIVE, earlier.id < Operation.id,
        sa.or_(_holds_cluster(earlier), _holds_cluster(Operation),
               earlier.lane == Operation.lane))
    return (Operation.state == ACTIVE, _is_known(known),
            ~queued_behind_another)


def _holds_cluster(operation: Any) -> sa.ColumnElement[bool]:
    return sa.or_(operation.lane.is_(None),
                  operation.lane == operation.cluster_uuid)


def _is_known(known: Known) -> sa.ColumnElement[bool]:
    if not isinstance(known, Mapping):
        return Operation.kind.in_(known)
    return sa.or_(sa.false(), *(
        sa.and_(Operation.kind == kind,
                sa.or_(Operation.step.is_(None), Operation.step.in_(steps)))
        for kind, steps in known.items()))


def claim(session: orm.Session, operation_id: int, attempt: int, owner: str,
          lease_seconds: float) -> Operation | None:
    """Take the lease; None when another was faster.

    The first claim starts the clock of its time limit.

    An IntegrityError says that the cluster is being worked on; the caller
    rolls back and goes on, as with None.
    """
    seen = session.execute(
        sa.select(clock.utc_now(), Operation.deadline,
                  Operation.timeout_seconds)
        .where(Operation.id == operation_id)).first()
    if seen is None:
        return None
    now, deadline, timeout_seconds = seen
    claimed = session.execute(
        sa.update(Operation)
        .where(Operation.id == operation_id, Operation.state == ACTIVE,
               Operation.attempt == attempt)
        .values(attempt=attempt + 1, lapses=Operation.lapses + 1,
                owner=owner, running_on=_held_row(),
                deadline=deadline or _after(now, timeout_seconds),
                started_at=sa.func.coalesce(Operation.started_at, now),
                not_before=_after(now, lease_seconds))
        .execution_options(synchronize_session=False))
    if not _count(claimed):
        return None
    return session.get(Operation, operation_id, populate_existing=True)


def _held_row() -> sa.ColumnElement[str]:
    """The uuid of what the lane is of: the cluster, or its group."""
    return sa.case((_holds_cluster(Operation), Operation.cluster_uuid),
                   else_=Operation.nodegroup_uuid)


class Outline(NamedTuple):
    """What of a row can be read even if the rest of it cannot."""

    id: int
    uuid: str
    kind: str
    cluster_uuid: str
    attempt: int
    lapses: int


def outline(session: orm.Session, operation_id: int,
            attempt: int) -> Outline | None:
    """An operation that is active, and at that attempt; else None."""
    row = session.execute(
        sa.select(Operation.id, Operation.uuid, Operation.kind,
                  Operation.cluster_uuid, Operation.attempt,
                  Operation.lapses)
        .where(Operation.id == operation_id, Operation.state == ACTIVE,
               Operation.attempt == attempt)).first()
    return Outline(*row) if row else None


def pass_over(session: orm.Session, operation: Outline,
              seconds: float) -> None:
    """Count a claim that came to nothing; nobody tries again for a while."""
    _write(session, operation, attempt=operation.attempt + 1,
           lapses=operation.lapses + 1, owner=None,
           not_before=_from_now(session, seconds))


def renew(session: orm.Session, operation: Operation,
          lease_seconds: float) -> None:
    """Keep the lease for another `lease_seconds`."""
    _write(session, operation, not_before=_from_now(session, lease_seconds))


def check_off(session: orm.Session, operation: Operation,
              next_step: str) -> Operation:
    """Note that everything before `next_step` is done; the row as it is now.

    The time limit of the next step begins.  Look at `cancelled` in what comes
    back before doing it.
    """
    values: dict[str, Any] = {
        'step': next_step, 'lapses': 0, 'refusals': 0,
        'history': [*operation.history, {'step': operation.step,
                                         'attempt': operation.attempt}],
        **_reason(None, None)}
    if operation.timeout_seconds is not None:
        values['deadline'] = _from_now(session, operation.timeout_seconds)
    _write(session, operation, **values)
    return session.get(Operation, operation.id, populate_existing=True)


def remember(session: orm.Session, operation: Operation,
             progress: Mapping[str, Any]) -> None:
    """Keep what the operation wants to know at its next step."""
    _write(session, operation, progress=dict(progress))


def put_off(session: orm.Session, operation: Operation, seconds: float,
            refused: bool = False, reason: str | None = None,
            code: str | None = None) -> None:
    """Give the lease back; anyone may go on after `seconds`.

    `running_on` stays: the cluster's next operation waits for this one.

    `seconds` is rounded up so that many such waits end in the same round, and
    one look at the world serves them all.

    :param refused: the wait is for a world that is not ready, not for work
        under way; counted, so that the next wait can be longer.
    :param reason: what it waits for, and `code` why it was refused.
    """
    until = _from_now(session, seconds)
    if seconds:
        until = until.replace(microsecond=0) + datetime.timedelta(seconds=1)
    _write(session, operation, owner=None, lapses=0,
           refusals=Operation.refusals + 1 if refused else 0,
           not_before=until, **_reason(reason, code))


def _reason(text: str | None, code: str | None) -> dict[str, Any]:
    """What it waits for; of what was told to stop, why is kept."""
    return {'error': sa.case((Operation.cancelled, Operation.error),
                             else_=text),
            'error_code': sa.case((Operation.cancelled,
                                   Operation.error_code), else_=code)}


def finish(session: orm.Session, operation: Operation | Outline, state: str,
           error: str | None = None, error_code: str | None = None) -> None:
    """Close the operation and let the cluster's next one run."""
    _write(session, operation, state=state, error=error,
           error_code=error_code, owner=None,
           running_on=None, sealed_token=None,
           finished_at=clock.utc_now())


def _write(session: orm.Session, operation: Operation | Outline,
           **values) -> None:
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


def _from_now(session: orm.Session, seconds: float) -> datetime.datetime:
    return clock.now(session) + datetime.timedelta(seconds=seconds)


def _after(now: datetime.datetime,
           seconds: float | None) -> datetime.datetime | None:
    if seconds is None:
        return None
    return now + datetime.timedelta(seconds=seconds)
