# SPDX-License-Identifier: Apache-2.0
"""Add a group of nodes to a cluster."""

from collections.abc import Mapping
from typing import Any

from magnum import context
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import errors
from magnum import openstack
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import references
from magnum.operations import requests
from magnum.operations import rules
from magnum.operations import steps
from magnum import rpc

KIND = kinds.Kind(
    name='create_nodegroup', action='UPDATE', nodegroup_action='CREATE',
    nodegroups=kinds.named_group, steps=(steps.APPLY, steps.SETTLE))


def request(context: context.RequestContext, cluster: models.Cluster,
            wish: Mapping[str, Any]) -> models.NodeGroup:
    """Write a new group down, together with the work that makes its nodes.

    Comes in order behind what is at work on the cluster.

    :param wish: all writable attributes; None means not given.
    :raises WrongStatus: the cluster is being deleted.
    """
    _check(cluster, wish)
    flavor_id = wish['flavor_id'] or cluster.flavor_id
    _check_flavor(context, cluster, flavor_id)
    driver = requests.check_power(cluster, 'nodegroups', 'add nodegroups')
    nodegroup = desired.new_nodegroup(cluster, wish, flavor_id)
    driver.check(desired.spec(cluster, cluster.template,
                              [*cluster.nodegroups, nodegroup]))
    _store(context, cluster, nodegroup)
    rpc.hint()
    return nodegroup


def _check(cluster: models.Cluster, wish: Mapping[str, Any]) -> None:
    if not cluster.api_address:
        raise errors.Conflict(f'Cluster {cluster.uuid} has no API yet that '
                              f'nodes could join: wait until it is made.')
    if any(group.name == wish['name'] for group in cluster.nodegroups):
        raise errors.AlreadyExists('Nodegroup', wish['name'])
    rules.check_counts(wish['node_count'], wish['min_node_count'],
                       wish['max_node_count'])
    rules.check_node_settings(wish['role'], wish['node_labels'],
                              wish['node_taints'])
    if wish['role'] == 'master':
        raise errors.InvalidParameter(
            'role', 'masters are not added as a group of their own.')


def _check_flavor(context: context.RequestContext, cluster: models.Cluster,
                  flavor_id: str | None) -> None:
    if flavor_id is None and references.boot_volume_size(cluster.labels) <= 0:
        raise errors.InvalidParameter(
            'flavor_id', 'neither the nodegroup nor its cluster names a '
                         'flavor.')
    found = references.find(openstack.request_cloud(context),
                            {'flavor_id': flavor_id})
    references.check_root_disk(found, cluster.labels)


@db.retried
def _store(context: context.RequestContext, cluster: models.Cluster,
           nodegroup: models.NodeGroup) -> None:
    # A first try that was rolled back left a number that is not ours.
    nodegroup.id = None
    with db.writer() as session:
        requests.begin(session, 'Adding a nodegroup to', cluster,
                       requests.STANDING, 'UPDATE_IN_PROGRESS')
        nodegroups.add(session, nodegroup)
        journal.record(session, KIND.name, cluster.uuid,
                       args={'nodegroup': nodegroup.uuid, 'is_new': True},
                       timeout_seconds=requests.timeout_seconds(cluster),
                       **requests.requester(context))
