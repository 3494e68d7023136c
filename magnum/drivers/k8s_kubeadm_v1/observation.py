# SPDX-License-Identifier: Apache-2.0
"""What a cluster's stacks say about the cluster."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import json
import re
from typing import Any

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import groups as own_stacks
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.drivers import kubernetes_health
from magnum.drivers import reasons
from magnum import errors
from magnum import openstack
from magnum import specs

GROUP_WORDS = {'kube_masters': 'master', 'kube_minions': 'node'}

# What Heat's reason of a failure says, the first that fits.
CODES = (('[Qq]uota', 'QUOTA_EXCEEDED'),
         ('No valid host', 'NO_VALID_HOST'),
         ('WaitConditionFailure', 'NODE_FAILED'),
         ('WaitConditionTimeout', 'NODE_TIMEOUT'),
         ('Timed out', 'STACK_TIMEOUT'))

# By this resource of its own a node says whether it is ready.
HIDDEN = ('node_config_deployment',)


def observe(cloud: openstack.Cloud, spec: specs.ClusterSpec) -> base.Observed:
    only = spec.only_group
    if only is not None and not only.is_default:
        return _of_group(cloud, spec, only)
    more = () if only else spec.extra_groups
    # One look is for all of them.
    heat.expect(cloud, [ident for ident in (
        spec.stack_id, *(group.stack_id for group in more)) if ident])
    seen = _of_stack(cloud, spec, heat.stack_name(spec.name, spec.uuid),
                     'the cluster')
    return _together(seen, {group.uuid: _of_group(cloud, spec, group)
                            for group in more})


def _of_group(cloud: openstack.Cloud, spec: specs.ClusterSpec,
              group: specs.NodeGroupSpec) -> base.Observed:
    """What the own stack of a group says, which is about this group only."""
    alone = dataclasses.replace(
        spec, stack_id=group.stack_id,
        nodegroups=(dataclasses.replace(group, is_default=True),))
    seen = _of_stack(cloud, alone, own_stacks.stack_name(spec, group),
                     f'node group {group.name}')
    return dataclasses.replace(seen, stack_id=None, api_address=None,
                               coe_version=None, container_version=None)


def _together(cluster: base.Observed,
              groups: Mapping[str, base.Observed]) -> base.Observed:
    """The cluster's stack and those of its groups as one.

    Groups whose stacks have gone do not count.  Without the cluster's stack
    the others are of no use, unless they are on their way out.
    """
    seen = {uuid: group.nodegroups.get(uuid)
            or base.ObservedNodeGroup(group.state, group.reason)
            for uuid, group in groups.items()}
    there = [group for group in groups.values()
             if group.state is not base.State.GONE]
    told = cluster
    for state in (base.State.FAILED, base.State.IN_PROGRESS):
        told = next((one for one in (cluster, *there) if one.state is state),
                    told)
    if told.state is base.State.GONE and there:
        told = dataclasses.replace(told, state=base.State.FAILED)
    resources = [resource for one in (cluster, *there)
                 for resource in one.resources or ()]
    return dataclasses.replace(
        cluster, state=told.state, reason=told.reason, failure=told.failure,
        nodegroups={**cluster.nodegroups, **seen},
        resources=tuple(resources) or cluster.resources)


def _of_stack(cloud: openstack.Cloud, spec: specs.ClusterSpec, name: str,
              whose: str) -> base.Observed:
    """:param name: of the stack, where its id is not known."""
    stack_id = spec.stack_id
    if stack_id is None:
        found = heat.find(cloud, name)
        if found is None:
            return base.Observed(base.State.GONE)
        stack_id = found.id
    stack = heat.look(cloud, stack_id)
    if stack is None:
        return base.Observed(
            base.State.GONE, f'Stack with id {stack_id} not found in Heat.')
    if stack.is_gone:
        return base.Observed(
            base.State.GONE, f'The stack of {whose}, {stack.name}, was '
                             f'deleted in Heat.')
    state = base.State(stack.status)
    if state is base.State.IN_PROGRESS or stack.action == 'DELETE':
        return _observed(spec, state, stack, plain(stack.reason))
    # At rest: now the outputs are worth their price.
    settled = heat.find(cloud, stack.path, outputs=True) or stack
    if state is not base.State.FAILED:
        return _observed(spec, state, settled, settled.reason)
    members = heat.members(cloud, settled, tuple(GROUP_WORDS))
    failure = _failure(spec, settled, members)
    return _observed(spec, state, settled, failure.text, failure,
                     _nodes(spec, settled, members))


def _failure(spec: specs.ClusterSpec, stack: heat.Stack,
             members: Iterable[heat.Member]) -> base.Failure:
    code = next((code for pattern, code in CODES
                 if re.search(pattern, stack.reason)),
                errors.InfrastructureFailed.code)
    path = re.search(r'resources\.[^:\s]{1,255}', stack.reason)
    return base.Failure(code, explained(spec, stack, members),
                        path[0] if path else None)


def _nodes(spec: specs.ClusterSpec, stack: heat.Stack,
           members: Iterable[heat.Member]) -> tuple[base.Resource, ...]:
    groups = _groups(spec)
    return tuple(base.Resource(
        'node', node_name(stack, member.group, member.index),
        'READY' if member.is_ready else
        'FAILED' if member.is_failed else 'IN_PROGRESS',
        group.uuid if (group := groups[member.group]) else None)
        for member in members)


def _groups(spec: specs.ClusterSpec
            ) -> dict[str, specs.NodeGroupSpec | None]:
    """The default groups, by the resources that their nodes are in."""
    return {'kube_masters': spec.masters, 'kube_minions': spec.workers}


def _observed(spec: specs.ClusterSpec, state: base.State, stack: heat.Stack,
              reason: str, failure: base.Failure | None = None,
              nodes: tuple[base.Resource, ...] | None = None
              ) -> base.Observed:
    out = stack.outputs
    address = out.get('api_address')
    facts = [*facts_told(out.get('kube_masters_info')),
             *facts_told(out.get('kube_minions_info'))]
    groups = {}
    at_fault = _at_fault(spec, stack)
    for resource, group in _groups(spec).items():
        if group is None:
            continue
        count = stack.parameters.get(resource.replace('kube', 'number_of'))
        is_other = at_fault not in (None, group)
        groups[group.uuid] = base.ObservedNodeGroup(
            state, f'See {at_fault.name}, which failed.'
            if at_fault and is_other else stack.reason,
            stack.id, _addresses(out, resource),
            None if count is None else int(count),
            None if is_other else failure)
    return base.Observed(
        state, reason, stack.id,
        _url(address) if address else None,
        coe_version=kubernetes_health.lowest(
            fact.get('version') for fact in facts),
        container_version=kubernetes_health.lowest(
            str(fact.get('runtime')).rpartition('//')[2] for fact in facts),
        nodegroups=groups, failure=failure, resources=nodes)


def _at_fault(spec: specs.ClusterSpec,
              stack: heat.Stack) -> specs.NodeGroupSpec | None:
    """The group whose nodes the stack failed for, as far as Heat says it."""
    named = re.search(r'resources\.(kube_masters|kube_minions)\b',
                      stack.reason)
    return _groups(spec)[named[1]] if named else None


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


def facts_told(nodes: list[str | None] | None) -> list[dict[str, str]]:
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


def plain(reason: str) -> str:
    """Heat's reason as users read it."""
    return reasons.plain(reason, heat.GROUP_TITLES, HIDDEN)


def explained(spec: specs.ClusterSpec, stack: heat.Stack,
              members: Iterable[heat.Member]) -> str:
    """What Heat's reason of a failure means, in plain words."""
    path = re.search(r'WaitConditionTimeout: resources\.(\w+)\.resources'
                     r'\[(\d+)\]', stack.reason)
    if path and path[1] in GROUP_WORDS:
        silent = [node_name(stack, path[1], path[2])]
        seconds = wishes.node_timeout(spec.create_timeout)
    elif 'Timed out' in stack.reason:
        silent = [node_name(stack, member.group, member.index)
                  for member in members if not member.is_ready]
        seconds = spec.create_timeout * 60
    else:
        return plain(stack.reason)
    if not silent:
        return plain(stack.reason)
    return (f'Timed out: {", ".join(sorted(silent))} did not report within '
            f'{_minutes(seconds)}: see the console log of the server, and '
            f'whether it reaches Keystone and Heat.')


def _minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f'{minutes} min' if not rest else f'{minutes} min {rest} s'


def node_name(stack: heat.Stack, group: str, index: str) -> str:
    """What a server is called, and its node; as the templates have it."""
    return f'{stack.name}-{GROUP_WORDS[group]}-{index}'
