# SPDX-License-Identifier: Apache-2.0
"""Change the number of nodes of a group, or replace named ones.

Of several that wait only the last is carried out: its count is the one that
is wanted, and it takes away the nodes that all of them name.
"""

from collections.abc import Iterable
import dataclasses

from sqlalchemy import orm

from magnum import context
from magnum.db import models
from magnum.drivers import base
from magnum import errors
from magnum import openstack
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import submit
from magnum import specs

KIND = kinds.Kind(
    name='resize_cluster', action='UPDATE', has_lane=True,
    nodegroups=kinds.named_group,
    steps=(dataclasses.replace(steps.APPLY, undo=changes.undo),
           steps.SETTLE),
    terms=kinds.Terms(doing='Resizing', statuses=kinds.RESIZABLE,
                      ability='be resized'))

# What the release before recorded for a patch of node_count.
EARLIER = dataclasses.replace(KIND, name='update_cluster')

# A patch is refused while anything else is at work, as it always was.
PATCHABLE = models.SETTLED


def request(context: context.RequestContext, cluster: models.Cluster,
            nodegroup: models.NodeGroup, node_count: int,
            nodes_to_remove: Iterable[str] | None = None,
            statuses: frozenset[str] | None = None) -> models.Operation:
    """Write down that a group is to have `node_count` nodes."""
    return submit.submit(context, wish(context, cluster, nodegroup,
                                       node_count, nodes_to_remove, statuses))


def wish(context: context.RequestContext, cluster: models.Cluster,
         nodegroup: models.NodeGroup, node_count: int,
         nodes_to_remove: Iterable[str] | None = None,
         statuses: frozenset[str] | None = None) -> submit.Wish:
    """That a group is to have `node_count` nodes, as it is to be written down.

    Comes in order behind what is at work on the cluster.  With the present
    count and named nodes it replaces these.

    :param nodes_to_remove: server uuids, or indexes within the group; what
        else is understood depends on the driver.
    :param statuses: what the cluster's may be, if fewer than usual.
    :raises WrongStatus: the cluster is not in a state to be changed.
    :raises InvalidParameter: one of them is no node of the group.
    """
    check_bounds(cluster, nodegroup, node_count)
    leaving = list(nodes_to_remove or ())
    resize = submit.Wish(
        KIND, cluster, {nodegroup.uuid: {'node_count': node_count}},
        nodegroup=nodegroup, options={'nodes_to_remove': leaving},
        statuses=statuses)

    def recheck(now: models.NodeGroup) -> None:
        if now.status == 'DELETE_IN_PROGRESS':
            raise errors.WrongStatus('Resizing', 'nodegroup', now.name,
                                     now.status)
        check_bounds(cluster, now, node_count)

    if leaving:
        resize.check = lambda driver: _find(context, resize, nodegroup,
                                            driver)
    resize.recheck = recheck
    resize.begin = lambda session: _begin(session, resize)
    resize.target = lambda: _resized(cluster, nodegroup, node_count)
    return resize


def _find(context: context.RequestContext, wish: submit.Wish,
          nodegroup: models.NodeGroup, driver: base.Driver) -> None:
    """Put what the driver makes of their names in place of them."""
    cluster = wish.cluster
    spec = desired.spec(cluster, cluster.template, cluster.nodegroups)
    group = spec.group(nodegroup.uuid or '')
    assert group is not None
    wish.options['nodes_to_remove'] = driver.nodes_to_remove(
        openstack.request_cloud(context), spec, group,
        wish.options['nodes_to_remove'])


def request_patch(context: context.RequestContext, cluster: models.Cluster,
                  node_count: int) -> models.Operation:
    """Write down that the default workers are to be `node_count`.

    :raises WrongStatus: the cluster is not settled.
    :raises NotFound: it has no such workers.
    """
    if cluster.default_workers is None:
        raise errors.NotFound('Nodegroup', 'default-worker')
    return request(context, cluster, cluster.default_workers, node_count,
                   statuses=PATCHABLE)


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
    ability = 'change the number of masters'
    driver = submit.driver_of(cluster, ability)
    submit.check_power(cluster, driver, 'resize_masters', ability)
    rules.check_master_size(node_count)
    driver.check(_resized(cluster, nodegroup, node_count))


def _resized(cluster: models.Cluster, nodegroup: models.NodeGroup,
             node_count: int) -> specs.ClusterSpec:
    spec = desired.spec(cluster, cluster.template, cluster.nodegroups)
    return dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, node_count=node_count)
        if group.uuid == nodegroup.uuid else group
        for group in spec.nodegroups))


def _begin(session: orm.Session, wish: submit.Wish) -> submit.Begun:
    submit.begin_status(session, wish)
    replaced = _withdraw(session, wish)
    submit.limit_queue(session, wish)
    written = submit.write_changes(session, wish)
    for operation in replaced:
        # Nobody has seen to them: what was before them is before this one.
        uuid = wish.nodegroup.uuid if wish.nodegroup else ''
        columns = changes.of(operation)[uuid]
        written[uuid]['node_count'][0] = columns['node_count'][0]
    leaving = [name for operation in reversed(replaced)
               for name in (operation.args or {}).get('nodes_to_remove') or ()]
    leaving += wish.options['nodes_to_remove']
    return submit.Begun(written, options={
        'nodes_to_remove': list(dict.fromkeys(leaving))})


def _withdraw(session: orm.Session,
              wish: submit.Wish) -> list[models.Operation]:
    """End the group's resizes that have not begun; newest first."""
    assert wish.nodegroup is not None
    waiting = [operation for operation
               in journal.active(session, wish.cluster.uuid or '')
               if operation.kind in (KIND.name, EARLIER.name)
               and changes.nodegroup_of(operation) == wish.nodegroup.uuid]
    return [operation for operation in reversed(waiting)
            if not operation.attempt and journal.withdraw(
                session, operation, 'A newer resize replaces it.')]
