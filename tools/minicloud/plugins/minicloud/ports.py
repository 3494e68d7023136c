# SPDX-License-Identifier: Apache-2.0
"""An ML2 driver without agents: binds every port and calls it ACTIVE.

It also does what an L3 agent would report: floating IPs with a fixed port and
the ports of routers are ACTIVE.
"""

from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events
from neutron_lib.callbacks import registry
from neutron_lib.callbacks import resources
from neutron_lib import constants
from neutron_lib import context
from neutron_lib.plugins import constants as plugin_constants
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api

ROUTER_OWNERS = constants.ROUTER_INTERFACE_OWNERS + (
    constants.DEVICE_OWNER_ROUTER_GW,)


class PortDriver(api.MechanismDriver):

    def initialize(self):
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE):
            registry.subscribe(self._floating_ip, resources.FLOATING_IP, event)
            registry.subscribe(self._port, resources.PORT, event)

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OVS,
                                {portbindings.CAP_PORT_FILTER: True},
                                status=constants.PORT_STATUS_ACTIVE)
            return

    def _floating_ip(self, resource, event, trigger, payload):
        floating_ip = payload.latest_state or {}
        in_use = (floating_ip.get('fixed_port_id')
                  or floating_ip.get('port_id'))
        directory.get_plugin(plugin_constants.L3).update_floatingip_status(
            context.get_admin_context(),
            payload.resource_id or floating_ip.get('id'),
            constants.FLOATINGIP_STATUS_ACTIVE if in_use
            else constants.FLOATINGIP_STATUS_DOWN)

    def _port(self, resource, event, trigger, payload):
        port = payload.latest_state or {}
        if (port.get('device_owner') in ROUTER_OWNERS
                and port.get('status') == constants.PORT_STATUS_DOWN):
            directory.get_plugin().update_port_status(
                context.get_admin_context(), port['id'],
                constants.PORT_STATUS_ACTIVE)
