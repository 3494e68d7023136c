# SPDX-License-Identifier: Apache-2.0
"""Bring nodes to what another template says, or to what their own says now.

The default groups are upgraded together, and take the cluster to its new
template; a group of its own follows to the template that its cluster has.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum import context
from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import drivers
from magnum import errors
from magnum import openstack
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import references
from magnum.operations import requests
from magnum.operations import steps
from magnum.operations import work as working
from magnum import rpc
from magnum import specs


def request(context: context.RequestContext, cluster: models.Cluster,
            template: models.ClusterTemplate, nodegroup: models.NodeGroup,
            max_batch_size: int | None = None) -> None:
    """Write down that a cluster, or one group of it, is to be upgraded.

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
    requests.check_status('Upgrading', cluster, models.SETTLED)
    driver = requests.check_power(cluster, 'upgrade', 'upgrade clusters')
    if drivers.for_template(template) is not driver:
        raise errors.InvalidParameter(
            'cluster_template', f'clusters of {template.uuid} are built by '
                                f'another driver.')
    image = references.find(openstack.request_cloud(context),
                            {'image_id': template.image_id}).image
    properties = desired.image_properties(image)
    groups = [group for group in cluster.nodegroups
              if group.uuid == nodegroup.uuid
              or (group.is_default and nodegroup.is_default)]
    driver.check(_spec(cluster, template, groups, properties))
    _store(context, cluster, template, nodegroup, groups,
           {'image_properties': properties, 'max_batch_size': max_batch_size})
    rpc.hint()


def _spec(cluster: models.Cluster, template: models.ClusterTemplate,
          groups: list[models.NodeGroup],
          properties: Mapping[str, str]) -> specs.ClusterSpec:
    upgraded = {group.uuid for group in groups}
    spec = desired.spec(cluster, template, cluster.nodegroups,
                        image_properties=properties)
    return dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, image_id=template.image_id)
        if group.uuid in upgraded else group for group in spec.nodegroups))


@db.retried
def _store(context: context.RequestContext, cluster: models.Cluster,
           template: models.ClusterTemplate, nodegroup: models.NodeGroup,
           groups: list[models.NodeGroup], args: dict[str, Any]) -> None:
    with db.writer() as session:
        requests.begin_checked(session, 'Upgrading', cluster, models.SETTLED,
                               'UPDATE_IN_PROGRESS')
        clusters.write(session, cluster,
                       {'cluster_template_id': template.uuid})
        for group in groups:
            nodegroups.begin(session, group.uuid, None,
                             'UPDATE_IN_PROGRESS',
                             {'image_id': template.image_id})
        journal.record(
            session, KIND.name, cluster.uuid,
            args={**args, 'nodegroup': nodegroup.uuid,
                  'old_cluster_template': cluster.cluster_template_id,
                  'old_images': {group.uuid: group.image_id
                                 for group in groups}},
            timeout_seconds=requests.timeout_seconds(cluster),
            **requests.requester(context))


def _upgraded(work: working.Work) -> list[str]:
    return list(work.operation.args['old_images'])


def _downgraded(work: working.Work) -> kinds.Facts:
    """Put back the template and the images from before the request."""
    args: Mapping[str, Any] = work.operation.args
    return kinds.Facts(
        cluster={'cluster_template_id': args['old_cluster_template']},
        nodegroups={uuid: {'image_id': image}
                    for uuid, image in args['old_images'].items()})


KIND = kinds.Kind(
    name='upgrade_cluster', action='UPDATE', nodegroups=_upgraded,
    steps=(dataclasses.replace(steps.APPLY, undo=_downgraded), steps.SETTLE))
