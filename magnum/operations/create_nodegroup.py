# SPDX-License-Identifier: Apache-2.0
"""Add a group of nodes to a cluster."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

from sqlalchemy import orm

from magnum import context
from magnum.db import models
from magnum.db import nodegroups
from magnum.drivers import base
from magnum.drivers import labels
from magnum import errors
from magnum import openstack
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import kinds
from magnum.operations import references
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import submit
from magnum import specs

KIND = kinds.Kind(
    name='create_nodegroup', action='UPDATE', nodegroup_action='CREATE',
    has_lane=True,
    nodegroups=kinds.named_group, steps=(steps.APPLY, steps.SETTLE),
    terms=kinds.Terms(doing='Adding a nodegroup to',
                      statuses=kinds.STANDING, power='nodegroups',
                      ability='add nodegroups'))


def request(context: context.RequestContext, cluster: models.Cluster,
            asked: Mapping[str, Any]) -> models.NodeGroup:
    """Write a new group down, together with the work that makes its nodes."""
    new = wish(context, cluster, asked)
    submit.submit(context, new)
    assert new.nodegroup is not None
    return new.nodegroup


def wish(context: context.RequestContext, cluster: models.Cluster,
         asked: Mapping[str, Any],
         warn: Callable[[Iterable[str]], object] = tuple) -> submit.Wish:
    """A new group, as it is to be written down.

    Comes in order behind what is at work on the cluster.

    :param asked: all writable attributes; None means not given.
    :param warn: is given sentences for the user.
    :raises WrongStatus: the cluster is being deleted.
    """
    _check(cluster, asked)
    nodegroup = desired.new_nodegroup(
        cluster, asked, asked['flavor_id'] or cluster.flavor_id)
    new = submit.Wish(KIND, cluster, nodegroup=nodegroup)

    def target() -> specs.ClusterSpec:
        return desired.spec(cluster, cluster.template,
                            [*cluster.nodegroups, nodegroup])

    def check(driver: base.Driver) -> None:
        # What it has of the cluster is no fault of this request.
        own = {name: value for name, value in nodegroup.labels.items()
               if (cluster.labels or {}).get(name) != value}
        labels.check(driver.labels, own)
        warn(labels.unused(driver.labels, own))
        found = _look_up(context, cluster, nodegroup, driver)
        driver.check(_with_image(target(), nodegroup, found))

    new.check, new.target = check, target
    new.begin = lambda session: _begin(session, new, nodegroup)
    return new


def _begin(session: orm.Session, wish: submit.Wish,
           nodegroup: models.NodeGroup) -> submit.Begun:
    submit.begin_status(session, wish)
    submit.limit_queue(session, wish)
    # A first try that was rolled back left a number that is not ours.
    nodegroup.id = None
    nodegroups.add(session, nodegroup)
    return submit.Begun(changes.made(nodegroup))


def _check(cluster: models.Cluster, asked: Mapping[str, Any]) -> None:
    if not cluster.api_address:
        raise errors.Conflict(f'Cluster {cluster.uuid} has no API address '
                              'yet, so nodes cannot join it: wait until it '
                              'has been created.')
    if any(group.name == asked['name'] for group in cluster.nodegroups):
        raise errors.AlreadyExists('Nodegroup', asked['name'])
    rules.check_counts(asked['node_count'], asked['min_node_count'],
                       asked['max_node_count'])
    rules.check_node_settings(asked['role'], asked['node_labels'],
                              asked['node_taints'])
    if asked['role'] == 'master':
        raise errors.InvalidParameter(
            'role', 'a nodegroup of masters cannot be added.')


def _look_up(context: context.RequestContext, cluster: models.Cluster,
             nodegroup: models.NodeGroup,
             driver: base.Driver) -> references.Found:
    """The group's flavor; and its image, if servers are made of it."""
    flavor_id = nodegroup.flavor_id
    if flavor_id is None and references.boot_volume_size(
            nodegroup.labels) <= 0:
        raise errors.InvalidParameter(
            'flavor_id', 'neither the nodegroup nor its cluster names a '
                         'flavor.')
    names = {'flavor_id': flavor_id}
    if driver.built_by_heat:
        names['image_id'] = nodegroup.image_id
    found = references.find(openstack.request_cloud(context), names)
    references.check_root_disk(found, nodegroup.labels)
    return found


def _with_image(spec: specs.ClusterSpec, nodegroup: models.NodeGroup,
                found: references.Found) -> specs.ClusterSpec:
    """The specification with what is known of the new group's image.

    The group alone is meant.
    """
    properties = desired.image_properties(found.image)
    return dataclasses.replace(spec, only=nodegroup.uuid, nodegroups=tuple(
        dataclasses.replace(group, image_properties=properties)
        if group.uuid == nodegroup.uuid and found.image else group
        for group in spec.nodegroups))
