# SPDX-License-Identifier: Apache-2.0
"""What can be done for a cluster whose driver is not known any more.

Its template was removed behind this service's back, or the driver is not
installed or disabled.  Its stacks can still be found and deleted: by the ids
in its rows, by the name that all stacks of this service have, and by tag.
"""

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers import leftovers
from magnum import errors
from magnum import openstack
from magnum import specs


class Driver(base.Driver):
    """Deletes clusters of any kind, as far as they are stacks."""

    def check(self, spec: specs.ClusterSpec) -> base.Plan:
        raise errors.NotSupported('This can only delete clusters.')

    def apply(self, cloud: openstack.Cloud,
              spec: specs.ClusterSpec) -> base.Applied:
        raise errors.NotSupported('This can only delete clusters.')

    def observe(self, cloud: openstack.Cloud,
                spec: specs.ClusterSpec) -> base.Observed:
        stacks = _stacks(heat.home(cloud, spec.project_id), spec)
        if not stacks:
            return base.Observed(base.State.GONE)
        for stack in stacks:
            if (stack.action, stack.status) != ('DELETE', 'IN_PROGRESS'):
                return base.Observed(base.State.FAILED, stack.reason)
        return base.Observed(base.State.IN_PROGRESS, stacks[-1].reason)

    def destroy(self, cloud: openstack.Cloud,
                spec: specs.ClusterSpec) -> None:
        cloud = heat.home(cloud, spec.project_id)
        leftovers.remove_load_balancers(cloud, spec.uuid)
        stacks = _stacks(cloud, spec)
        for stack in stacks:
            if (stack.action, stack.status) == ('DELETE', 'IN_PROGRESS'):
                continue
            if stack.action == 'DELETE':
                leftovers.remove_things(cloud, stack.name)
            heat.delete(cloud, stack, spec.user_id, spec.project_id)
        if not stacks:
            leftovers.remove_all(cloud, heat.stack_name(spec.name, spec.uuid))


def _stacks(cloud: openstack.Cloud,
            spec: specs.ClusterSpec) -> list[heat.Stack]:
    """Those of single groups first: they use the network of the last."""
    idents = [*(group.stack_id for group in spec.nodegroups
                if not group.is_default), spec.stack_id,
              heat.stack_name(spec.name, spec.uuid)]
    found = {stack.id: stack for stack in heat.tagged(cloud, spec.uuid)}
    for ident in filter(None, idents):
        stack = heat.find(cloud, ident)
        if stack is not None:
            found.pop(stack.id, None)
            found[stack.id] = stack
    return list(found.values())
