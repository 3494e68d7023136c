# SPDX-License-Identifier: Apache-2.0
"""The parameters of the stack of a node group beyond the default ones.

It is of the cluster's template with `is_cluster_stack` off, and holds nothing
but workers.  Rows are those of `parameters` that are about workers; network,
security group and address of the API come from the cluster's stack.
"""

import dataclasses
import hashlib
from typing import Any

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers.k8s_kubeadm_v1 import nodes
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum import specs

# Labels that are heeded where they are the group's own.  All others are about
# what the whole cluster shares.
LABELS = frozenset({'availability_zone', 'boot_volume_size',
                    'boot_volume_type', 'docker_volume_type',
                    'kubelet_options'})

SHARED_ROWS = frozenset({
    'cluster_uuid', 'kube_version', 'label_defaults', 'number_of_minions',
    'minion_flavor', 'minion_image', 'minions_to_remove', 'availability_zone',
    'nodes_affinity_policy', 'boot_volume_size', 'boot_volume_type',
    'docker_volume_size', 'docker_volume_type', 'external_network',
    'fixed_network', 'fixed_subnet', 'fixed_subnet_cidr', 'pods_cidr',
    'node_fip_enabled', 'node_timeout', 'ca_cert', 'join_kubeconfig',
    'join_not_after', 'external_cloud', 'worker_user_data'})


def _digest(wanted: wishes.Wanted) -> str:
    return hashlib.sha256(nodes.worker(wanted).encode()).hexdigest()[:32]


ROWS = (
    parameters.Row('is_cluster_stack', parameters.ONCE, lambda w: False),
    *(row for row in parameters.ROWS if row.name in SHARED_ROWS),
    parameters.Row('user_data_digest', parameters.NEW_MEMBERS, _digest))


@dataclasses.dataclass(frozen=True)
class Place:
    """Where workers join the cluster, as its stack has it; ids."""

    network: str
    subnet: str
    security_group: str
    api_address: str


def of_new_stack(spec: specs.ClusterSpec, group: specs.NodeGroupSpec,
                 cluster: heat.Stack, place: Place) -> dict[str, Any]:
    """All parameters of the stack of a new group.

    :param cluster: the cluster's stack.
    """
    shown = {**cluster.parameters, 'fixed_network': place.network,
             'fixed_subnet': place.subnet}
    wanted = _wanted(spec, group, shown)
    values = {row.name: row.value(wanted) for row in ROWS}
    # Labels mean what they meant when the cluster was made.
    defaults = parameters.defaults_of(shown)
    return {**values, 'label_defaults': defaults or values['label_defaults'],
            'existing_master_private_ip': place.api_address,
            'existing_security_group': place.security_group,
            'ssh_key_name': shown.get('ssh_key_name', ''),
            'ssh_public_key': shown.get('ssh_public_key', '')}


def of_changed_stack(spec: specs.ClusterSpec, group: specs.NodeGroupSpec,
                     stack: heat.Stack,
                     failed: list[heat.Member]) -> dict[str, Any]:
    """The parameters to change on the group's running stack; empty: none.

    :param failed: members that cannot be finished; they are replaced.
    """
    wanted = dataclasses.replace(
        _wanted(spec, group, stack.parameters), is_new=False,
        minions_to_remove=parameters.removals(stack, failed,
                                              group.nodes_to_remove))
    if not parameters.differs(wanted, stack):
        return {}
    return parameters.due(ROWS, wanted, stack.parameters)


def of_check(spec: specs.ClusterSpec,
             group: specs.NodeGroupSpec) -> wishes.Wanted:
    """What is wanted of a group for which nothing was looked up yet.

    :raises InvalidParameter: a label cannot be read.
    """
    alone = _alone(spec, group)
    return wishes.Wanted(alone, label_table.read(alone.labels),
                         spec.coe_version or '', True, wishes.Networks())


def _wanted(spec: specs.ClusterSpec, group: specs.NodeGroupSpec,
            shown: Any) -> wishes.Wanted:
    """:param shown: parameters of the group's stack, or the cluster's."""
    alone = _alone(spec, group)
    return wishes.Wanted(
        alone, label_table.read(alone.labels, parameters.defaults_of(shown)),
        shown['kube_version'], parameters.has_external_cloud(shown),
        wishes.Networks(external_network=shown['external_network'],
                        fixed_network=shown['fixed_network'],
                        fixed_subnet=shown['fixed_subnet'],
                        cidr=shown['fixed_subnet_cidr']))


def _alone(spec: specs.ClusterSpec,
           group: specs.NodeGroupSpec) -> specs.ClusterSpec:
    """The cluster as if this group were its workers, and all that it has."""
    labels = {name: value for name, value in spec.labels.items()
              if name not in LABELS}
    labels |= {name: value for name, value in group.labels.items()
               if name in LABELS}
    return dataclasses.replace(
        spec, labels=labels,
        nodegroups=(dataclasses.replace(group, is_default=True),))
