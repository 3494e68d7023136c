# SPDX-License-Identifier: Apache-2.0
"""What a cluster's stack says about the cluster."""

from collections.abc import Iterable
import json
import re
from typing import Any

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum import openstack
from magnum import specs

GROUP_WORDS = {'kube_masters': 'master', 'kube_minions': 'node'}


def observe(cloud: openstack.Cloud, spec: specs.ClusterSpec) -> base.Observed:
    stack_id = spec.stack_id
    if stack_id is None:
        found = heat.find(cloud, heat.stack_name(spec.name, spec.uuid))
        if found is None:
            return base.Observed(base.State.GONE)
        stack_id = found.id
    stack = heat.look(cloud, stack_id)
    if stack is None:
        return base.Observed(
            base.State.GONE, f'Stack with id {stack_id} not found in Heat.')
    if stack.is_gone:
        return base.Observed(base.State.GONE, stack.reason)
    state = base.State(stack.status)
    if state is base.State.IN_PROGRESS or stack.action == 'DELETE':
        return _observed(spec, state, stack, stack.reason)
    # At rest: now the outputs are worth their price.
    settled = heat.find(cloud, stack.path, outputs=True) or stack
    reason = settled.reason
    if state is base.State.FAILED:
        reason = explained(cloud, spec, settled)
    return _observed(spec, state, settled, reason)


def _observed(spec: specs.ClusterSpec, state: base.State, stack: heat.Stack,
              reason: str) -> base.Observed:
    out = stack.outputs
    address = out.get('api_address')
    facts = [*_facts(out.get('kube_masters_info')),
             *_facts(out.get('kube_minions_info'))]
    groups = {}
    for group, what in ((spec.master, 'masters'), (spec.worker, 'minions')):
        count = stack.parameters.get(f'number_of_{what}')
        groups[group.uuid] = base.ObservedNodeGroup(
            state, reason, stack.id, _addresses(out, f'kube_{what}'),
            None if count is None else int(count))
    return base.Observed(
        state, reason, stack.id,
        _url(address) if address else None,
        coe_version=_lowest(fact.get('version') for fact in facts),
        container_version=_lowest(
            fact.get('runtime', '').rpartition('//')[2] for fact in facts),
        nodegroups=groups)


def _url(address: str) -> str:
    return f'https://[{address}]:6443' if ':' in address else (
        f'https://{address}:6443')


def _addresses(outputs: Any, name: str) -> tuple[str, ...] | None:
    """Floating addresses, or the private ones where there are none."""
    if name not in outputs:
        return None
    for key in (name, f'{name}_private'):
        found = tuple(filter(None, outputs.get(key) or ()))
        if found:
            return found
    return ()


def _facts(nodes: list[str | None] | None) -> list[dict[str, str]]:
    """What nodes told with their signals, as far as it can be read."""
    facts = []
    for told in filter(None, nodes or ()):
        try:
            for text in json.loads(told).values():
                fact = json.loads(text)
                if isinstance(fact, dict):
                    facts.append(fact)
        except (ValueError, TypeError, AttributeError):
            continue
    return facts


def _lowest(versions: Iterable[str | None]) -> str | None:
    # Nodes say what they like; Python refuses numbers of too many digits.
    return min(filter(None, versions), default=None,
               key=lambda text: [int(n) for n in re.findall('[0-9]{1,9}',
                                                            text)])


def explained(cloud: openstack.Cloud, spec: specs.ClusterSpec,
              stack: heat.Stack) -> str:
    """Heat's reason of a failure, and in plain words what it means."""
    path = re.search(r'WaitConditionTimeout: resources\.(\w+)\.resources'
                     r'\[(\d+)\]', stack.reason)
    if path and path[1] in GROUP_WORDS:
        silent = [_node_name(stack, path[1], path[2])]
        seconds = parameters.node_timeout(spec.create_timeout)
    elif 'Timed out' in stack.reason:
        silent = [_node_name(stack, member.group, member.index)
                  for member in heat.members(cloud, stack, tuple(GROUP_WORDS))
                  if not member.is_ready]
        seconds = spec.create_timeout * 60
    else:
        return stack.reason
    if not silent:
        return stack.reason
    return (f'{stack.reason} - {", ".join(sorted(silent))} did not report '
            f'within {_minutes(seconds)}: see the console log of the server, '
            f'and whether it reaches Keystone and Heat.')


def _minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f'{minutes} min' if not rest else f'{minutes} min {rest} s'


def _node_name(stack: heat.Stack, group: str, index: str) -> str:
    return f'{stack.name}-{GROUP_WORDS[group]}-{index}'
