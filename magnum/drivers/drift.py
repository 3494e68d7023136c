# SPDX-License-Identifier: Apache-2.0
"""Stacks that something happened to while nobody was changing their clusters.

Many stacks of a project are listed by one call.  That a stack is missing in a
list is not believed at once: whoever is not allowed to see it gets a list,
too, and an empty one.
"""

from collections.abc import Callable
from collections.abc import Iterable

from magnum.drivers import base
from magnum.drivers import heat
from magnum import openstack
from magnum import specs


def survey(cloud: openstack.Cloud, wanted: Iterable[specs.ClusterSpec],
           plain: Callable[[str], str]
           ) -> dict[str, dict[str, base.Failure]]:
    """For `Driver.survey`.

    :param plain: how users read a reason of Heat's.
    """
    clusters = list(wanted)
    stacks = heat.listed(cloud, sorted({
        group.stack_id for spec in clusters for group in spec.nodegroups
        if group.stack_id}))
    found = {}
    for spec in clusters:
        own = {group.stack_id for group in spec.nodegroups if group.stack_id}
        if any(_is_changing(stacks[ident]) for ident in own):
            continue
        failures = {ident: _failure(cloud, ident, stacks[ident], plain)
                    for ident in own}
        found[spec.uuid] = {
            group.uuid: failure for group in spec.nodegroups
            if group.stack_id and (failure := failures[group.stack_id])}
    return found


def _is_changing(stack: heat.Stack | None) -> bool:
    """Whether someone is at work on it in Heat, as a healer may be."""
    return (stack is not None and stack.status == 'IN_PROGRESS'
            and stack.action != 'DELETE')


def _failure(cloud: openstack.Cloud, ident: str, stack: heat.Stack | None,
             plain: Callable[[str], str]) -> base.Failure | None:
    if stack is None:
        if heat.find(cloud, ident) is not None:
            return None
        return base.Failure('STACK_LOST',
                            f'Stack with id {ident} not found in Heat.')
    if stack.action == 'DELETE':
        doing = 'was' if stack.is_gone else 'is being'
        if stack.status == 'FAILED':
            doing = 'could not be'
        return base.Failure('STACK_LOST',
                            f'The stack {stack.name} {doing} deleted in Heat.')
    if stack.status == 'FAILED':
        return base.Failure('STACK_FAILED',
                            f'The stack {stack.name} failed in Heat: '
                            f'{plain(stack.reason)}')
    return None
