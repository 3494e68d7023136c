# SPDX-License-Identifier: Apache-2.0
"""What a specification would be made of, counted without building it."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum.drivers import base
from magnum.drivers import labels as label_table
from magnum import specs


def of(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> base.Plan:
    """:param labels: as read, by the names of the table."""
    return base.Plan(
        {kind: count for kind, count in _counts(spec, labels).items()
         if count},
        {name: label_table.as_text(value) for name, value in labels.items()
         if value is not None},
        tuple(label_table.unused(labels, spec.labels)))


def of_group(spec: specs.ClusterSpec, group: specs.NodeGroupSpec,
             labels: Mapping[str, Any]) -> base.Plan:
    """Of one more group of workers in a cluster that is there."""
    nodes = group.node_count
    counts = {
        'server': nodes, 'port': nodes, 'server_group': 1,
        'floating_ip': nodes * spec.floating_ip_enabled,
        'volume': nodes * (bool(labels['boot_volume_size'])
                           + bool(group.docker_volume_size))}
    return base.Plan({kind: count for kind, count in counts.items() if count})


def together(cluster: base.Plan, groups: Iterable[base.Plan]) -> base.Plan:
    """Of a cluster with more groups than the default ones."""
    counts = collections.Counter(cluster.resources)
    for group in groups:
        counts.update(group.resources)
    return dataclasses.replace(cluster, resources=dict(counts))


def _counts(spec: specs.ClusterSpec,
            labels: Mapping[str, Any]) -> dict[str, int]:
    """As the templates' conditions have it."""
    groups = [group for group in (spec.masters, spec.workers) if group]
    masters = spec.masters.node_count if spec.masters else 0
    nodes = sum(group.node_count for group in groups)
    balanced = spec.master_lb_enabled
    in_front = labels['master_lb_floating_ip_enabled']
    if in_front is None:
        in_front = spec.floating_ip_enabled
    new_network = not (spec.fixed_network or spec.fixed_subnet)
    return {
        'server': nodes, 'port': nodes,
        'floating_ip': (nodes * spec.floating_ip_enabled
                        + (balanced and in_front)),
        'volume': (nodes * bool(labels['boot_volume_size'])
                   + masters * bool(labels['etcd_volume_size'])
                   + sum(group.node_count for group in groups
                         if group.docker_volume_size)),
        'load_balancer': int(balanced),
        'network': int(new_network), 'subnet': int(new_network),
        'router': int(new_network),
        'security_group': 2, 'server_group': 2}
