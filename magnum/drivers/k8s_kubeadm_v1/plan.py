# SPDX-License-Identifier: Apache-2.0
"""What a specification would be made of, counted without building it."""

from collections.abc import Mapping
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
