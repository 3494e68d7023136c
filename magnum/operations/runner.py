# SPDX-License-Identifier: Apache-2.0
"""Run one claimed operation; the only failure policy there is.

    a step ...                          and the runner ...
    returns facts or None               writes them and checks the step off
    returns Again                       writes its facts, gives the lease back
    raises errors.Temporary             gives it back for a growing time
    raises any other MagnumError        FAILED, with the reason for the user
    raises anything else                logs our bug, lets the lease lapse
    lapses > 3 at a claim               FAILED, with the operation's uuid

A step has a time limit from its first turn on.  When that has passed it is
run once more, and the operation fails if it still says Again or Temporary.

Facts and the check-off are one transaction.  It touches the cluster's row
before it reads what else is queued: a request that comes at the same time has
either recorded its operation, and is seen, or waits for our commit.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
import time

from oslo_log import log

from magnum import context as contexts
from magnum.db import clock
from magnum.db import clusters
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import errors
from magnum import notifications
from magnum.operations import changes
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import work as working

LOG = log.getLogger(__name__)

MAX_LAPSES = 3
MAX_DELAY_SECONDS = 60
MAX_PATIENCE_SECONDS = 5
UNKNOWN_STEP_SECONDS = 5
UNREADABLE_SECONDS = 5

# What is shown where nothing that is queued gives another status.
CANCELLED = 'Cancelled before it was done.'


def run(table: Mapping[str, kinds.Kind], operation: journal.Operation,
        stopping: Callable[[], bool] = lambda: False) -> None:
    """Take a claimed operation as far as it goes now.

    What is logged meanwhile, and asked of other services, is for the request
    that asked for the operation.

    :param table: the kinds of operation, by name.
    """
    with contexts.of(_context(operation)):
        _run(table, operation, stopping)


def _context(operation: journal.Operation) -> contexts.RequestContext:
    return contexts.RequestContext(
        request_id=operation.request_id, user_id=operation.user_id,
        project_id=operation.project_id,
        global_request_id=(operation.args or {}).get('global_request_id'))


def _run(table: Mapping[str, kinds.Kind], operation: journal.Operation,
         stopping: Callable[[], bool]) -> None:
    LOG.debug('Operation %s (%s of cluster %s) continues at step %s.',
              operation.uuid, operation.kind, operation.cluster_uuid,
              operation.step)
    current: journal.Operation | None = operation
    try:
        while current is not None:
            current = _advance(table[operation.kind], current)
            if current is not None and stopping():
                _release(current, 0)
                return
    except journal.LeaseLost:
        LOG.warning('Operation %s was taken over by another conductor.',
                    operation.uuid)
    except db.UNREACHABLE as e:
        LOG.warning('Operation %s (%s of cluster %s) continues when its lease '
                    'has run out: the database is out of reach (%s).',
                    operation.uuid, operation.kind, operation.cluster_uuid,
                    type(e).__name__)
    except Exception:
        # Our bug: whoever claims it when the lease has lapsed tries again,
        # and the fourth time it fails for good.
        LOG.exception('Operation %s (%s of cluster %s) met a bug.',
                      operation.uuid, operation.kind, operation.cluster_uuid)


@db.retried
def set_aside(table: Mapping[str, kinds.Kind], operation_id: int,
              attempt: int) -> None:
    """Put off an operation whose row cannot be read; the fourth time, fail it.

    Nobody who claims may stumble over it for ever.
    """
    with db.writer() as session:
        found = journal.outline(session, operation_id, attempt)
        if found is None:
            return
        if found.lapses < MAX_LAPSES:
            journal.pass_over(session, found,
                              UNREADABLE_SECONDS * 2 ** found.lapses)
            return
        _fail_unread(session, table[found.kind], found, _internal_error(
            f'Operation {found.kind}', found.uuid))


def _advance(kind: kinds.Kind, operation: journal.Operation
             ) -> journal.Operation | None:
    """Run the next step; None when the operation ended or waits."""
    step = kind.step(operation.step)
    if step is None:
        # Of a newer release: a conductor of that goes on.
        return _release(operation, UNKNOWN_STEP_SECONDS)
    if operation.lapses > MAX_LAPSES:
        _fail_poison(operation, kind, step)
        return None
    work, now = _load(operation)
    if work is None or operation.cancelled:
        _cancel(operation, work, kind)
        return None
    if operation.step is None and operation.attempt == 1:
        _tell(work, kind, 'pending')
    began = time.monotonic()
    refused = False
    try:
        result = step.run(work) or kinds.Facts()
    except errors.Temporary as e:
        refused = True
        result = kinds.Again(min(2 ** operation.refusals, MAX_DELAY_SECONDS),
                             f'{_sentence(step.title)}: {e}',
                             getattr(e, 'facts', kinds.Facts()), e.code)
    except errors.MagnumError as e:
        _fail(work, kind, step, e)
        return None
    LOG.debug('Step %s of operation %s took %.3f s.', step.name,
              operation.uuid, time.monotonic() - began)
    if isinstance(result, kinds.Facts):
        return _check_off(work, kind, step, result)
    if operation.deadline is not None and now > operation.deadline:
        # It was tried once more: what has succeeded meanwhile, or was never
        # tried because all conductors were away, does not fail.
        _fail(work, kind, step, _took_too_long(work, step, result))
        return None
    if not refused:
        result = dataclasses.replace(
            result, seconds=_patience(result.seconds, operation, now))
    return _put_off(work, result, refused)


def _patience(seconds: float, operation: journal.Operation,
              now: datetime.datetime) -> float:
    """How long to wait before the next look: a tenth of the age.

    What has taken long is seldom done in the next second, and those who wait
    for minutes must not keep the others from being looked at.
    """
    if not seconds or operation.started_at is None:
        return seconds
    age = (now - operation.started_at).total_seconds()
    return max(seconds, min(age / 10, MAX_PATIENCE_SECONDS))


def _took_too_long(work: working.Work, step: kinds.Step,
                   last: kinds.Again) -> kinds.StepFailed:
    known = last.reason or work.cluster.status_reason or 'none'
    return kinds.StepFailed(f'{_sentence(step.title)} took too long. Last '
                            f'known state: {known}', last.facts)


def _internal_error(what: str, uuid: str) -> str:
    return (f'{what} failed three times because of an internal error. Ask '
            f"the operator to look for operation {uuid} in the conductor's "
            f'log.')


def _sentence(title: str) -> str:
    """A step's title as the beginning of a sentence."""
    return title[0].upper() + title[1:]


@db.retried
def _load(operation: journal.Operation
          ) -> tuple[working.Work | None, datetime.datetime]:
    with db.reader() as session:
        now = clock.now(session)
        return working.load(session, operation), now


@db.retried
def _put_off(work: working.Work, again: kinds.Again, refused: bool) -> None:
    with db.writer() as session:
        reason = {}
        if again.reason != work.cluster.status_reason:
            reason = {'status_reason': again.reason}
        _write_facts(session, work, again.facts, **reason)
        journal.put_off(session, work.operation, again.seconds, refused,
                        again.reason, again.code)


@db.retried
def _release(operation: journal.Operation, seconds: float) -> None:
    with db.writer() as session:
        journal.put_off(session, operation, seconds)


def _check_off(work: working.Work, kind: kinds.Kind, step: kinds.Step,
               facts: kinds.Facts) -> journal.Operation | None:
    following = kind.after(step)
    if following is not None:
        return _go_on(work, facts, following)
    _finish(work, kind, facts)
    # Apart from the transaction: that must not be repeated for its sake.
    _tell(work, kind, 'success')
    LOG.info('Operation %s (%s of cluster %s) is done.', work.operation.uuid,
             work.operation.kind, work.cluster.uuid)
    return None


@db.retried
def _go_on(work: working.Work, facts: kinds.Facts,
           following: str) -> journal.Operation:
    with db.writer() as session:
        _write_facts(session, work, facts)
        return journal.check_off(session, work.operation, following)


@db.retried
def _finish(work: working.Work, kind: kinds.Kind, facts: kinds.Facts) -> None:
    with db.writer() as session:
        _write_facts(session, work, facts)
        if not facts.forget:
            _write_statuses(session, work, kind, 'COMPLETE')
        journal.finish(session, work.operation, journal.DONE)


def _fail(work: working.Work, kind: kinds.Kind, step: kinds.Step,
          error: errors.MagnumError) -> None:
    reason = str(error)
    if isinstance(error, errors.AuthorisationEnded):
        reason = (f'Your authorisation ended before {step.title}: submit the '
                  f'request again.')
    _abandon(work, step)
    _write_failure(work, kind, step, error, reason)
    _tell(work, kind, 'failure')
    LOG.warning('Operation %s (%s of cluster %s) failed at step %s: %s',
                work.operation.uuid, work.operation.kind, work.cluster.uuid,
                step.name, reason)


def _abandon(work: working.Work, step: kinds.Step) -> None:
    """Remove what nobody will use; the operation ends whatever comes of it.

    Whoever deletes the cluster removes what is left.
    """
    if step.abandon is None:
        return
    try:
        step.abandon(work)
    except Exception:
        LOG.exception('Operation %s (%s of cluster %s) left something behind.',
                      work.operation.uuid, work.operation.kind,
                      work.cluster.uuid)


@db.retried
def _write_failure(work: working.Work, kind: kinds.Kind, step: kinds.Step,
                   error: errors.MagnumError, reason: str) -> None:
    with db.writer() as session:
        if step.undo:
            # Held, so that the queue that it reads is the whole queue.
            clusters.touch(session, work.cluster.uuid)
            step.undo(session, work.operation)
        facts = getattr(error, 'facts', kinds.Facts())
        _write_facts(session, work, facts)
        _write_statuses(session, work, kind, 'FAILED', reason, facts)
        journal.finish(session, work.operation, journal.FAILED, reason,
                       error.code)


def _fail_poison(operation: journal.Operation, kind: kinds.Kind,
                 step: kinds.Step) -> None:
    """Fail what came to nothing too often, even if its rows are the cause."""
    reason = _internal_error(_sentence(step.title), operation.uuid)
    try:
        work, _ = _load(operation)
    except db.UNREACHABLE:
        raise
    except Exception:
        # A row of its cluster that cannot be read, for example.
        LOG.exception('Operation %s (%s of cluster %s) cannot be loaded.',
                      operation.uuid, operation.kind, operation.cluster_uuid)
        _end_unread(operation, kind, reason)
        return
    if work is None:
        _cancel(operation, work, kind)
    else:
        _fail(work, kind, step, errors.MagnumError(reason))


@db.retried
def _end_unread(operation: journal.Operation, kind: kinds.Kind,
                reason: str) -> None:
    with db.writer() as session:
        found = journal.outline(session, operation.id, operation.attempt)
        if found is None:
            raise journal.LeaseLost(operation.uuid)
        _fail_unread(session, kind, found, reason)


def _fail_unread(session, kind: kinds.Kind, found: journal.Outline,
                 reason: str) -> None:
    """Close an operation, and statuses, of which not all can be read."""
    journal.finish(session, found, journal.FAILED, reason,
                   errors.MagnumError.code)
    clusters.touch(session, found.cluster_uuid)
    if not journal.is_busy(session, found.cluster_uuid):
        nodegroups.close_all(session, found.cluster_uuid, 'FAILED', reason)
        clusters.close(session, found.cluster_uuid,
                       kind.status('IN_PROGRESS'), kind.status('FAILED'),
                       reason)
    LOG.error('Operation %s (%s of cluster %s) failed unread.', found.uuid,
              found.kind, found.cluster_uuid)


def _cancel(operation: journal.Operation, work: working.Work | None,
            kind: kinds.Kind) -> None:
    step = kind.step(operation.step)
    if work is not None and step is not None:
        _abandon(work, step)
    _write_cancelled(operation, work, kind)
    LOG.info('Operation %s (%s of cluster %s) is cancelled.', operation.uuid,
             operation.kind, operation.cluster_uuid)


@db.retried
def _write_cancelled(operation: journal.Operation, work: working.Work | None,
                     kind: kinds.Kind) -> None:
    reason, code = CANCELLED, None
    if operation.error_code == journal.ABORTED:
        reason, code = operation.error or CANCELLED, journal.ABORTED
    with db.writer() as session:
        if work is not None:
            step = kind.step(operation.step)
            if code and step and step.undo:
                # It stops before the step that would have changed something.
                clusters.touch(session, work.cluster.uuid)
                step.undo(session, operation)
            _write_statuses(session, work, kind, 'FAILED', reason)
        journal.finish(session, operation, journal.CANCELLED, reason, code)


def _tell(work: working.Work, kind: kinds.Kind, end: str) -> None:
    """Notify; whatever comes of it, the step stands and is not repeated."""
    if not notifications.wanted():
        return
    try:
        with db.reader() as session:
            # As it is now; of a cluster that has gone, as it was.
            now = working.load(session, work.operation) or work
        notifications.send(kind.action.lower(), end, now.cluster,
                           now.nodegroups, work.operation.user_id,
                           work.operation.project_id)
    except Exception:
        LOG.exception('The notification of operation %s (%s of cluster %s) '
                      'is lost.', work.operation.uuid, work.operation.kind,
                      work.cluster.uuid)


def _write_facts(session, work: working.Work, facts: kinds.Facts,
                 **columns) -> None:
    if facts.progress is not None:
        journal.remember(session, work.operation, facts.progress)
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
    queued = journal.queued_behind(session, work.operation)
    awaited = [{changes.nodegroup_of(other), *changes.of(other)}
               for other in queued]
    expected, status = kind.status('IN_PROGRESS'), kind.status(word)
    groups = [uuid for uuid in kind.nodegroups(work)
              if not any(uuid in about for about in awaited)]
    failed = ', '.join(f'{group.name} failed' for group in work.nodegroups
                       if group.uuid in groups)
    # A group that knows more about its failure keeps that.
    known = facts.nodegroups if facts and reason else {}
    knowing = {uuid for uuid in groups
               if known.get(uuid, {}).get('status_reason')}
    for uuids, shown in ((knowing, None), (set(groups) - knowing, reason)):
        nodegroups.close(session, uuids, kind.nodegroup_status('IN_PROGRESS'),
                         kind.nodegroup_status(word), shown)
    if queued:
        return
    text = reason and (f'{failed}: {reason}' if failed else reason)
    if not reason and (others := _failed_groups(session, work)):
        # What another operation did to its group is the cluster's too.
        status = kind.status('FAILED')
        text = ', '.join(f'{name} failed' for name in others)
    clusters.close(session, work.cluster.uuid, expected, status, text)


def _failed_groups(session, work: working.Work) -> list[str]:
    """Which groups have failed, of a cluster that has groups of its own.

    One that has only the default groups is as its last operation left it.
    """
    groups = nodegroups.statuses(session, work.cluster.uuid)
    if all(is_default for _, is_default, _ in groups):
        return []
    return [name for name, _, status in groups
            if (status or '').endswith('_FAILED')]
