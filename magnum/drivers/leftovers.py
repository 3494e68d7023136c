# SPDX-License-Identifier: Apache-2.0
"""What a cluster made by itself in its cloud, and would leave behind."""

from collections.abc import Callable
import re
from typing import Any

from oslo_log import log

from magnum.drivers import heat
from magnum import errors
from magnum import openstack

LOG = log.getLogger(__name__)

# How many names a reason has.
SHOWN = 5


def remove_load_balancers(cloud: openstack.Cloud, cluster_uuid: str) -> None:
    """Remove the load balancers of the cluster's Services.

    The cloud controller manager writes the cluster's uuid into their
    descriptions.

    :raises Temporary: some are on their way out: come again.
    """
    if not cloud.has_service('load-balancer'):
        return
    theirs = re.compile(f'Kubernetes .+ from cluster {cluster_uuid}')
    addresses = re.compile(
        f'Floating IP for Kubernetes .+ from cluster {cluster_uuid}$')
    waiting = []
    for balancer in cloud.load_balancers():
        status = balancer.provisioning_status
        if status == 'DELETED' or not theirs.match(balancer.description):
            continue
        waiting.append(balancer.name)
        if status.startswith('PENDING_'):
            continue
        if balancer.vip_port_id:
            for address in cloud.floating_ips(balancer.vip_port_id):
                if addresses.match(address.description):
                    cloud.delete_floating_ip(address.id)
        cloud.delete_load_balancer(balancer.id, cascade=True)
    _come_again('load balancers', waiting)


def remove_all(cloud: openstack.Cloud, stack_name: str) -> None:
    """Remove what is left of a stack that Heat does not know any more.

    :raises Temporary: something is on its way out: come again.
    """
    remove_things(cloud, stack_name)
    try:
        stacks = heat.nested(cloud, f'{stack_name}-')
    except errors.Temporary as e:
        # Nested stacks without their root are rare.  In a project with very
        # many stacks the list may take too long, at every try.
        LOG.warning('Not looking for nested stacks of %s: %s', stack_name, e)
        return
    for stack in stacks:
        heat.delete(cloud, stack)
    _come_again('nested stacks', [stack.name for stack in stacks])


def remove_things(cloud: openstack.Cloud, stack_name: str) -> None:
    """Remove servers, ports and volumes that Heat made and may have forgotten.

    An engine of Heat that dies between making a server and writing it down
    leaves one that Heat knows nothing of, and that holds on to its port.

    :raises Temporary: something is on its way out: come again.
    """
    kinds: tuple[tuple[str, Callable[[str], Any], Callable[[str], None]],
                 ...] = (
        ('servers', cloud.servers, cloud.delete_server),
        ('ports', cloud.ports, cloud.delete_port),
        ('volumes', cloud.volumes, cloud.delete_volume))
    for kind, list_them, delete in kinds:
        try:
            found = list_them(f'{stack_name}-')
        except (errors.Forbidden, errors.NotFound,
                errors.InfrastructureFailed) as e:
            # Whoever deletes may have no right to see these.
            LOG.info('Not looking for %s of stack %s: %s', kind, stack_name,
                     e)
            continue
        for thing in found:
            try:
                delete(thing.id)
            except (errors.Conflict, errors.InfrastructureFailed) as e:
                LOG.info('Not yet: %s %s: %s', kind, thing.id, e)
        _come_again(kind, [thing.name for thing in found])


def _come_again(kind: str, names: list[str]) -> None:
    if not names:
        return
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    raise errors.Temporary(
        f'removing {kind} of the cluster: {", ".join(names[:SHOWN])}{more}.')
