# SPDX-License-Identifier: Apache-2.0
"""A driver whose infrastructure is a dictionary."""

from magnum import drivers
from magnum.drivers import base
from magnum import errors


class FakeDriver(base.Driver):
    """Serves (vm, ubuntu, kubernetes); the test plays the infrastructure.

    `stacks` is by cluster uuid: the specification last applied.  `state` is
    what every look at a stack sees.
    """

    provides = (base.ClusterType('vm', 'ubuntu', 'kubernetes'),)

    def __init__(self):
        self.stacks = {}
        self.applied = []
        self.state = base.State.COMPLETE
        self.reason = None

    def validate(self, spec):
        if spec.labels.get('refuse'):
            raise errors.InvalidParameter('labels', 'refuse is set.')

    def apply(self, cloud, spec):
        self.stacks[spec.uuid] = spec
        self.applied.append(spec)
        return f'stack-of-{spec.uuid}'

    def observe(self, cloud, spec):
        if spec.uuid not in self.stacks:
            return base.Observed(base.State.GONE)
        return base.Observed(
            self.state, self.reason, api_address='https://192.0.2.1:6443',
            nodegroups={group.uuid: base.ObservedNodeGroup(
                self.state, self.reason, node_addresses=('10.0.0.1',))
                for group in spec.nodegroups})

    def destroy(self, cloud, spec, nodegroup=None):
        self.stacks.pop(spec.uuid, None)


def install(monkeypatch):
    """Make it the only driver there is; the driver."""
    driver = FakeDriver()
    monkeypatch.setattr(drivers, '_installed', lambda: {'fake': driver})
    return driver
