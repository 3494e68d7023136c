# SPDX-License-Identifier: Apache-2.0
"""Delete a group of nodes of a living cluster.

What was to be done to the group is not done any more; what is being done to
its cluster comes first.
"""

from sqlalchemy import orm

from magnum import context
from magnum.db import models
from magnum.db import nodegroups
from magnum.drivers import base
from magnum import errors
from magnum.operations import changes
from magnum.operations import delete_cluster
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import steps
from magnum.operations import submit
from magnum.operations import work as working


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup) -> models.Operation:
    """Write down that a group is to go; any status, and any number of times.

    :raises Invalid: it is one of the two that every cluster has.
    """
    if nodegroup.is_default:
        raise errors.Invalid(f'Nodegroup {nodegroup.name} is a default '
                             'nodegroup, which is deleted with its cluster '
                             'only.')
    wish = submit.Wish(KIND, cluster, nodegroup=nodegroup,
                       timeout=submit.DELETE_SECONDS)
    wish.begin = lambda session: _begin(session, wish, nodegroup)
    return submit.submit(context, wish)


def _begin(session: orm.Session, wish: submit.Wish,
           nodegroup: models.NodeGroup) -> submit.Begun:
    queue = journal.active(session, nodegroup.cluster_id)
    own = [operation for operation in queue
           if changes.nodegroup_of(operation) == nodegroup.uuid]
    for operation in queue:
        # The group goes with its cluster, or goes already.
        if (operation.kind == delete_cluster.KIND.name
                or (operation.kind == KIND.name and operation in own)):
            return submit.Begun(instead=operation)
    if not nodegroups.begin(session, nodegroup.uuid, None,
                            KIND.nodegroup_status('IN_PROGRESS')):
        raise errors.NotFound('Nodegroup', nodegroup.name)
    submit.begin_status(session, wish)
    journal.cancel(session, nodegroup.cluster_id,
                   [operation.id for operation in own])
    return submit.Begun()


def destroy(work: working.Work) -> None:
    """Set the removal of the group's nodes in motion."""
    work.destroy(_uuid(work))


def await_gone(work: working.Work) -> kinds.Facts | kinds.Again:
    """Wait until nothing of the group is left."""
    observed = work.observe()
    group = observed.nodegroups.get(_uuid(work))
    if (observed.state is base.State.GONE or group is None
            or group.state is base.State.GONE):
        # What the stack left behind goes, too.
        work.destroy(_uuid(work))
        return kinds.Facts()
    if group.state is base.State.FAILED:
        raise kinds.StepFailed(group.reason or 'Deletion failed.',
                                 steps.facts_of(observed))
    return kinds.Again(steps.SETTLE_SECONDS, group.reason)


def forget(work: working.Work) -> kinds.Facts:
    """Let the row go, now that nothing else is left."""
    return kinds.Facts(forget_nodegroups=(_uuid(work),))


def _uuid(work: working.Work) -> str:
    return changes.nodegroup_of(work.operation) or ''


KIND = kinds.Kind(
    name='delete_nodegroup', action='UPDATE', nodegroup_action='DELETE',
    has_lane=True, nodegroups=kinds.named_group,
    steps=(kinds.Step('destroy', 'starting to delete the nodes', destroy,
                      on_stack=True),
           kinds.Step('await_gone', 'deleting the nodes', await_gone,
                      on_stack=True),
           kinds.Step('forget', "deleting the group's record", forget)),
    terms=kinds.Terms(doing='Deleting a nodegroup of',
                      statuses=kinds.STANDING | {'DELETE_FAILED'},
                      is_early=False, is_abortable=False, power='nodegroups',
                      ability='delete nodegroups'))
