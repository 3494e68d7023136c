# SPDX-License-Identifier: Apache-2.0
"""Bring nodes to what another template says, or to what their own says now.

The default groups are upgraded together, and take the cluster to its new
template; a group of its own follows to the template that its cluster has.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum import context
from magnum.db import models
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import openstack
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import kinds
from magnum.operations import references
from magnum.operations import steps
from magnum.operations import submit
from magnum import specs


def request(context: context.RequestContext, cluster: models.Cluster,
            template: models.ClusterTemplate, nodegroup: models.NodeGroup,
            max_batch_size: int | None = None) -> models.Operation:
    """Write down that a cluster, or one group of it, is to be upgraded."""
    return submit.submit(context, wish(context, cluster, template, nodegroup,
                                       max_batch_size))


def wish(context: context.RequestContext, cluster: models.Cluster,
         template: models.ClusterTemplate, nodegroup: models.NodeGroup,
         max_batch_size: int | None = None) -> submit.Wish:
    """That a cluster, or one group of it, is to be upgraded.

    :param max_batch_size: how many nodes may be replaced at a time; None: as
        the driver sees fit.
    :raises Conflict: a group of its own cannot leave its cluster's template.
    :raises Invalid: the cluster is not settled, or its driver cannot do it.
    """
    if (not nodegroup.is_default
            and template.uuid != cluster.cluster_template_id):
        raise errors.Conflict(
            f'Nodegroup {nodegroup.name} can only be upgraded to the '
            f"cluster's own template {cluster.cluster_template_id}.")
    groups = [group for group in cluster.nodegroups
              if group.uuid == nodegroup.uuid
              or (group.is_default and nodegroup.is_default)]
    wanted: dict[str, dict[str, Any]] = {
        group.uuid: {'image_id': template.image_id} for group in groups}
    if template.uuid != cluster.cluster_template_id:
        wanted[cluster.uuid or ''] = {'cluster_template_id': template.uuid}
    upgrade = submit.Wish(KIND, cluster, wanted, nodegroup=nodegroup)

    def check(driver: base.Driver) -> None:
        properties = _check(context, cluster, template, groups, driver)
        upgrade.options = {'image_properties': properties,
                           'max_batch_size': max_batch_size}

    upgrade.check = check
    upgrade.target = lambda: _spec(cluster, template, groups,
                                   upgrade.options['image_properties'])
    return upgrade


def _check(context: context.RequestContext, cluster: models.Cluster,
           template: models.ClusterTemplate, groups: list[models.NodeGroup],
           driver: base.Driver) -> dict[str, str]:
    """Ask the driver, and the cloud; what is to be known of the image."""
    if drivers.for_template(template) is not driver:
        raise errors.InvalidParameter(
            'cluster_template', f'clusters of {template.uuid} are built by '
                                f'another driver.')
    image = references.find(openstack.request_cloud(context),
                            {'image_id': template.image_id}).image
    properties = desired.image_properties(image)
    driver.check(_spec(cluster, template, groups, properties))
    return properties


def _spec(cluster: models.Cluster, template: models.ClusterTemplate,
          groups: list[models.NodeGroup],
          properties: Mapping[str, str]) -> specs.ClusterSpec:
    upgraded = {group.uuid for group in groups}
    spec = desired.spec(cluster, template, cluster.nodegroups,
                        image_properties=properties)
    return dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, image_id=template.image_id)
        if group.uuid in upgraded else group for group in spec.nodegroups))


KIND = kinds.Kind(
    name='upgrade_cluster', action='UPDATE', nodegroups=kinds.changed_groups,
    steps=(dataclasses.replace(steps.APPLY, undo=changes.undo),
           steps.SETTLE),
    terms=kinds.Terms(doing='Upgrading', statuses=models.SETTLED,
                      wrong_status_is_invalid=True, power='upgrade',
                      ability='upgrade clusters'))
