# SPDX-License-Identifier: Apache-2.0
"""The services of one cloud, as one user sees them.

Look-ups are plain HTTP: they take one or two small requests each, need no
version discovery, and spare the daemons the memory of a client library for
each service.  Only Heat has one, for what it knows of templates.
"""

import contextlib
import functools
import importlib
import re
import time
from typing import Any
from urllib import parse

from keystoneauth1 import access
from keystoneauth1 import session as ka_session
from oslo_config import cfg
from oslo_utils import uuidutils
import requests

from magnum import errors
from magnum.openstack import options
from magnum.openstack import quiet
from magnum.openstack import records
from magnum.openstack import translate

CONF = cfg.CONF

# Of a `Cloud` that has a limit for all of its calls, for each of them.
CALL_SECONDS = 10


# Who owns the ports by which routers are on networks, of all kinds of router.
_ROUTER_PORTS = ('network:router_interface',
                 'network:ha_router_replicated_interface',
                 'network:router_interface_distributed')


class Cloud:
    """All services of one cloud, as one user.

    Look-ups are by id or name and raise `NotFound` for none, `Conflict` for
    several, `Forbidden`, `ServiceUnavailable` and `AuthorisationEnded`.

    :param seconds: how long all calls together may take, if there is a limit.
    """

    def __init__(self, session: ka_session.Session, auth: Any,
                 project_id: str | None = None, user_id: str | None = None,
                 roles: list[str] | None = None,
                 seconds: float | None = None):
        self.session = session
        self._until = seconds and time.monotonic() + seconds
        self._auth = auth
        self._project_id = project_id
        self._user_id = user_id
        self._roles = roles

    @property
    def project_id(self) -> str:
        return self._project_id or self._who().project_id

    @property
    def user_id(self) -> str:
        return self._user_id or self._who().user_id

    @property
    def roles(self) -> list[str]:
        return list(self._roles or self._who().role_names)

    @property
    def has_application_credential(self) -> bool:
        """Whether the user logged in with one, which limits what it may do."""
        return self._who().application_credential_id is not None

    @property
    def has_access_rules(self) -> bool:
        """Whether the application credential allows some requests only."""
        return bool(self._who().application_credential_access_rules)

    def _who(self) -> access.AccessInfo:
        with translate.translated('Keystone'):
            return self._auth.get_access(self.session)

    # What the catalogue says; no calls.

    def has_service(self, service_type: str) -> bool:
        return bool(self._who().service_catalog.get_endpoints_data(
            service_type=service_type))

    def endpoint(self, client: str, interface: str | None = None,
                 region: str | None = None) -> str:
        """A service's address, as the catalogue has it.

        :param client: the word of the [<client>_client] section.
        """
        service, kind, _ = options.CLIENTS[client]
        conf = CONF[f'{client}_client']
        with translate.translated(service):
            return self._auth.get_endpoint(
                self.session, service_type=kind, skip_discovery=True,
                interface=interface or conf.endpoint_type,
                region_name=region or conf.region_name)

    def auth_url(self, interface: str = 'public',
                 region: str | None = None) -> str:
        """Keystone's address for others, from the catalogue; ends in /v3."""
        with translate.translated('Keystone'):
            url = self._auth.get_endpoint(
                self.session, service_type='identity', skip_discovery=True,
                interface=interface, region_name=region)
        url = url.rstrip('/').removesuffix('/v2.0')
        return url if url.endswith('/v3') else url + '/v3'

    @property
    def region(self) -> str | None:
        """The region that nodes use: of Cinder's client, else of Nova."""
        if CONF.cinder_client.region_name:
            return CONF.cinder_client.region_name
        conf = CONF.nova_client
        with translate.translated('Nova'):
            return self._who().service_catalog.endpoint_data_for(
                service_type='compute', interface=conf.endpoint_type,
                region_name=conf.region_name).region_name

    @functools.cached_property
    def heat(self) -> Any:
        """heatclient's client; wrap its calls in `translated('Heat')`."""
        # Loaded when first used: it takes 7 MiB, which the API can do without.
        client = importlib.import_module('heatclient.v1.client')
        conf = CONF.heat_client
        where = {}
        if self._project_id and self._project_id != self._who().project_id:
            base, _, _ = self.endpoint('heat').rstrip('/').rpartition('/')
            where['endpoint_override'] = f'{base}/{self._project_id}'
        return client.Client(
            session=self._session_to('heat'), service_type='orchestration',
            interface=conf.endpoint_type, region_name=conf.region_name,
            **where)

    # Look-ups.

    def image(self, ident: str) -> records.Image:
        _check('Image', ident)
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
        _check('Flavor', ident)
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
        _check(kind, ident)
        found = []
        if uuidutils.is_uuid_like(ident):
            found = self._get('neutron', f'/{path}', id=ident, fields=fields,
                              **filters)[path]
        if not found:
            found = self._get('neutron', f'/{path}', name=ident,
                              fields=fields, **filters)[path]
        return _only(found, kind, ident)

    def keypair(self, name: str) -> records.KeyPair:
        _check('Key pair', name)
        path = parse.quote(name, safe='')
        try:
            row = self._get('nova', f'/os-keypairs/{path}')['keypair']
        except errors.NotFound:
            raise errors.NotFound('Key pair', name) from None
        return records.KeyPair(name, row.get('public_key') or '')

    def project(self, ident: str) -> str:
        """The project's id, if Keystone knows it."""
        _check('Project', ident)
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

    # What a cluster may leave behind.

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

    def servers(self, prefix: str) -> list[records.Named]:
        """The project's servers whose names begin so."""
        rows = self._get('nova', '/servers', name=f'^{re.escape(prefix)}',
                         **self._of_all_projects())['servers']
        return records.named(rows, prefix)

    def has_server(self, ident: str) -> bool:
        _check('Server', ident)
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

    def call(self, client: str, method: str, path: str,
             **arguments: Any) -> requests.Response:
        """One request to a service.

        :param client: the word of the [<client>_client] section.
        :param path: below the version.
        """
        name = options.CLIENTS[client].name
        with translate.translated(name):
            return self._session_to(client).request(
                self._url(client, path), method.upper(),
                **{**self._limits(name), **arguments})

    def _limits(self, service: str) -> dict[str, float]:
        """The time-out of the next call, of which there may be a second."""
        if self._until is None:
            return {}
        left = self._until - time.monotonic()
        if left <= 0:
            raise errors.ServiceUnavailable(
                f'Other services took too long to answer; the last one to be '
                f'asked was {service}. Try again later.')
        return {'timeout': min(CALL_SECONDS, left / 2)}

    def _get(self, client: str, path: str, **query: Any) -> Any:
        answer = self.call(client, 'get', path, params=query,
                           headers={'Accept': 'application/json'},
                           connect_retries=1)
        with translate.translated(options.CLIENTS[client].name):
            return answer.json()

    def _delete(self, client: str, path: str) -> None:
        with contextlib.suppress(errors.NotFound):
            self.call(client, 'delete', path)

    def _url(self, client: str, path: str) -> str:
        base = self.endpoint(client).rstrip('/')
        version = options.CLIENTS[client].version
        if f'/{version.partition(".")[0]}' not in parse.urlsplit(base).path:
            base = f'{base}/{version}'
        return base + path

    def _session_to(self, client: str) -> ka_session.Session:
        """The session; another one where a client has TLS options."""
        tls = options.tls(client)
        if not tls:
            return self.session
        own = self.session
        return quiet.Session(
            auth=own.auth, session=own.session, timeout=own.timeout,
            **{'verify': own.verify, 'cert': own.cert, **tls})


def _check(kind: str, ident: str) -> None:
    # As the last part of a path these would name something else.
    if ident in ('', '.', '..'):
        raise errors.NotFound(kind, ident)


def _only(found: list[dict[str, Any]], kind: str,
          ident: str) -> dict[str, Any]:
    if not found:
        raise errors.NotFound(kind, ident)
    if len(found) > 1:
        raise errors.Conflict(
            f'Multiple {kind.lower()}s exist with same name {ident}; use the '
            f'id instead.')
    return found[0]


