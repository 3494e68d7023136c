# SPDX-License-Identifier: Apache-2.0
"""Finding what names stand for: images, flavors, networks, key pairs.

By id or name, in one or two small requests each; `NotFound` for none,
`Conflict` for several.
"""

import contextlib
from typing import Any
from urllib import parse

from oslo_utils import uuidutils

from magnum import errors
from magnum.openstack import calls
from magnum.openstack import records
from magnum.openstack import translate

# Who owns the ports by which routers are on networks, of all kinds of router.
_ROUTER_PORTS = ('network:router_interface',
                 'network:ha_router_replicated_interface',
                 'network:router_interface_distributed')


class LookUps(calls.Calls):
    """What requests of users name, as the user sees it."""

    def image(self, ident: str) -> records.Image:
        calls.check('Image', ident)
        if uuidutils.is_uuid_like(ident):
            with contextlib.suppress(errors.NotFound):
                return records.image(self._get('glance', f'/images/{ident}'))
        found = self._get('glance', '/images', name=ident)['images']
        if not found:
            # Those of the community are in no list unless asked for.
            found = self._get('glance', '/images', name=ident,
                              visibility='community')['images']
        return records.image(_only(found, 'Image', ident))

    def flavor(self, ident: str) -> records.Flavor:
        calls.check('Flavor', ident)
        path = parse.quote(ident, safe='')
        with contextlib.suppress(errors.NotFound):
            return records.flavor(
                self._get('nova', f'/flavors/{path}')['flavor'])
        # Nova cannot be asked for a flavor by name.
        page = self._get('nova', '/flavors/detail')['flavors']
        while page:
            for flavor in page:
                if flavor['name'] == ident:
                    return records.flavor(flavor)
            page = self._get('nova', '/flavors/detail',
                             marker=page[-1]['id'])['flavors']
        raise errors.NotFound('Flavor', ident)

    def external_network(self, ident: str) -> records.Network:
        return self._network('External network', ident,
                             {'router:external': 'True'})

    def network(self, ident: str) -> records.Network:
        return self._network('Network', ident, {})

    def _network(self, kind: str, ident: str,
                 filters: dict[str, str]) -> records.Network:
        row = self._neutron('networks', kind, ident,
                            ('id', 'name', 'project_id'), filters)
        return records.Network(row['id'], row['name'], row.get('project_id'))

    def subnet(self, ident: str) -> records.Subnet:
        row = self._neutron('subnets', 'Subnet', ident, (
            'id', 'name', 'network_id', 'cidr', 'project_id'), {})
        return records.Subnet(row['id'], row['name'], row['network_id'],
                              row['cidr'], row.get('project_id'))

    def subnets_of(self, network_id: str) -> list[records.Subnet]:
        rows = self._get('neutron', '/subnets',
                         network_id=network_id)['subnets']
        return [records.Subnet(row['id'], row['name'], row['network_id'],
                                row['cidr']) for row in rows]

    def networks_outside(self, network_id: str,
                         subnet_id: str | None = None) -> set[str] | None:
        """The external networks that routers join a network to, by id.

        None where a router is not the user's to see.  The owner of a network
        sees all of its ports.
        """
        ports = self._get('neutron', '/ports', network_id=network_id,
                          device_owner=_ROUTER_PORTS,
                          fields=('device_id', 'fixed_ips'))['ports']
        routers = {port['device_id'] for port in ports
                   if subnet_id is None or any(
                       address['subnet_id'] == subnet_id
                       for address in port['fixed_ips'])}
        if not routers:
            return set()
        rows = self._get('neutron', '/routers', id=sorted(routers),
                         fields=('id', 'external_gateway_info'))['routers']
        if len(rows) < len(routers):
            return None
        return {row['external_gateway_info']['network_id'] for row in rows
                if row['external_gateway_info']}

    def _neutron(self, path: str, kind: str, ident: str,
                 fields: tuple[str, ...],
                 filters: dict[str, str]) -> dict[str, Any]:
        calls.check(kind, ident)
        found = []
        if uuidutils.is_uuid_like(ident):
            found = self._get('neutron', f'/{path}', id=ident, fields=fields,
                              **filters)[path]
        if not found:
            found = self._get('neutron', f'/{path}', name=ident,
                              fields=fields, **filters)[path]
        return _only(found, kind, ident)

    def keypair(self, name: str) -> records.KeyPair:
        calls.check('Key pair', name)
        path = parse.quote(name, safe='')
        try:
            row = self._get('nova', f'/os-keypairs/{path}')['keypair']
        except errors.NotFound:
            raise errors.NotFound('Key pair', name) from None
        return records.KeyPair(name, row.get('public_key') or '')

    def project(self, ident: str) -> str:
        """The project's id, if Keystone knows it."""
        calls.check('Project', ident)
        path = parse.quote(ident, safe='')
        try:
            with translate.translated('Keystone'):
                return self.session.get(
                    f'{self.auth_url()}/projects/{path}',
                    headers={'Accept': 'application/json'},
                    **self._limits('Keystone')).json()['project']['id']
        except errors.NotFound:
            raise errors.NotFound('Project', ident) from None

    def zones(self) -> list[str]:
        """The availability zones that servers can be in."""
        rows = self._get('nova', '/os-availability-zone')
        return [row['zoneName'] for row in rows['availabilityZoneInfo']
                if row['zoneState']['available']]

    def volume_types(self) -> list[str]:
        """Names and ids of the types that the user may use."""
        # An administrator would be shown the public ones alone.
        rows = self._get('cinder', '/types', is_public='None')['volume_types']
        return [word for row in rows for word in (row['name'], row['id'])]


def _only(found: list[dict[str, Any]], kind: str,
          ident: str) -> dict[str, Any]:
    if not found:
        raise errors.NotFound(kind, ident)
    if len(found) > 1:
        raise errors.Conflict(
            f'Multiple {kind.lower()}s exist with same name {ident}; use the '
            f'id instead.')
    return found[0]
