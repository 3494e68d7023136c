# SPDX-License-Identifier: Apache-2.0
"""A driver whose infrastructure is a dictionary."""

import contextlib

from magnum import drivers
from magnum.drivers import base
from magnum.drivers import kubernetes
from magnum.drivers import labels as label_table
from magnum import errors
from magnum import openstack

POWERS = frozenset({'nodegroups', 'upgrade', 'resize_masters', 'rotate_ca',
                    'rotate_credential', 'node_settings'})


class FakeDriver(kubernetes.Driver):
    """Serves (vm, ubuntu, kubernetes); the test plays the infrastructure.

    `stacks` is by cluster uuid: the specification last applied.  `state` is
    what every look at a stack sees.  Groups are gone as soon as they are
    destroyed.  A token that has ended is of no use.
    """

    provides = (base.ClusterType('vm', 'ubuntu', 'kubernetes'),)

    def __init__(self, powers=()):
        self.powers = frozenset(powers)
        self.stacks = {}
        self.applied = []
        self.destroyed = []
        self.state = base.State.COMPLETE
        self.reason = None

    def check(self, spec):
        label_table.check(self.labels, spec.labels)
        for labels in (spec.labels, spec.workers.node_labels,
                       *(group.labels for group in spec.nodegroups)):
            if labels.get('refuse'):
                raise errors.InvalidParameter('labels', 'refuse is set.')
        if spec.masters.node_count > 1 and not spec.master_lb_enabled:
            raise errors.InvalidParameter(
                'node_count', 'masters have no load balancer.')
        nodes = sum(group.node_count for group in spec.nodegroups)
        return base.Plan(
            {'server': nodes, 'port': nodes}, {**spec.labels, 'more': 'yes'},
            tuple(label_table.unused(self.labels, spec.labels)))

    def apply(self, cloud, spec):
        _authenticate(cloud)
        self.stacks[spec.uuid] = spec
        self.applied.append(spec)
        handle = f'stack-of-{spec.uuid}'
        return base.Applied(handle, {group.uuid: handle
                                     for group in spec.nodegroups
                                     if group.is_default})

    def observe(self, cloud, spec):
        _authenticate(cloud)
        if spec.uuid not in self.stacks:
            return base.Observed(base.State.GONE)
        return base.Observed(
            self.state, self.reason, api_address='https://192.0.2.7:6443',
            coe_version='v1.31.0',
            nodegroups={group.uuid: base.ObservedNodeGroup(
                self.state, self.reason, node_addresses=('10.0.0.5',),
                stack_id=f'stack-of-{spec.uuid}')
                for group in spec.nodegroups
                if group.uuid not in self.destroyed})

    def destroy(self, cloud, spec):
        _authenticate(cloud)
        self.stacks.pop(spec.uuid, None)

    def destroy_nodegroup(self, cloud, spec, nodegroup):
        _authenticate(cloud)
        if nodegroup.uuid not in self.destroyed:
            self.destroyed.append(nodegroup.uuid)


def _authenticate(cloud):
    with openstack.translated('The infrastructure'):
        cloud.session.get_user_id()


class AbleDriver(FakeDriver):
    """Has every power, and is found by its name alone."""

    provides = ()

    def __init__(self):
        super().__init__(POWERS)


def install(monkeypatch):
    """Make it the only driver that there is for a type; the driver.

    A template may name another one, `able`, that has every power.
    """
    driver, able = FakeDriver(), AbleDriver()
    monkeypatch.setattr(drivers, '_installed',
                        lambda: {'fake': driver, 'able': able})
    return driver


@contextlib.contextmanager
def outcome(status):
    """In the block, what any of the drivers builds comes out so."""
    fakes = drivers._installed().values()
    for driver in fakes:
        driver.state = base.State[status.partition('_')[2]]
        driver.reason = f'It is {status}.'
    yield
    for driver in fakes:
        driver.state, driver.reason = base.State.COMPLETE, None
