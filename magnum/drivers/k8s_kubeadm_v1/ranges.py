# SPDX-License-Identifier: Apache-2.0
"""The three ranges of addresses of a cluster: nodes, pods and Services.

What overlaps, or what Kubernetes does not take, would fail on the first node
after minutes; it is refused when the cluster is asked for.
"""

from collections.abc import Mapping
import ipaddress
from typing import Any

from magnum import errors
from magnum import specs

# Of kubeadm and the API server.
LARGEST_SERVICES, SMALLEST_SERVICES = 12, 28

# Of the controller manager: a node's prefix is at most so much longer.
MOST_SUBNET_BITS = 16

# Where no host can be: this network, loopback, link-local with the metadata
# service, multicast and what is above.
_NOBODYS = [ipaddress.IPv4Network(text) for text in (
    '0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3')]


def check(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> None:
    """Refuse ranges in which no cluster can live.

    :raises InvalidParameter: one is too small, too large, or overlaps.
    """
    named = [(f'label {name}', ipaddress.IPv4Network(labels[name]))
             for name in ('service_cluster_ip_range', 'flannel_network_cidr')]
    services, pods = (network for _, network in named)
    nodes = _nodes(spec, labels)
    if nodes:
        named.append(nodes)
    for name, network in named:
        if any(network.overlaps(other) for other in _NOBODYS):
            raise _refused(f'{name} is {network}, which holds addresses that '
                           f'no host can have')
    if not LARGEST_SERVICES <= services.prefixlen <= SMALLEST_SERVICES:
        raise _refused(
            f'label service_cluster_ip_range is {services}, expected: a '
            f'prefix length from {LARGEST_SERVICES} to {SMALLEST_SERVICES}')
    _check_subnets(spec, pods, labels['flannel_network_subnetlen'])
    for number, (name, network) in enumerate(named):
        for other, taken in named[number + 1:]:
            if network.overlaps(taken):
                raise _refused(f'{name} ({network}) overlaps {other} '
                               f'({taken})')


def _nodes(spec: specs.ClusterSpec, labels: Mapping[str, Any]
           ) -> tuple[str, ipaddress.IPv4Network] | None:
    """What the nodes' addresses are called, and where they are; if known."""
    if spec.subnet_cidrs is not None:
        own = [cidr for cidr in spec.subnet_cidrs if ':' not in cidr]
        field = 'fixed_subnet' if spec.fixed_subnet else 'fixed_network'
        if not own:
            raise errors.InvalidParameter(
                field, 'has no subnet with IPv4, which this driver needs.')
        if len(own) > 1:
            raise errors.InvalidParameter(
                'fixed_subnet', f'network {spec.fixed_network} has {len(own)} '
                                'subnets with IPv4; set fixed_subnet to one '
                                'of them.')
        return 'the nodes\' subnet', ipaddress.IPv4Network(own[0])
    if spec.fixed_network or spec.fixed_subnet:
        return None
    network = ipaddress.IPv4Network(labels['fixed_subnet_cidr'])
    # Network, broadcast and router have an address each.
    wanted = 3 + _nodes_wanted(spec) + bool(spec.master_lb_enabled)
    if network.num_addresses < wanted:
        raise _refused(f'label fixed_subnet_cidr is {network}, too small for '
                       f'this cluster, which needs {wanted} addresses')
    return 'label fixed_subnet_cidr', network


def _check_subnets(spec: specs.ClusterSpec, pods: ipaddress.IPv4Network,
                   length: int) -> None:
    low, high = pods.prefixlen + 1, min(30, pods.prefixlen + MOST_SUBNET_BITS)
    if not low <= length <= high:
        raise _refused(
            f'label flannel_network_subnetlen is {length}, expected with '
            f'flannel_network_cidr {pods}: a number from {low} to {high}')
    nodes = _nodes_wanted(spec)
    if nodes > 2 ** (length - pods.prefixlen):
        raise _refused(
            f'label flannel_network_cidr is {pods}, too small: each of the '
            f'{nodes} nodes gets a subnet of it, with a prefix of {length}')


def _nodes_wanted(spec: specs.ClusterSpec) -> int:
    return sum(group.node_count for group in spec.nodegroups)


def _refused(reason: str) -> errors.InvalidParameter:
    return errors.InvalidParameter('labels', f'{reason}.')
