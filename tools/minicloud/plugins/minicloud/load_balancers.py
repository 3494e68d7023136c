# SPDX-License-Identifier: Apache-2.0
"""Octavia's view of a network in which no amphora is real.

The VIP's port and its security group are real Neutron objects, so that a
floating IP can be put on them; the amphora's own ports are imaginary.
"""

from octavia.common import data_models
from octavia.db import api
from octavia.db import repositories
from octavia.network import data_models as network_models
from octavia.network.drivers.neutron import allowed_address_pairs
from oslo_utils import uuidutils

NOWHERE = '198.51.100.1'


class NetworkDriver(allowed_address_pairs.AllowedAddressPairsDriver):

    def plug_aap_port(self, load_balancer, vip, amphora, subnet):
        return data_models.Amphora(
            id=amphora.id, compute_id=amphora.compute_id, vrrp_ip=NOWHERE,
            ha_ip=vip.ip_address, vrrp_port_id=uuidutils.generate_uuid(),
            ha_port_id=vip.port_id)

    def get_plugged_networks(self, compute_id):
        """A leg in the VIP's network and in those of all members.

        A member whose network is not among them goes to ERROR.
        """
        session = api.get_session()
        with session.begin():
            amphora = repositories.AmphoraRepository().get(
                session, compute_id=compute_id)
            balancer = (
                amphora and amphora.load_balancer_id
                and repositories.LoadBalancerRepository().get(
                    session, id=amphora.load_balancer_id))
            if not balancer:
                return []
            legs = {balancer.vip.subnet_id: balancer.vip.network_id}
            subnets = {m.subnet_id for pool in balancer.pools
                       for m in pool.members if m.subnet_id}
        for subnet_id in subnets - set(legs):
            legs[subnet_id] = self.get_subnet(subnet_id).network_id
        by_network = {}
        for subnet_id, network_id in legs.items():
            by_network.setdefault(network_id, []).append(
                network_models.FixedIP(subnet_id=subnet_id,
                                       ip_address=NOWHERE))
        return [network_models.Interface(
                    compute_id=compute_id, network_id=network,
                    port_id=uuidutils.generate_uuid(), fixed_ips=addresses,
                    vnic_type='normal')
                for network, addresses in by_network.items()]

    def create_port(self, network_id, name=None, **kwargs):
        return network_models.Port(
            id=uuidutils.generate_uuid(), name=name, network_id=network_id,
            fixed_ips=[], mac_address='fa:16:3e:00:00:01')

    def get_network_configs(self, load_balancer, amphora=None):
        subnet = self.get_subnet(load_balancer.vip.subnet_id)
        port = self.get_port(load_balancer.vip.port_id)
        return {a.id: network_models.AmphoraNetworkConfig(
                    amphora=a, vip_subnet=subnet, vip_port=port,
                    vrrp_subnet=subnet, vrrp_port=port,
                    ha_subnet=subnet, ha_port=port)
                for a in ([amphora] if amphora else load_balancer.amphorae)}

    def _nothing(self, *args, **kwargs):
        pass

    unplug_aap_port = update_aap_port_sg = unplug_vip = unplug_network = \
        plug_port = failover_preparation = delete_port = \
        set_port_admin_state_up = plug_fixed_ip = unplug_fixed_ip = _nothing
