# SPDX-License-Identifier: Apache-2.0
"""Delete a group of nodes of a living cluster.

What was to be done to the group is not done any more; what is being done to
its cluster comes first.
"""

from magnum import context
from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import session as db
from magnum.drivers import base
from magnum import errors
from magnum.operations import delete_cluster
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import requests
from magnum.operations import steps
from magnum.operations import work as working
from magnum import rpc


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup) -> None:
    """Write down that a group is to go; any status, and any number of times.

    :raises Invalid: it is one of the two that every cluster has.
    """
    if nodegroup.is_default:
        raise errors.Invalid(f'Nodegroup {nodegroup.name} is one of the two '
                             f'that come and go with the cluster: it cannot '
                             f'be deleted.')
    requests.check_power(cluster, 'nodegroups', 'delete nodegroups')
    _store(context, cluster, nodegroup)
    rpc.hint()


@db.retried
def _store(context: context.RequestContext, cluster: models.Cluster,
           nodegroup: models.NodeGroup) -> None:
    with db.writer() as session:
        clusters.touch(session, cluster.uuid)
        if journal.active(session, cluster.uuid, delete_cluster.KIND.name):
            # It goes with its cluster.
            return
        own = [operation for operation
               in journal.active(session, cluster.uuid)
               if (operation.args or {}).get('nodegroup') == nodegroup.uuid]
        if any(operation.kind == KIND.name for operation in own):
            return
        if not nodegroups.begin(session, nodegroup.uuid, None,
                                'DELETE_IN_PROGRESS'):
            raise errors.NotFound('Nodegroup', nodegroup.name)
        requests.begin(session, 'Deleting a nodegroup of', cluster,
                       requests.STANDING | {'DELETE_FAILED'},
                       'UPDATE_IN_PROGRESS')
        journal.cancel(session, cluster.uuid,
                       [operation.id for operation in own])
        journal.record(session, KIND.name, cluster.uuid,
                       args={'nodegroup': nodegroup.uuid},
                       timeout_seconds=requests.DELETE_SECONDS,
                       **requests.requester(context))


def destroy(work: working.Work) -> None:
    """Set the removal of the group's nodes in motion."""
    work.destroy(_uuid(work))


def await_gone(work: working.Work) -> kinds.Facts | kinds.Again:
    """Wait until nothing of the group is left."""
    observed = work.observe()
    group = observed.nodegroups.get(_uuid(work))
    if (observed.state is base.State.GONE or group is None
            or group.state is base.State.GONE):
        return kinds.Facts()
    if group.state is base.State.FAILED:
        raise kinds.StepFailed(group.reason or 'Deletion failed.',
                                 steps.facts_of(observed))
    return kinds.Again(steps.SETTLE_SECONDS, group.reason)


def forget(work: working.Work) -> kinds.Facts:
    """Let the row go, now that nothing else is left."""
    return kinds.Facts(forget_nodegroups=(_uuid(work),))


def _uuid(work: working.Work) -> str:
    return work.operation.args['nodegroup']


KIND = kinds.Kind(
    name='delete_nodegroup', action='UPDATE', nodegroup_action='DELETE',
    nodegroups=kinds.named_group,
    steps=(kinds.Step('destroy', 'starting to delete the nodes', destroy),
           kinds.Step('await_gone', 'deleting the nodes', await_gone),
           kinds.Step('forget', "deleting the group's record", forget)))
