# SPDX-License-Identifier: Apache-2.0
"""Stop an operation that has not ended.

    it is ...    and ends as
    queued       CANCELLED at once; what its request wrote is put back, values
                 and statuses, and a new group goes.  A new cluster stays, as
                 CREATE_FAILED
    at work      CANCELLED when the step that runs has ended, or at once while
                 it waits; statuses say FAILED, and values are put back as long
                 as nothing outside was asked to change
    a deletion   refused: what it has cancelled or taken does not come back
    over         refused, unless an abort has ended it
"""

from collections.abc import Iterator

from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import operations
from magnum.db import session as db
from magnum import errors
from magnum.operations import changes
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import registry
from magnum import rpc

# What a cluster or group is that nothing is known of.
UNKNOWN = ('UPDATE_COMPLETE', None)


def request(context: contexts.RequestContext,
            operation: models.Operation) -> None:
    """Tell an operation to stop.

    :raises Conflict: it has ended, cannot be stopped, or others need what it
        makes.
    """
    kind = registry.KINDS.get(operation.kind)
    if kind is None or not kind.terms.is_abortable:
        raise errors.Conflict(
            f'Operation {operation.uuid} has kind {operation.kind}, which '
            f'cannot be aborted.', code='NOT_ABORTABLE')
    _store(context, operation, kind)
    rpc.hint()


@db.retried
def _store(context: contexts.RequestContext, seen: models.Operation,
           kind: kinds.Kind) -> None:
    why = f'Aborted by user {context.user_id}.'
    with db.writer(begins_with_write=True) as session:
        clusters.touch(session, seen.cluster_uuid)
        operation = operations.load(session, seen.uuid)
        if operation is None:
            raise errors.NotFound('Operation', seen.uuid)
        context.conditions.check(session)
        if operation.error_code != journal.ABORTED:
            _stop(session, operation, kind, why)
        context.conditions.keep(session, operation)


def _stop(session: orm.Session, operation: models.Operation,
          kind: kinds.Kind, why: str) -> None:
    if operation.state != journal.ACTIVE:
        raise errors.Conflict(
            f'Operation {operation.uuid} has ended as {operation.state}: '
            f'there is nothing to abort.', code='OPERATION_ENDED')
    if operation.cancelled:
        # What deletes its cluster, or its group, has told it already.
        return
    behind = journal.queued_behind(session, operation)
    if not operation.attempt:
        _check_needed(operation, behind)
        if journal.withdraw(session, operation, why, journal.ABORTED):
            _take_back(session, operation, kind, behind, why)
            return
    journal.cancel(session, operation.cluster_uuid, [operation.id],
                   error=why, error_code=journal.ABORTED)


def _check_needed(operation: models.Operation,
                  behind: list[models.Operation]) -> None:
    """Refuse to take away what later operations are about."""
    group = changes.nodegroup_of(operation)
    needed = [other.uuid for other in behind
              if operation.kind == create_nodegroup.KIND.name
              and group in _about(other)]
    if needed:
        raise errors.Conflict(
            f'Operation {operation.uuid} creates what is to be changed '
            f'later: abort {", ".join(needed)} first.', code='STILL_NEEDED')


def _take_back(session: orm.Session, operation: models.Operation,
               kind: kinds.Kind, behind: list[models.Operation],
               why: str) -> None:
    """Make the rows what they would be if nobody had asked."""
    uuid = operation.cluster_uuid
    if kind.name == create_cluster.KIND.name:
        nodegroups.close_all(session, uuid, 'FAILED', why)
        clusters.close(session, uuid, kind.status('IN_PROGRESS'),
                       kind.status('FAILED'), why)
        return
    changes.undo(session, operation)
    if kind.name == create_nodegroup.KIND.name:
        nodegroups.delete(session, _about(operation))
    awaited = {about for other in behind for about in _about(other)}
    for group in _about(operation) - awaited - {uuid}:
        status, reason = _left(session, operation, group)
        nodegroups.close(session, [group],
                         kind.nodegroup_status('IN_PROGRESS'), status, reason)
    if not behind:
        status, reason = _left(session, operation, uuid)
        clusters.close(session, uuid, kind.status('IN_PROGRESS'), status,
                       reason)


def _about(operation: models.Operation) -> set[str]:
    """The rows that an operation is about, as far as it names them."""
    group = changes.nodegroup_of(operation)
    return {*changes.of(operation), *([group] if group else [])}


def _left(session: orm.Session, operation: models.Operation,
          uuid: str) -> tuple[str, str | None]:
    """The status of a row, and why, as what came before has left it."""
    known = (operation.args or {}).get('statuses', {}).get(uuid)
    last, end = next(_ends(session, operation, uuid), (None, UNKNOWN))
    if known and not (last and last.id > operation.id):
        status, reason = known
        return status, reason
    return end


def _ends(session: orm.Session, operation: models.Operation, uuid: str
          ) -> Iterator[tuple[models.Operation, tuple[str, str | None]]]:
    """What of the same row was worked on, newest first, and how it ended."""
    for other in operations.worked_on(session, operation.cluster_uuid):
        kind = registry.KINDS.get(other.kind)
        if kind is None:
            continue
        word = 'COMPLETE' if other.state == journal.DONE else 'FAILED'
        if uuid == operation.cluster_uuid and kind.terms.is_seen:
            yield other, (kind.status(word), other.error)
        elif uuid in _about(other):
            yield other, (kind.nodegroup_status(word), other.error)
