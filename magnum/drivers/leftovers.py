# SPDX-License-Identifier: Apache-2.0
"""What a cluster made by itself in its cloud, and would leave behind."""

import re

from magnum import errors
from magnum import openstack


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
    waiting = 0
    for balancer in cloud.load_balancers():
        status = balancer.provisioning_status
        if status == 'DELETED' or not theirs.match(balancer.description):
            continue
        waiting += 1
        if status.startswith('PENDING_'):
            continue
        if balancer.vip_port_id:
            for address in cloud.floating_ips(balancer.vip_port_id):
                if addresses.match(address.description):
                    cloud.delete_floating_ip(address.id)
        cloud.delete_load_balancer(balancer.id, cascade=True)
    if waiting:
        raise errors.Temporary(
            f'{waiting} load balancers of the cluster\'s Services are being '
            f'removed.')
