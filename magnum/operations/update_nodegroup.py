# SPDX-License-Identifier: Apache-2.0
"""Change the limits of a nodegroup, or the labels and taints of its nodes.

Limits are this service's own: they hold as soon as they are written, for
every driver, and the infrastructure is only looked at, so that the statuses
close as it is.  Labels and taints have to reach the nodes, which takes a
driver that has the power.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum import context
from magnum.db import models
from magnum import errors
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import kinds
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import submit
from magnum.operations import work as working
from magnum import specs

NODE_SETTINGS = frozenset({'node_labels', 'node_taints'})

# The statuses of a group that may be changed.
CHANGEABLE = kinds.RESIZABLE


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup,
            asked: Mapping[str, Any]) -> models.Operation:
    """Write down what of a group is to change.

    :param asked: the new values of min_node_count, max_node_count,
        node_labels, node_taints; only of those that change.
    :raises WrongStatus: the group, or its cluster, is not in a state to be
        changed.
    """
    _check_counts(nodegroup, asked)
    settings = {key: asked[key] for key in NODE_SETTINGS & set(asked)}
    rules.check_node_settings(nodegroup.role, settings.get('node_labels'),
                              settings.get('node_taints'))
    if nodegroup.status not in CHANGEABLE:
        raise _wrong_status(nodegroup)

    def recheck(now: models.NodeGroup) -> None:
        _check_counts(now, asked)
        if now.status not in CHANGEABLE:
            raise _wrong_status(now)

    return submit.submit(context, submit.Wish(
        KIND if settings else LIMITS, cluster, {nodegroup.uuid: dict(asked)},
        nodegroup=nodegroup, recheck=recheck,
        check=lambda driver: driver.check(
            _changed(cluster, nodegroup, settings))))


def _check_counts(nodegroup: models.NodeGroup,
                  wish: Mapping[str, Any]) -> None:
    if wish.keys() & {'min_node_count', 'max_node_count'}:
        rules.check_counts(
            nodegroup.node_count,
            wish.get('min_node_count', nodegroup.min_node_count),
            wish.get('max_node_count', nodegroup.max_node_count))


def _changed(cluster: models.Cluster, nodegroup: models.NodeGroup,
             settings: Mapping[str, Any]) -> specs.ClusterSpec:
    spec = desired.spec(cluster, cluster.template, cluster.nodegroups)
    return dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, **settings)
        if group.uuid == nodegroup.uuid else group
        for group in spec.nodegroups))


def _wrong_status(nodegroup: models.NodeGroup) -> errors.WrongStatus:
    return errors.WrongStatus('Changing', 'nodegroup', nodegroup.name,
                              nodegroup.status)


def look(work: working.Work) -> kinds.Facts | kinds.Again:
    """See how the infrastructure is, which nobody has asked to change.

    Where nobody can tell any more, the limits are all there is to it.
    """
    try:
        return steps.settle(work)
    except errors.DriverNotFound:
        return kinds.Facts()
    except errors.AuthorisationEnded:
        # Nothing is done with it that the service itself may not do.
        work.cloud = work.service_cloud
        return steps.settle(work)


LIMITS = kinds.Kind(
    name='limit_nodegroup', action='UPDATE', has_lane=True,
    nodegroups=kinds.named_group,
    steps=(kinds.Step('look', 'looking at the stack', look, on_stack=True),),
    terms=kinds.Terms(doing='Changing a nodegroup of',
                      statuses=kinds.STANDING))

KIND = kinds.Kind(
    name='update_nodegroup', action='UPDATE', has_lane=True,
    nodegroups=kinds.named_group,
    steps=(dataclasses.replace(steps.APPLY, undo=changes.undo),
           steps.SETTLE),
    terms=kinds.Terms(doing='Changing a nodegroup of',
                      statuses=kinds.STANDING, power='node_settings',
                      ability='change labels and taints of nodes'))
