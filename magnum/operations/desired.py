# SPDX-License-Identifier: Apache-2.0
"""From what was asked to what is wanted; the only place of defaulting.

A cluster takes from its template what its owner did not say.  Some of it is
copied into the cluster's row when it is made, the rest (image, network driver,
proxies, ...) is read from the template whenever a specification is drawn up.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import random
from typing import Any
import uuid

from oslo_config import cfg

from magnum.db import models
from magnum.drivers import options  # noqa: F401  (registers [cluster_heat])
from magnum import errors
from magnum import identity
from magnum import specs

CONF = cfg.CONF

GREEK = ('alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta',
         'iota', 'kappa', 'lambda', 'mu', 'nu', 'xi', 'omicron', 'pi', 'rho',
         'sigma', 'tau', 'upsilon', 'phi', 'chi', 'psi', 'omega')

# Attributes of a cluster that are its template's where none were sent.
FROM_TEMPLATE = ('docker_volume_size', 'flavor_id', 'master_flavor_id',
                 'fixed_network', 'fixed_subnet', 'floating_ip_enabled',
                 'master_lb_enabled')

# What of the image a driver may want to know; stored with the operation.
IMAGE_PROPERTIES = ('os_distro', 'os_version', 'kube_version',
                    'container_version', 'magnum_driver')


def generated_name(kind: str) -> str:
    """A name for what was given none, such as 'gamma-17-cluster'."""
    return f'{random.choice(GREEK)}-{random.randint(1, 24)}-{kind}'


def label_text(labels: Mapping[str, Any] | None) -> dict[str, str]:
    """Labels as they are stored: all values text, booleans in Python's way."""
    return {key: str(value) for key, value in (labels or {}).items()}


def merged_labels(parent: Mapping[str, str], own: Mapping[str, Any] | None,
                  merge: bool) -> dict[str, str]:
    """The labels of a new cluster, given its template's."""
    if not own:
        return dict(parent)
    return {**(parent if merge else {}), **label_text(own)}


def label_differences(parent: Mapping[str, str], own: Mapping[str, str]
                      ) -> tuple[dict[str, str], dict[str, str],
                                 dict[str, str]]:
    """(overridden, added, skipped); the first with the parent's values."""
    overridden = {key: value for key, value in parent.items()
                  if key in own and own[key] != value}
    added = {key: value for key, value in own.items() if key not in parent}
    skipped = {key: value for key, value in parent.items() if key not in own}
    return overridden, added, skipped


def changed_labels(before: Mapping[str, str] | None,
                   after: Mapping[str, str]) -> set[str]:
    """The names of the labels that differ."""
    before = before or {}
    return {name for name in before.keys() | after.keys()
            if before.get(name) != after.get(name)}


def image_properties(image: Any) -> dict[str, str]:
    """What of an image, or of none, is stored with an operation."""
    return {key: image.properties[key] for key in IMAGE_PROPERTIES
            if key in image.properties} if image else {}


def new_cluster(template: models.ClusterTemplate, wish: Mapping[str, Any],
                project_id: str, user_id: str) -> models.Cluster:
    """The row of a new cluster; `wish` has None for what was not given."""
    values = {key: getattr(template, key) if wish.get(key) is None
              else wish[key] for key in FROM_TEMPLATE}
    return models.Cluster(
        uuid=str(uuid.uuid4()),
        name=wish.get('name') or generated_name('cluster'),
        cluster_template_id=template.uuid,
        project_id=project_id, user_id=user_id,
        keypair=wish.get('keypair') or template.keypair_id,
        labels=merged_labels(template.labels, wish.get('labels'),
                             bool(wish.get('merge_labels'))),
        create_timeout=wish.get('create_timeout'),
        discovery_url=wish.get('discovery_url'),
        status='CREATE_IN_PROGRESS', health_status_reason={}, **values)


def default_nodegroups(cluster: models.Cluster,
                       template: models.ClusterTemplate, master_count: int,
                       node_count: int) -> list[models.NodeGroup]:
    """The rows of the two groups that every cluster has."""
    common = {'cluster_id': cluster.uuid, 'project_id': cluster.project_id,
              'docker_volume_size': cluster.docker_volume_size,
              'labels': dict(cluster.labels or {}),
              'image_id': template.image_id, 'is_default': True,
              'node_addresses': [], 'status': 'CREATE_IN_PROGRESS',
              'node_labels': {}, 'node_taints': []}
    return [
        models.NodeGroup(uuid=str(uuid.uuid4()), name='default-master',
                         role='master', node_count=master_count,
                         flavor_id=cluster.master_flavor_id,
                         min_node_count=0, **common),
        models.NodeGroup(uuid=str(uuid.uuid4()), name='default-worker',
                         role='worker', node_count=node_count,
                         flavor_id=cluster.flavor_id,
                         min_node_count=min_node_count(cluster.labels or {}),
                         **common)]


def new_nodegroup(cluster: models.Cluster, wish: Mapping[str, Any],
                  flavor_id: str | None) -> models.NodeGroup:
    """The row of a group of the owner's own."""
    labels = wish['labels']
    if labels is None:
        labels = cluster.labels or {}
    elif wish['merge_labels']:
        labels = {**(cluster.labels or {}), **label_text(labels)}
    return models.NodeGroup(
        uuid=str(uuid.uuid4()), name=wish['name'], role=wish['role'],
        cluster_id=cluster.uuid, project_id=cluster.project_id,
        node_count=wish['node_count'], flavor_id=flavor_id,
        min_node_count=wish['min_node_count'],
        max_node_count=wish['max_node_count'],
        image_id=wish['image_id'] or cluster.template.image_id,
        docker_volume_size=wish['docker_volume_size'],
        labels=label_text(labels), node_labels=wish['node_labels'] or {},
        node_taints=wish['node_taints'] or [], node_addresses=[],
        is_default=False, status='CREATE_IN_PROGRESS')


def min_node_count(labels: Mapping[str, str]) -> int:
    """The fewest default workers that there may be.

    :raises InvalidParameter: the label is not an integer from 0 on.
    """
    value = labels.get('min_node_count')
    if value in (None, ''):
        return 0
    try:
        count = int(value)
    except ValueError:
        count = -1
    if not 0 <= count < 2 ** 31:
        raise errors.InvalidParameter(
            'labels', f'min_node_count must be an integer, 0 or more, not '
                      f'"{value}".')
    return count


def timeout_minutes(cluster: models.Cluster) -> int:
    """How long the infrastructure may take; never 0."""
    return cluster.create_timeout or CONF.cluster_heat.create_timeout


def spec(cluster: models.Cluster, template: models.ClusterTemplate,
         nodegroups: Iterable[models.NodeGroup], *,
         image_properties: Mapping[str, str] | None = None,
         trust: specs.Trust | None = None,
         authorities: specs.Authorities | None = None) -> specs.ClusterSpec:
    """What a driver is given."""
    return specs.ClusterSpec(
        uuid=cluster.uuid, name=cluster.name, project_id=cluster.project_id,
        user_id=cluster.user_id, coe=template.coe,
        server_type=template.server_type, distro=template.cluster_distro,
        nodegroups=tuple(_group_spec(group) for group in nodegroups),
        labels=dict(cluster.labels or {}), stack_id=cluster.stack_id,
        coe_version=cluster.coe_version,
        create_timeout=timeout_minutes(cluster), keypair=cluster.keypair,
        image_id=template.image_id,
        image_properties=dict(image_properties or {}),
        network_driver=template.network_driver,
        volume_driver=template.volume_driver,
        external_network_id=template.external_network_id,
        fixed_network=cluster.fixed_network,
        fixed_subnet=cluster.fixed_subnet,
        dns_nameserver=template.dns_nameserver,
        http_proxy=template.http_proxy, https_proxy=template.https_proxy,
        no_proxy=template.no_proxy,
        insecure_registry=template.insecure_registry,
        registry_enabled=template.registry_enabled,
        docker_storage_driver=template.docker_storage_driver,
        apiserver_port=template.apiserver_port,
        tls_disabled=template.tls_disabled,
        master_lb_enabled=cluster.master_lb_enabled,
        floating_ip_enabled=cluster.floating_ip_enabled,
        gives_trusts=identity.is_delegating(), trust=trust,
        authorities=authorities)


def _group_spec(group: models.NodeGroup) -> specs.NodeGroupSpec:
    return specs.NodeGroupSpec(
        uuid=group.uuid, name=group.name, role=group.role or 'worker',
        is_default=bool(group.is_default), node_count=group.node_count,
        flavor_id=group.flavor_id, image_id=group.image_id,
        docker_volume_size=group.docker_volume_size,
        min_node_count=group.min_node_count or 0,
        max_node_count=group.max_node_count,
        labels=dict(group.labels or {}),
        node_labels=dict(group.node_labels or {}),
        node_taints=tuple(group.node_taints or ()),
        stack_id=group.stack_id)
