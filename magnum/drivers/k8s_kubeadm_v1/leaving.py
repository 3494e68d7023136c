# SPDX-License-Identifier: Apache-2.0
"""Which nodes a request means to take away."""

from collections.abc import Iterable

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import observation
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum import errors
from magnum import openstack
from magnum import specs

FIELD = 'nodes_to_remove'


def resolve(cloud: openstack.Cloud, spec: specs.ClusterSpec,
            group: specs.NodeGroupSpec, names: Iterable[str]) -> list[str]:
    """Server ids or indexes of workers, as Heat takes them, each once.

    :param names: ids or names of servers, or indexes within the group.
    :raises InvalidParameter: one is not a node of the group, nor was one.
    """
    ident = spec.stack_id if group.is_default else group.stack_id
    stack = heat.find(cloud, ident) if ident else None
    if stack is None:
        raise errors.InvalidParameter(
            FIELD, f'node group {group.name} has no nodes yet.')
    known = {word: word for word
             in parameters.listed(stack.parameters['minions_to_remove'])}
    masters: set[str] = set()
    for member in heat.members(cloud, stack, ('kube_masters',
                                              'kube_minions')):
        words = [member.server_id] if member.server_id else []
        words.append(observation.node_name(stack, member.group, member.index))
        if member.group == 'kube_masters':
            masters.update(words)
            continue
        for word in (member.index, *words):
            # By index for a node that never got a server.
            known[word] = member.server_id or member.index
    found = []
    for name in names:
        word = name.strip().lower()
        if word in masters:
            raise errors.InvalidParameter(
                FIELD, f'"{_shown(name)}" is a master; only nodes of '
                       f'{group.name} can be removed by this resize.')
        if word not in known:
            raise errors.InvalidParameter(
                FIELD, f'"{_shown(name)}" is not a node of {group.name}; '
                       f'give ids or names of its servers, or indexes.')
        found.append(known[word])
    return list(dict.fromkeys(found))


def _shown(name: str) -> str:
    return name if len(name) <= 80 else name[:77] + '...'
