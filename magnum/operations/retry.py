# SPDX-License-Identifier: Apache-2.0
"""Ask again for what an operation that failed, or was cancelled, was to do.

The same changes are recorded again, through the door by which they came: what
is refused there is refused here, too.  The only difference is that a cluster
may be one that failed, where that is the very thing to be mended.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import operations
from magnum.db import session as db
from magnum.db import templates
from magnum import errors
from magnum.operations import change_labels
from magnum.operations import changes
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import delete_cluster
from magnum.operations import delete_nodegroup
from magnum.operations import journal
from magnum.operations import resize_cluster
from magnum.operations import rotate_ca
from magnum.operations import rotate_credential
from magnum.operations import submit
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster

# Of what is refused to clusters that have failed.
STATUSES = models.SETTLED | {'UPDATE_FAILED'}

Request = Callable[[contexts.RequestContext, models.Cluster,
                    models.Operation], models.Operation]


def request(context: contexts.RequestContext, cluster: models.Cluster,
            operation: models.Operation) -> models.Operation:
    """Record the same changes as another operation; that one.

    :raises Conflict: it has not ended, or has succeeded, or a later one does
        the same, or what it was about has gone.
    """
    _check(operation)
    later = db.read(_later, operation)
    if later is not None:
        raise errors.Conflict(
            f'Operation {later.uuid} came later and is about the same: retry '
            f'that one, or send a new request.', code='SUPERSEDED')
    try:
        return REQUESTS[operation.kind](context, cluster, operation)
    except errors.Invalid as e:
        if e.code != errors.WrongStatus.code:
            raise
        raise errors.Conflict(str(e), code=e.code) from e


def _check(operation: models.Operation) -> None:
    if operation.state == journal.ACTIVE:
        raise errors.Conflict(
            f'Operation {operation.uuid} has not ended.',
            code='OPERATION_ACTIVE')
    if operation.state == journal.DONE:
        raise errors.Conflict(
            f'Operation {operation.uuid} is done: there is nothing to retry.',
            code='OPERATION_DONE')
    if operation.kind not in REQUESTS:
        raise _impossible(operation, f'its kind {operation.kind} is not '
                                     f'known here')


def _impossible(operation: models.Operation, why: str) -> errors.Conflict:
    return errors.Conflict(
        f'Operation {operation.uuid} cannot be retried: {why}.',
        code='NOT_RETRYABLE')


def _later(session: orm.Session,
           operation: models.Operation) -> models.Operation | None:
    """One that came later and was to do the same, or what excludes it."""
    return next((other for other
                 in operations.after(session, operation)
                 if _is_about_the_same(other, operation)), None)


def _is_about_the_same(other: models.Operation,
                       operation: models.Operation) -> bool:
    if other.state == journal.CANCELLED and other.started_at is None:
        # Nothing came of it.
        return False
    group = changes.nodegroup_of(operation)
    if other.kind == operation.kind and (
            changes.nodegroup_of(other) == group):
        return True
    own = changes.of(operation)
    return any(set(columns) & set(own.get(uuid, ()))
               for uuid, columns in changes.of(other).items())


def _after(operation: models.Operation, uuid: str) -> Mapping[str, Any]:
    """The values that were asked for, by column.

    :raises Conflict: a release that did not record them was asked.
    """
    values = {column: after for column, (_, after)
              in changes.of(operation).get(uuid, {}).items()}
    if not values or (not operation.changes and None in values.values()):
        raise _impossible(operation, 'an earlier release did not record what '
                                     'was asked for')
    return values


def _group(cluster: models.Cluster,
           operation: models.Operation) -> models.NodeGroup:
    uuid = changes.nodegroup_of(operation)
    for group in cluster.nodegroups:
        if group.uuid == uuid:
            return group
    raise _impossible(operation, f'nodegroup {uuid} has gone')


def _resize(context: contexts.RequestContext, cluster: models.Cluster,
            operation: models.Operation) -> models.Operation:
    group = _group(cluster, operation)
    return resize_cluster.request(
        context, cluster, group, _after(operation, group.uuid)['node_count'],
        operation.args.get('nodes_to_remove'))


def _update(context: contexts.RequestContext, cluster: models.Cluster,
            operation: models.Operation) -> models.Operation:
    group = _group(cluster, operation)
    return update_nodegroup.request(context, cluster, group,
                                    _after(operation, group.uuid))


def _change_labels(context: contexts.RequestContext, cluster: models.Cluster,
                   operation: models.Operation) -> models.Operation:
    workers = cluster.default_workers
    columns = changes.of(operation).get(workers.uuid if workers else '', {})
    _, node_count = columns.get('node_count', (None, None))
    return change_labels.request(
        context, cluster, _after(operation, cluster.uuid or '')['labels'],
        node_count, statuses=STATUSES)


def _upgrade(context: contexts.RequestContext, cluster: models.Cluster,
             operation: models.Operation) -> models.Operation:
    group = _group(cluster, operation)
    columns = changes.of(operation).get(cluster.uuid or '', {})
    _, uuid = columns.get('cluster_template_id',
                          (None, cluster.cluster_template_id))
    template = db.read(templates.find, context, uuid, context.is_admin)
    wish = upgrade_cluster.wish(context, cluster, template, group,
                                operation.args.get('max_batch_size'))
    wish.statuses = STATUSES
    return submit.submit(context, wish)


def _create_cluster(context: contexts.RequestContext, cluster: models.Cluster,
                    operation: models.Operation) -> models.Operation:
    """Begin anew what nothing was built of yet.

    A stack that failed is not built upon: what is missing of it is not known.
    """
    if cluster.stack_id is not None:
        raise _impossible(operation, 'a part of the cluster exists: delete '
                                     'it and create it again')
    options = {name: operation.args.get(name) for name in (
        'image_properties', 'public_key', 'has_account', 'driver')}
    wish = submit.Wish(create_cluster.KIND, cluster, options=options,
                       statuses=frozenset({'CREATE_FAILED'}))

    def begin(session: orm.Session) -> submit.Begun:
        submit.begin_status(session, wish)
        for group in cluster.nodegroups:
            nodegroups.begin(session, group.uuid, None,
                             create_cluster.KIND.status('IN_PROGRESS'))
        return submit.Begun(changes.made(cluster, *cluster.nodegroups))

    wish.begin = begin
    return submit.submit(context, wish)


def _create_nodegroup(context: contexts.RequestContext,
                      cluster: models.Cluster,
                      operation: models.Operation) -> models.Operation:
    group = _group(cluster, operation)
    wish = submit.Wish(create_nodegroup.KIND, cluster, nodegroup=group)

    def begin(session: orm.Session) -> submit.Begun:
        submit.begin_status(session, wish)
        submit.limit_queue(session, wish)
        if not nodegroups.begin(
                session, group.uuid, {'CREATE_FAILED'},
                create_nodegroup.KIND.nodegroup_status('IN_PROGRESS')):
            raise _impossible(operation, f'the status of nodegroup '
                                         f'{group.name} has changed')
        return submit.Begun(changes.made(group))

    wish.begin = begin
    return submit.submit(context, wish)


REQUESTS: Mapping[str, Request] = {
    create_cluster.KIND.name: _create_cluster,
    change_labels.KIND.name: _change_labels,
    resize_cluster.KIND.name: _resize,
    resize_cluster.EARLIER.name: _resize,
    delete_cluster.KIND.name: lambda context, cluster, operation:
        delete_cluster.request(context, cluster),
    update_nodegroup.LIMITS.name: _update,
    create_nodegroup.KIND.name: _create_nodegroup,
    update_nodegroup.KIND.name: _update,
    delete_nodegroup.KIND.name: lambda context, cluster, operation:
        delete_nodegroup.request(context, cluster,
                                 _group(cluster, operation)),
    upgrade_cluster.KIND.name: _upgrade,
    rotate_ca.KIND.name: lambda context, cluster, operation:
        rotate_ca.request(context, cluster, STATUSES),
    rotate_credential.KIND.name: lambda context, cluster, operation:
        rotate_credential.request(context, cluster),
}


def find_cluster(context: contexts.RequestContext,
                 operation: models.Operation,
                 all_projects: bool) -> models.Cluster:
    """The cluster of an operation that is to be retried.

    :raises Conflict: it has gone.
    """
    try:
        return db.read(clusters.find, context, operation.cluster_uuid,
                       all_projects, template=True)
    except errors.NotFound:
        raise _impossible(operation, f'cluster {operation.cluster_uuid} has '
                                     f'gone') from None
