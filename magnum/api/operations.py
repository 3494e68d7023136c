# SPDX-License-Identifier: Apache-2.0
"""What was asked of clusters, how far it has come, and why it failed.

Operations outlive their clusters by some days, so that whoever waits for a
deletion learns how it ended.
"""

import functools

from magnum.api import clusters
from magnum.api import expose
from magnum.api import nodegroups
from magnum.api import paging
from magnum.api import types
from magnum.db import operations
from magnum.db import session as db
from magnum.operations import abort as abortion
from magnum.operations import changes
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import retry as repetition
from magnum.policies import certificate
from magnum.policies import cluster
from magnum.policies import credential
from magnum.policies import nodegroup
from magnum.policies import operation as rules
from magnum import policy

QUEUED, RUNNING, STOPPING = 'QUEUED', 'RUNNING', 'STOPPING'
PENDING, SKIPPED = 'PENDING', 'SKIPPED'


def _told(kind, **options):
    return types.Attribute(kind, write=types.READONLY, **options)


class Change(types.Resource):
    resource_type = _told(types.Enum('cluster', 'nodegroup'), never_null=True)
    resource_uuid = _told(types.UUID, never_null=True)
    attribute = _told(types.STRING, never_null=True)
    before = _told(types.ANYTHING)
    after = _told(types.ANYTHING)


class Step(types.Resource):
    name = _told(types.STRING, never_null=True)
    title = _told(types.STRING, never_null=True)
    state = _told(types.Enum(PENDING, RUNNING, journal.DONE, journal.FAILED,
                             SKIPPED), never_null=True)
    attempts = _told(types.COUNT)
    waits_for_type = _told(types.STRING)
    waits_for_id = _told(types.STRING)


class Operation(types.Resource):
    uuid = _told(types.UUID, never_null=True)
    kind = _told(types.STRING, never_null=True)
    state = _told(types.Enum(QUEUED, RUNNING, STOPPING, journal.DONE,
                             journal.FAILED, journal.CANCELLED),
                  never_null=True)
    cluster_uuid = _told(types.UUID, never_null=True)
    nodegroup_uuid = _told(types.UUID)
    project_id = _told(types.STRING)
    user_id = _told(types.STRING)
    request_id = _told(types.STRING)
    changes = _told(types.Nested(Change, many=True), never_null=True)
    nodes_to_remove = _told(types.STRINGS, never_null=True)
    max_batch_size = _told(types.SIZE)
    steps = _told(types.Nested(Step, many=True), never_null=True)
    percent = _told(types.COUNT)
    retryable = _told(types.BOOLEAN, never_null=True)
    code = _told(types.STRING)
    message = _told(types.STRING)
    queued_at = _told(types.TIME)
    started_at = _told(types.TIME)
    deadline = _told(types.TIME)
    finished_at = _told(types.TIME)
    links = _told(types.LINKS, never_null=True)


SHORT = frozenset(types.attributes(Operation)) - {
    'changes', 'nodes_to_remove', 'max_batch_size', 'steps'}

# An operation's own names of what a row has as well.
NAMES = {'queued_at': 'created_at'}

SORT_KEYS = {'id', 'uuid', 'kind', 'queued_at', 'started_at', 'finished_at'}

# The rule of the request that a retry repeats.
REQUESTED_BY = {
    'create_cluster': cluster.CREATE, 'resize_cluster': cluster.RESIZE,
    'change_labels': cluster.UPDATE,
    'update_cluster': cluster.UPDATE, 'upgrade_cluster': cluster.UPGRADE,
    'delete_cluster': cluster.DELETE, 'create_nodegroup': nodegroup.CREATE,
    'limit_nodegroup': nodegroup.UPDATE, 'update_nodegroup': nodegroup.UPDATE,
    'delete_nodegroup': nodegroup.DELETE, 'rotate_ca': certificate.ROTATE_CA,
    'rotate_credential': credential.ROTATE}

# Only what the API shows of the rows themselves.
_SHOWN = set(types.attributes(clusters.Cluster)) | set(
    types.attributes(nodegroups.NodeGroup))


@expose.method(query=paging.parameters(SORT_KEYS), result=[Operation],
               only=SHORT)
def get_all(call, cluster_ident):
    """List the operations on a cluster, oldest first."""
    all_projects = expose.all_projects(call, rules.GET_ALL_ALL_PROJECTS)
    page = paging.page(call, NAMES)
    whose, rows = db.read(operations.page, call.context, cluster_ident, page,
                          all_projects)
    policy.authorize(call.context, rules.GET_ALL, whose)
    return paging.body(call, page, 'operations',
                       f'clusters/{whose["uuid"]}/operations',
                       [_show(call, row, SHORT) for row in rows])


@expose.method(result=Operation)
def get_one(call, operation_uuid):
    """Show an operation on a cluster."""
    return _whole(call, _find(call, operation_uuid, rules.GET,
                              rules.GET_ONE_ALL_PROJECTS))


@expose.method(answers=202, result=Operation, keyed=True, begins=True)
def abort(call, operation_uuid):
    """Stop an operation that has not ended."""
    found = _find(call, operation_uuid, rules.ABORT,
                  rules.ABORT_ALL_PROJECTS)
    call.shown = functools.partial(_begun, call)
    abortion.request(call.context, found.operation)
    return db.read(call.shown, found.operation)


@expose.method(answers=202, result=Operation, keyed=True, begins=True)
def retry(call, operation_uuid):
    """Do once more what an operation failed to do, as another one."""
    row = _find(call, operation_uuid, rules.RETRY,
                rules.RETRY_ALL_PROJECTS).operation
    original = repetition.find_cluster(call.context, row,
                                       call.context.is_admin)
    if row.kind in REQUESTED_BY:
        policy.authorize(call.context, REQUESTED_BY[row.kind], original)
    call.shown = functools.partial(_begun, call)
    return db.read(call.shown, repetition.request(call.context, original,
                                                  row))


def _find(call, uuid, rule, rule_of_all_projects):
    all_projects = expose.all_projects(call, rule_of_all_projects)
    found = db.read(operations.find, call.context, uuid, all_projects)
    policy.authorize(call.context, rule, operations.whose(found.operation))
    return found


def _begun(call, session, operation):
    """An operation as the transaction that has changed it sees it."""
    return _whole(call, operations.find(session, call.context,
                                        operation.uuid, all_projects=True))


def _whole(call, found):
    row, args = found.operation, found.operation.args
    return _show(call, row, changes=_changes(row), steps=_steps(found),
                 nodes_to_remove=args.get('nodes_to_remove') or [],
                 max_batch_size=args.get('max_batch_size'))


def _show(call, row, only=None, **computed):
    state = state_of(row)
    return types.show(
        Operation, row, only, **computed, state=state,
        nodegroup_uuid=changes.nodegroup_of(row),
        project_id=operations.whose(row)['project_id'],
        percent={QUEUED: 0, journal.DONE: 100}.get(state),
        retryable=(state in (journal.FAILED, journal.CANCELLED)
                   and row.kind in repetition.REQUESTS),
        code=row.error_code, message=row.error, queued_at=row.created_at,
        links=call.links('operations', row.uuid))


def state_of(row):
    """The state of an operation, as users see it."""
    if row.state != journal.ACTIVE:
        return row.state
    if row.cancelled:
        return STOPPING
    return RUNNING if row.attempt else QUEUED


def _changes(row):
    return [types.show(Change, None, attribute=attribute, before=before,
                       after=after, resource_uuid=uuid,
                       resource_type='cluster' if uuid == row.cluster_uuid
                       else 'nodegroup')
            for uuid, columns in changes.of(row).items()
            for attribute, (before, after) in columns.items()
            if attribute in _SHOWN]


def _steps(found):
    """The steps in their order; none of a kind that only others know."""
    row = found.operation
    kind = registry.KINDS.get(row.kind)
    names = kind.step_names if kind else []
    current = row.step or (names and names[0])
    if current not in names:
        return []
    attempts = _attempts(row, names)
    at = names.index(current)
    states = [journal.DONE] * at + [_state_of_step(row)]
    states += [_rest(row)] * (len(names) - len(states))
    return [types.show(
        Step, step, state=state, attempts=attempts[step.name],
        **_waits_for(found, step, state))
        for step, state in zip(kind.steps, states, strict=True)]


def _state_of_step(row):
    """The state of the step that the operation has come to."""
    if row.state == journal.ACTIVE:
        return RUNNING if row.attempt else PENDING
    return SKIPPED if row.state == journal.CANCELLED else row.state


def _rest(row):
    """The state of the steps after that."""
    return PENDING if row.state == journal.ACTIVE else SKIPPED


def _attempts(row, names):
    """How often each step was tried; None where nobody has counted.

    One claim may end a step and begin the next.
    """
    tried = dict.fromkeys(names, 0)
    began = 1
    for over in row.history:
        tried[over['step'] or names[0]] = over['attempt'] - began + 1
        began = over['attempt']
    current = row.step or names[0]
    tried[current] = row.attempt - began + 1 if row.attempt else 0
    for name in names[:names.index(current)]:
        # By a conductor of the release before.
        tried[name] = tried[name] or None
    return tried


def _waits_for(found, step, state):
    ident = found.group_stack_id or found.stack_id
    known = state == RUNNING and step.on_stack and ident is not None
    return {'waits_for_type': 'stack' if known else None,
            'waits_for_id': ident if known else None}
