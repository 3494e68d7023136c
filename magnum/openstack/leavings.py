# SPDX-License-Identifier: Apache-2.0
"""What a cluster may leave behind in a cloud: finding it and removing it.

Kubernetes makes load balancers, volumes and floating IPs of its own, and
a stack that Heat could not delete leaves servers and ports.
"""

import contextlib
import re
from urllib import parse

from magnum import errors
from magnum.openstack import calls
from magnum.openstack import options
from magnum.openstack import records


class Leavings(calls.Calls):
    """Things of one project, whoever made them."""

    def load_balancers(self) -> list[records.LoadBalancer]:
        """All of the user's project."""
        rows = self._get('octavia', '/lbaas/loadbalancers',
                         project_id=self.project_id)['loadbalancers']
        return [records.LoadBalancer(row['id'], row['name'],
                                     row.get('description') or '',
                                     row['provisioning_status'],
                                     row.get('vip_port_id')) for row in rows]

    def delete_load_balancer(self, ident: str, cascade: bool = True) -> None:
        """Set its removal in motion; absent is success."""
        self._delete('octavia', f'/lbaas/loadbalancers/{ident}'
                                f'?cascade={str(cascade).lower()}')

    def retire_pool_member(self, pool_id: str, member_id: str) -> None:
        """Let it get no new connections; absent is success."""
        path = f'/lbaas/pools/{pool_id}/members/{member_id}'
        with contextlib.suppress(errors.NotFound):
            if self._get('octavia', path)['member']['weight']:
                self.call('octavia', 'put', path,
                          json={'member': {'weight': 0}})

    def servers(self, prefix: str) -> list[records.Named]:
        """The project's servers whose names begin so."""
        rows = self._get('nova', '/servers', name=f'^{re.escape(prefix)}',
                         **self._of_all_projects())['servers']
        return records.named(rows, prefix)

    def has_server(self, ident: str) -> bool:
        calls.check('Server', ident)
        try:
            self._get('nova', f'/servers/{parse.quote(ident, safe="")}')
        except errors.NotFound:
            return False
        return True

    def delete_server(self, ident: str) -> None:
        """Set its removal in motion; absent is success."""
        self._delete('nova', f'/servers/{ident}')

    def ports(self, prefix: str) -> list[records.Named]:
        """The project's ports whose names begin so."""
        rows = self._get('neutron', '/ports', project_id=self.project_id,
                         fields=('id', 'name'))['ports']
        return records.named(rows, prefix)

    def delete_port(self, ident: str) -> None:
        """Absent is success."""
        self._delete('neutron', f'/ports/{ident}')

    def volumes(self, prefix: str) -> list[records.Named]:
        """The project's volumes whose names begin so."""
        if not self.has_service(options.CLIENTS['cinder'].service_type):
            return []
        rows = self._get('cinder', '/volumes',
                         **self._of_all_projects())['volumes']
        return records.named(rows, prefix)

    def delete_volume(self, ident: str) -> None:
        """Set its removal in motion; absent is success."""
        self._delete('cinder', f'/volumes/{ident}')

    def _of_all_projects(self) -> dict[str, str]:
        """What a list call needs to be about another project."""
        if self.project_id == self._who().project_id:
            return {}
        return {'all_tenants': '1', 'project_id': self.project_id}

    def floating_ips(self, port_id: str) -> list[records.FloatingIp]:
        rows = self._get('neutron', '/floatingips',
                         port_id=port_id)['floatingips']
        return [records.FloatingIp(
            row['id'], row['floating_ip_address'],
            row.get('description') or '') for row in rows]

    def delete_floating_ip(self, ident: str) -> None:
        """Absent is success."""
        self._delete('neutron', f'/floatingips/{ident}')
