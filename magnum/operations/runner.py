# SPDX-License-Identifier: Apache-2.0
"""Run one claimed operation; the only failure policy there is.

    a step ...                          and the runner ...
    returns facts or None               writes them and checks the step off
    returns Again                       writes its facts, gives the lease back
    raises errors.Temporary             gives it back for a growing time
    raises any other MagnumError        FAILED, with the reason for the user
    raises anything else                logs our bug, lets the lease lapse
    lapses > 3 at a claim               FAILED, with the operation's uuid

Facts and the check-off are one transaction.  It touches the cluster's row
before it reads what else is queued: a request that comes at the same time has
either recorded its operation, and is seen, or waits for our commit.
"""

from collections.abc import Callable
import time

from oslo_log import log

from magnum.db import clusters
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import errors
from magnum import notifications
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import registry
from magnum.operations import work as working

LOG = log.getLogger(__name__)

MAX_LAPSES = 3
MAX_DELAY_SECONDS = 60


def run(operation: journal.Operation,
        stopping: Callable[[], bool] = lambda: False) -> None:
    """Take a claimed operation as far as it goes now."""
    LOG.debug('Operation %s (%s of cluster %s) goes on at step %s.',
              operation.uuid, operation.kind, operation.cluster_uuid,
              operation.step)
    current: journal.Operation | None = operation
    try:
        while current is not None:
            current = _advance(current)
            if current is not None and stopping():
                _release(current)
                return
    except journal.LeaseLost:
        LOG.warning('Operation %s was taken over by another conductor.',
                    operation.uuid)
    except Exception:
        # Our bug: whoever claims it when the lease has lapsed tries again,
        # and the fourth time it fails for good.
        LOG.exception('Operation %s (%s of cluster %s) met a bug.',
                      operation.uuid, operation.kind, operation.cluster_uuid)


def _advance(operation: journal.Operation) -> journal.Operation | None:
    """Run the next step; None when the operation ended or waits."""
    kind = registry.KINDS[operation.kind]
    work, late = _load(operation)
    if work is None or operation.cancelled:
        return _finish(operation, journal.CANCELLED)
    step = kind.step(operation.step)
    if operation.step is None and operation.attempt == 1:
        _tell(work, kind, 'pending')
    if operation.lapses > MAX_LAPSES:
        return _fail(work, kind, step, errors.InfrastructureFailed(
            f'{_sentence(step.title)} failed three times because of an '
            f'internal error. Ask the operator to look for operation '
            f"{operation.uuid} in the conductor's log."))
    if late:
        return _fail(work, kind, step, errors.InfrastructureFailed(
            f'{_sentence(step.title)} took too long. Last known state: '
            f'{work.cluster.status_reason or "none"}.'))
    began = time.monotonic()
    try:
        result = step.run(work)
    except errors.Temporary as e:
        return _put_off(work, min(2 ** operation.refusals, MAX_DELAY_SECONDS),
                        kinds.Again(0, f'{_sentence(step.title)}: {e}'),
                        refused=True)
    except errors.MagnumError as e:
        return _fail(work, kind, step, e)
    LOG.debug('Step %s of operation %s took %.3f s.', step.name,
              operation.uuid, time.monotonic() - began)
    if isinstance(result, kinds.Again):
        return _put_off(work, result.seconds, result)
    return _check_off(work, kind, step, result or kinds.Facts())


def _sentence(title: str) -> str:
    """A step's title as the beginning of a sentence."""
    return title[0].upper() + title[1:]


@db.retried
def _load(operation: journal.Operation) -> tuple[working.Work | None, bool]:
    with db.reader() as session:
        late = (operation.deadline is not None
                and journal.database_time(session) > operation.deadline)
        return working.load(session, operation), late


@db.retried
def _put_off(work: working.Work, seconds: float, again: kinds.Again,
             refused: bool = False) -> None:
    with db.writer() as session:
        reason = {}
        if again.reason != work.cluster.status_reason:
            reason = {'status_reason': again.reason}
        _write_facts(session, work, again.facts, **reason)
        journal.put_off(session, work.operation, seconds, refused)


@db.retried
def _release(operation: journal.Operation) -> None:
    with db.writer() as session:
        journal.put_off(session, operation, 0)


@db.retried
def _check_off(work: working.Work, kind: kinds.Kind, step: kinds.Step,
               facts: kinds.Facts) -> journal.Operation | None:
    following = kind.after(step)
    with db.writer() as session:
        _write_facts(session, work, facts)
        if following is not None:
            return journal.check_off(session, work.operation, following)
        if not facts.forget:
            _write_statuses(session, work, kind, 'COMPLETE')
        journal.finish(session, work.operation, journal.DONE)
    _tell(work, kind, 'success')
    LOG.info('Operation %s (%s of cluster %s) is done.', work.operation.uuid,
             work.operation.kind, work.cluster.uuid)
    return None


@db.retried
def _fail(work: working.Work, kind: kinds.Kind, step: kinds.Step,
          error: errors.MagnumError) -> None:
    reason = str(error)
    if isinstance(error, errors.AuthorisationEnded):
        reason = (f'Your authorisation ended before {step.title}: submit the '
                  f'request again.')
    with db.writer() as session:
        if step.undo:
            _write_facts(session, work, step.undo(work))
        facts = getattr(error, 'facts', kinds.Facts())
        _write_facts(session, work, facts)
        _write_statuses(session, work, kind, 'FAILED', reason, facts)
        journal.finish(session, work.operation, journal.FAILED, reason)
    _tell(work, kind, 'failure')
    LOG.warning('Operation %s (%s of cluster %s) failed at step %s: %s',
                work.operation.uuid, work.operation.kind, work.cluster.uuid,
                step.name, reason)


def _tell(work: working.Work, kind: kinds.Kind, end: str) -> None:
    if not notifications.wanted():
        return
    with db.reader() as session:
        # As it is now; of a cluster that has gone, as it was.
        now = working.load(session, work.operation) or work
    notifications.send(kind.action.lower(), end, now.cluster, now.nodegroups,
                       work.operation.user_id, work.operation.project_id)


@db.retried
def _finish(operation: journal.Operation, state: str) -> None:
    with db.writer() as session:
        journal.finish(session, operation, state)
    LOG.info('Operation %s (%s of cluster %s) is %s.', operation.uuid,
             operation.kind, operation.cluster_uuid, state)


def _write_facts(session, work: working.Work, facts: kinds.Facts,
                 **columns) -> None:
    if facts.forget:
        clusters.delete(session, work.cluster.uuid)
        return
    clusters.write(session, work.cluster,
                   {**facts.cluster, **columns})
    for group in work.nodegroups:
        nodegroups.write(session, group,
                         facts.nodegroups.get(group.uuid, {}))
    nodegroups.delete(session, facts.forget_nodegroups)


def _write_statuses(session, work: working.Work, kind: kinds.Kind, word: str,
                    reason: str | None = None,
                    facts: kinds.Facts | None = None) -> None:
    """Close the statuses, except of what a queued operation will change.

    An update that others wait behind leaves the cluster in progress: nothing
    is `*_IN_PROGRESS` without an active operation, and the reverse.
    """
    clusters.touch(session, work.cluster.uuid)
    queued = journal.others(session, work.operation)
    expected, status = kind.status('IN_PROGRESS'), kind.status(word)
    groups = [uuid for uuid in kind.nodegroups(work)
              if not any((other.args or {}).get('nodegroup') == uuid
                         for other in queued)]
    failed = ', '.join(f'{group.name} failed' for group in work.nodegroups
                       if group.uuid in groups)
    # A group that knows more about its failure keeps that.
    known = facts.nodegroups if facts and reason else {}
    knowing = {uuid for uuid in groups
               if known.get(uuid, {}).get('status_reason')}
    for uuids, shown in ((knowing, None), (set(groups) - knowing, reason)):
        nodegroups.close(session, uuids, kind.nodegroup_status('IN_PROGRESS'),
                         kind.nodegroup_status(word), shown)
    if not queued:
        clusters.close(
            session, work.cluster.uuid, expected, status,
            reason and (f'{failed}: {reason}' if failed else reason))
