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
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import errors
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import requests
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import work as working
from magnum import rpc

NODE_SETTINGS = frozenset({'node_labels', 'node_taints'})

CHANGEABLE = models.SETTLED | {'UPDATE_FAILED', 'UPDATE_IN_PROGRESS'}


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup, wish: Mapping[str, Any]) -> None:
    """Write down what of a group is to change.

    :param wish: the new values of min_node_count, max_node_count,
        node_labels, node_taints; only of those that change.
    :raises WrongStatus: the group, or its cluster, is not in a state to be
        changed.
    """
    _check_counts(nodegroup, wish)
    settings = {key: wish[key] for key in NODE_SETTINGS & set(wish)}
    rules.check_node_settings(nodegroup.role, settings.get('node_labels'),
                              settings.get('node_taints'))
    if nodegroup.status not in CHANGEABLE:
        raise _wrong_status(nodegroup)
    if settings:
        _check_driver(cluster, nodegroup, settings)
    kind = KIND if settings else LIMITS
    _store(context, kind.name, cluster, nodegroup, dict(wish))
    rpc.hint()


def _check_counts(nodegroup: models.NodeGroup,
                  wish: Mapping[str, Any]) -> None:
    if wish.keys() & {'min_node_count', 'max_node_count'}:
        rules.check_counts(
            nodegroup.node_count,
            wish.get('min_node_count', nodegroup.min_node_count),
            wish.get('max_node_count', nodegroup.max_node_count))


def _check_driver(cluster: models.Cluster, nodegroup: models.NodeGroup,
                  settings: Mapping[str, Any]) -> None:
    driver = requests.check_power(cluster, 'nodegroups',
                                  'change labels and taints of nodes')
    spec = desired.spec(cluster, cluster.template, cluster.nodegroups)
    driver.check(dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, **settings)
        if group.uuid == nodegroup.uuid else group
        for group in spec.nodegroups)))


@db.retried
def _store(context: context.RequestContext, kind: str,
           cluster: models.Cluster, nodegroup: models.NodeGroup,
           wish: dict[str, Any]) -> None:
    with db.writer() as session:
        requests.begin(session, 'Changing a nodegroup of', cluster,
                       requests.STANDING, 'UPDATE_IN_PROGRESS')
        now = nodegroups.load(session, nodegroup.uuid)
        if now is None:
            raise errors.NotFound('Nodegroup', nodegroup.name)
        # What was checked may have changed until the cluster's row was ours.
        _check_counts(now, wish)
        old = {key: getattr(now, key) for key in wish}
        if not nodegroups.begin(session, now.uuid, CHANGEABLE,
                                'UPDATE_IN_PROGRESS', wish):
            raise _wrong_status(now)
        journal.record(session, kind, cluster.uuid,
                       args={'nodegroup': now.uuid, 'old': old},
                       timeout_seconds=requests.timeout_seconds(cluster),
                       **requests.requester(context))


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


def _unset(work: working.Work) -> kinds.Facts:
    """Put back what nodes had before the request."""
    args: Mapping[str, Any] = work.operation.args
    return kinds.Facts(nodegroups={args['nodegroup']: args['old']})


LIMITS = kinds.Kind(
    name='limit_nodegroup', action='UPDATE', nodegroups=kinds.named_group,
    steps=(kinds.Step('look', 'looking at the stack', look),))

KIND = kinds.Kind(
    name='update_nodegroup', action='UPDATE', nodegroups=kinds.named_group,
    steps=(dataclasses.replace(steps.APPLY, undo=_unset), steps.SETTLE))
