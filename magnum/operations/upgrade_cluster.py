# SPDX-License-Identifier: Apache-2.0
"""Bring nodes to what another template says, or to what their own says now.

The default groups are upgraded together, and take the cluster to its new
template; a group of its own follows to the template that its cluster has.
"""

from collections.abc import Mapping
import dataclasses
import math
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
from magnum.operations import work as working
from magnum import specs

# How soon to come back after a move that needs no time of Heat's.
MOVE_SECONDS = 2

# A version of Kubernetes that is asked for by name.
VERSION_LABEL = 'kube_tag'

# What failed half-way is finished by another upgrade.
UPGRADABLE = models.SETTLED | {'UPDATE_FAILED'}


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
        wanted[cluster.uuid or ''] = {'cluster_template_id': template.uuid,
                                      **_labels(cluster, template)}
    upgrade = submit.Wish(KIND, cluster, wanted, nodegroup=nodegroup)
    upgrade.timeout = submit.timeout_seconds(upgrade) * _moves(
        groups, max_batch_size)

    def check(driver: base.Driver) -> None:
        properties = _check(context, cluster, template, groups, driver)
        upgrade.options = {'image_properties': properties,
                           'max_batch_size': max_batch_size}

    upgrade.check = check
    upgrade.target = lambda: _spec(cluster, template, groups,
                                   upgrade.options['image_properties'])
    return upgrade


def _labels(cluster: models.Cluster,
            template: models.ClusterTemplate) -> dict[str, Any]:
    """The labels that follow the template: a version asked for by name."""
    before = dict(cluster.labels or {})
    after = {name: value for name, value in before.items()
             if name != VERSION_LABEL}
    if VERSION_LABEL in (template.labels or {}):
        after[VERSION_LABEL] = template.labels[VERSION_LABEL]
    return {} if after == before else {'labels': after}


def _moves(groups: list[models.NodeGroup],
           max_batch_size: int | None) -> int:
    """How many times some nodes make room for others, one at least."""
    return max(1, sum(
        group.node_count if group.role == 'master'
        else math.ceil(group.node_count / (max_batch_size or 1))
        for group in groups))


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
    spec = _spec(cluster, template, groups, properties)
    driver.check(spec)
    driver.check_upgrade(spec, cluster.coe_version,
                         spec.group(groups[0].uuid or ''))
    return properties


def _spec(cluster: models.Cluster, template: models.ClusterTemplate,
          groups: list[models.NodeGroup],
          properties: Mapping[str, str]) -> specs.ClusterSpec:
    upgraded = {group.uuid for group in groups}
    spec = desired.spec(cluster, template, cluster.nodegroups,
                        image_properties=properties)
    return dataclasses.replace(
        spec, labels=_labels(cluster, template).get('labels', spec.labels),
        nodegroups=tuple(
            dataclasses.replace(group, image_id=template.image_id)
            if group.uuid in upgraded else group
            for group in spec.nodegroups))


def begin(work: working.Work) -> kinds.Facts | kinds.Again:
    """Make the first move, unless the infrastructure is still at another."""
    observed = work.observe()
    if observed.state is base.State.IN_PROGRESS:
        return kinds.Again(steps.SETTLE_SECONDS, observed.reason)
    doing = work.advance_upgrade()
    return kinds.Facts(progress={'is_one_move': doing is None})


def roll(work: working.Work) -> kinds.Facts | kinds.Again:
    """Make move after move, each when the one before is done."""
    if (work.operation.progress or {}).get('is_one_move'):
        return kinds.Facts()
    observed = work.observe()
    if observed.state is base.State.IN_PROGRESS:
        return kinds.Again(steps.SETTLE_SECONDS,
                           work.cluster.status_reason or observed.reason)
    if observed.state is not base.State.COMPLETE:
        raise kinds.StepFailed(observed.reason or 'The stack is gone.',
                               steps.facts_of(observed))
    doing = work.advance_upgrade()
    if doing:
        return kinds.Again(MOVE_SECONDS, doing, steps.facts_of(observed))
    return kinds.Facts()


KIND = kinds.Kind(
    name='upgrade_cluster', action='UPDATE', nodegroups=kinds.changed_groups,
    steps=(kinds.Step('apply', 'beginning the upgrade', begin,
                      undo=changes.undo),
           kinds.Step('roll', 'replacing nodes', roll),
           steps.SETTLE),
    terms=kinds.Terms(doing='Upgrading', statuses=UPGRADABLE,
                      wrong_status_is_invalid=True, power='upgrade',
                      ability='upgrade clusters'))
