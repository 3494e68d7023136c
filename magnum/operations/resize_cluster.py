# SPDX-License-Identifier: Apache-2.0
"""Change the number of nodes of a group, or replace named ones."""

from collections.abc import Iterable
import dataclasses

from magnum import context
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import errors
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import requests
from magnum.operations import rules
from magnum.operations import steps
from magnum import rpc

KIND = kinds.Kind(
    name='resize_cluster', action='UPDATE', nodegroups=kinds.named_group,
    steps=(dataclasses.replace(steps.APPLY, undo=kinds.uncounted),
           steps.SETTLE))


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup, node_count: int,
            nodes_to_remove: Iterable[str] | None = None) -> None:
    """Write down that a group is to have `node_count` nodes.

    Comes in order behind what is at work on the cluster.  With the present
    count and named nodes it replaces these.

    :param nodes_to_remove: server uuids, or indexes within the group.
    :raises WrongStatus: the cluster is not in a state to be changed.
    """
    check_bounds(cluster, nodegroup, node_count)
    requests.driver_of(cluster, 'be resized')
    store(context, KIND.name, requests.RESIZABLE, cluster, nodegroup,
          node_count, list(nodes_to_remove or ()))
    rpc.hint()


def check_bounds(cluster: models.Cluster, nodegroup: models.NodeGroup,
                 node_count: int) -> None:
    """Refuse a size outside the group's own limits, and sizes of masters."""
    if nodegroup.role == 'master':
        _check_masters(cluster, nodegroup, node_count)
        return
    rules.check_size(nodegroup.name, node_count, nodegroup.min_node_count,
                     nodegroup.max_node_count)


def _check_masters(cluster: models.Cluster, nodegroup: models.NodeGroup,
                   node_count: int) -> None:
    driver = requests.check_power(cluster, 'resize_masters',
                                  'change the number of masters')
    rules.check_master_size(node_count)
    spec = desired.spec(cluster, cluster.template, cluster.nodegroups)
    driver.check(dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, node_count=node_count)
        if group.uuid == nodegroup.uuid else group
        for group in spec.nodegroups)))


@db.retried
def store(context: context.RequestContext, kind: str,
          allowed: frozenset[str], cluster: models.Cluster,
          nodegroup: models.NodeGroup, node_count: int,
          nodes_to_remove: list[str]) -> None:
    with db.writer() as session:
        requests.begin(session, 'Resizing', cluster, allowed,
                       'UPDATE_IN_PROGRESS')
        # What was checked may have changed until the cluster's row was ours.
        now = nodegroups.load(session, nodegroup.uuid)
        if now is None:
            raise errors.NotFound('Nodegroup', nodegroup.name)
        if now.status == 'DELETE_IN_PROGRESS':
            raise errors.WrongStatus('Resizing', 'nodegroup', now.name,
                                     now.status)
        check_bounds(cluster, now, node_count)
        old = nodegroups.set_node_count(session, nodegroup.uuid, node_count,
                                        'UPDATE_IN_PROGRESS')
        journal.record(
            session, kind, cluster.uuid,
            args={'nodegroup': nodegroup.uuid, 'node_count': node_count,
                  'old_node_count': old, 'nodes_to_remove': nodes_to_remove},
            timeout_seconds=requests.timeout_seconds(cluster),
            **requests.requester(context))
