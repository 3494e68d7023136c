# SPDX-License-Identifier: Apache-2.0
"""The other services of the cloud: the one place that makes clients for them.

    service_cloud()         as the service's own user
    request_cloud(context)  as the caller of the request at hand (API)
    token_cloud(token)      as the owner of a bare token (conductor)

All three give a `Cloud`.  The sessions of a process share one pool of
connections; each call has a time-out.  What goes wrong comes out as one of
`magnum.errors`, by `translated`, so that nobody else needs to know how each
client library says it.

Look-ups are plain HTTP: they take one or two small requests each, need no
version discovery, and spare the daemons the memory of a client library for
each service.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import threading
import time
from typing import Any
from urllib import parse

from heatclient import exc as heat_exc
from keystoneauth1 import access
from keystoneauth1 import exceptions as ka_exc
from keystoneauth1.identity import access as access_plugin
from keystoneauth1.loading import session as session_loading
from keystoneauth1 import service_token
from keystoneauth1 import session as ka_session
from oslo_config import cfg
from oslo_utils import uuidutils

from magnum import client_options
from magnum import errors

CONF = cfg.CONF

# Seconds to connect, and between two pieces of an answer, when
# [keystone_auth] timeout is not set.
TIMEOUT = 30

# How long a token's catalogue and roles are taken from memory, and of how many
# tokens.
TOKEN_SECONDS = 300
TOKENS = 256

_lock = threading.Lock()
_session = None
_clouds: dict[str, tuple[float, 'Cloud']] = {}


@contextlib.contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn what a client library raises into this project's own errors.

    :param service: as people call it, such as "Heat"; named in the errors.
    """
    try:
        yield
    except ka_exc.CatalogException as e:
        raise errors.InfrastructureFailed(
            f'{service} is not in the catalog of this cloud, or not for this '
            f'region and interface.') from e
    except (ka_exc.RetriableConnectionFailure,
            heat_exc.CommunicationError) as e:
        raise errors.ServiceUnavailable(
            f'{service} cannot be reached or did not answer in time; '
            f'try again later.') from e
    except ka_exc.ConnectionError as e:
        raise errors.ServiceUnavailable(
            f'The connection to {service} failed; try again later.') from e
    except ka_exc.Unauthorized as e:
        if _is_own_login(e):
            raise errors.ServiceUnavailable(
                'Keystone refuses the service its own login; an operator '
                'should look at [keystone_auth] and [trust].') from e
        raise _refusal(service, 401, e.message) from e
    except ka_exc.HttpError as e:
        raise _refusal(service, e.http_status, e.message) from e
    except heat_exc.HTTPException as e:
        raise _refusal(service, e.code,
                       e.error['error'].get('message')) from e
    except (ka_exc.ClientException, heat_exc.BaseException) as e:
        raise errors.InfrastructureFailed(f'{service}: {e}') from e


def _is_own_login(error: ka_exc.Unauthorized) -> bool:
    # Only the service's own users ever log in; a user's token is a token.
    return (error.method == 'POST'
            and str(error.url).endswith('/auth/tokens'))


def _refusal(service: str, status: Any, text: str | None) -> Exception:
    text = (text or '').strip() or f'refused with status {status}'
    if status == 401:
        return errors.AuthorisationEnded(
            f'{service} no longer accepts the authorisation of this request; '
            f'submit it again.')
    if status == 403:
        return errors.Forbidden(f'{service}: {text}')
    if status == 404:
        return errors.NotFound(service, 'resource')
    if status == 409:
        return errors.Conflict(f'{service}: {text}')
    if status in (408, 429) or not isinstance(status, int) or status >= 500:
        return errors.ServiceUnavailable(
            f'{service} answered with status {status}; try again later.')
    return errors.InfrastructureFailed(f'{service}: {text}')


def service_session() -> ka_session.Session:
    """The session of the service's own user; one for the process."""
    global _session
    with _lock:
        if _session is None:
            _session = _load_session()
    return _session


def reset() -> None:
    """Forget sessions and catalogues, as after a fork or between tests."""
    global _session
    with _lock:
        _session = None
        _clouds.clear()


def session_for(auth: Any) -> ka_session.Session:
    """A session for another user, on the connections of the service's own."""
    own = service_session()
    return ka_session.Session(
        auth=auth, session=own.session, verify=own.verify, cert=own.cert,
        timeout=own.timeout, discovery_cache=own._discovery_cache)


def keystone_url() -> str:
    """Keystone's address as configured, with its version."""
    url = client_options.keystone_url()
    if not url:
        raise errors.InfrastructureFailed(
            'Keystone\'s address is not configured: [keystone_auth] auth_url.')
    url = url.rstrip('/').removesuffix('/v2.0')
    return url if url.endswith('/v3') else url + '/v3'


def _load_session() -> ka_session.Session:
    try:
        auth = client_options.load_auth(keystone_url())
    except (ka_exc.AuthPluginException, cfg.RequiredOptError) as e:
        raise errors.InfrastructureFailed(
            f'[keystone_auth] does not make a complete login: {e}') from e
    session = session_loading.Session().load_from_conf_options(
        CONF, client_options.AUTH_GROUP, auth=auth)
    if session.timeout is None:
        session.timeout = float(TIMEOUT)
    # Many threads share it: operations, look-ups, health.
    for scheme in ('http://', 'https://'):
        session.mount(scheme, ka_session.TCPKeepAliveAdapter(
            pool_maxsize=32))
    return session


def service_cloud(project_id: str | None = None) -> 'Cloud':
    """The cloud as the service's own user.

    :param project_id: whose stacks `heat` is about; needs the service's user
        to be admin in Heat's eyes.
    """
    session = service_session()
    return Cloud(session, session.auth, project_id=project_id)


def request_cloud(context: Any) -> 'Cloud':
    """The cloud as the caller of an API request, without a login."""
    return Cloud(session_for(context.auth_plugin), context.auth_plugin,
                 project_id=context.project_id, user_id=context.user_id,
                 roles=context.roles)


def token_cloud(token: str) -> 'Cloud':
    """The cloud as the owner of a bare token.

    The token is shown to Keystone once in a while, for its catalogue and
    roles.  It may have expired since its request was accepted: calls carry
    the service's own token too, and then other services accept it.

    :raises AuthorisationEnded: it is revoked, or none at all.
    """
    key = hashlib.sha256(token.encode()).hexdigest()
    now = time.monotonic()
    with _lock:
        until, cloud = _clouds.get(key, (0, None))
        if now < until:
            return cloud
    auth = access_plugin.AccessInfoPlugin(_show(token), keystone_url())
    wrapped = service_token.ServiceTokenAuthWrapper(
        user_auth=auth, service_auth=service_session().auth)
    cloud = Cloud(session_for(wrapped), auth)
    with _lock:
        while len(_clouds) >= TOKENS:
            del _clouds[next(iter(_clouds))]
        _clouds[key] = (now + TOKEN_SECONDS, cloud)
    return cloud


def _show(token: str) -> access.AccessInfo:
    try:
        with translated('Keystone'):
            response = service_session().get(
                keystone_url() + '/auth/tokens?allow_expired=1',
                headers={'X-Subject-Token': token}, connect_retries=1)
    except errors.NotFound:
        raise errors.AuthorisationEnded(
            'The authorisation of this request ended; submit it '
            'again.') from None
    except errors.AuthorisationEnded as e:
        # It is the asker that was refused, not the token.
        raise errors.ServiceUnavailable(
            'Keystone refuses the service\'s own token; an operator should '
            'look at [keystone_auth].') from e
    return access.create(body=response.json(), auth_token=token)


@dataclasses.dataclass(frozen=True)
class Image:
    id: str
    name: str | None
    properties: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Flavor:
    """`disk` in GB, `ram` in MB."""

    id: str
    name: str
    disk: int
    ram: int
    vcpus: int


@dataclasses.dataclass(frozen=True)
class Network:
    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    network_id: str
    cidr: str


@dataclasses.dataclass(frozen=True)
class KeyPair:
    name: str


@dataclasses.dataclass(frozen=True)
class LoadBalancer:
    id: str
    name: str
    description: str
    provisioning_status: str
    vip_port_id: str | None


@dataclasses.dataclass(frozen=True)
class FloatingIp:
    id: str
    address: str
    description: str


class Cloud:
    """All services of one cloud, as one user.

    Look-ups are by id or name and raise `NotFound` for none, `Conflict` for
    several, `Forbidden`, `ServiceUnavailable` and `AuthorisationEnded`.
    """

    def __init__(self, session: ka_session.Session, auth: Any,
                 project_id: str | None = None, user_id: str | None = None,
                 roles: list[str] | None = None):
        self.session = session
        self._auth = auth
        self._project_id = project_id
        self._user_id = user_id
        self._roles = roles

    @functools.cached_property
    def _access(self) -> access.AccessInfo:
        return self._auth.get_access(self.session)

    @property
    def project_id(self) -> str:
        return self._project_id or self._who().project_id

    @property
    def user_id(self) -> str:
        return self._user_id or self._who().user_id

    @property
    def roles(self) -> list[str]:
        return list(self._roles or self._who().role_names)

    def _who(self) -> access.AccessInfo:
        with translated('Keystone'):
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
        service, kind, _ = client_options.CLIENTS[client]
        conf = CONF[f'{client}_client']
        with translated(service):
            return self._auth.get_endpoint(
                self.session, service_type=kind, skip_discovery=True,
                interface=interface or conf.endpoint_type,
                region_name=region or conf.region_name)

    def auth_url(self, interface: str = 'public',
                 region: str | None = None) -> str:
        """Keystone's address for others, from the catalogue; ends in /v3."""
        with translated('Keystone'):
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
        with translated('Nova'):
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

    def image(self, ident: str) -> Image:
        if uuidutils.is_uuid_like(ident):
            with contextlib.suppress(errors.NotFound):
                return _image(self._get('glance', f'/images/{ident}'))
        found = self._get('glance', '/images', name=ident)['images']
        return _image(_only(found, 'Image', ident))

    def flavor(self, ident: str) -> Flavor:
        path = parse.quote(ident, safe='')
        with contextlib.suppress(errors.NotFound):
            return _flavor(self._get('nova', f'/flavors/{path}')['flavor'])
        # Nova cannot be asked for a flavor by name.
        for flavor in self._get('nova', '/flavors/detail')['flavors']:
            if flavor['name'] == ident:
                return _flavor(flavor)
        raise errors.NotFound('Flavor', ident)

    def external_network(self, ident: str) -> Network:
        return self._network('External network', ident,
                             {'router:external': 'True'})

    def network(self, ident: str) -> Network:
        return self._network('Network', ident, {})

    def _network(self, kind: str, ident: str,
                 filters: dict[str, str]) -> Network:
        row = self._neutron('networks', kind, ident, ('id', 'name'), filters)
        return Network(row['id'], row['name'])

    def subnet(self, ident: str) -> Subnet:
        row = self._neutron('subnets', 'Subnet', ident,
                            ('id', 'name', 'network_id', 'cidr'), {})
        return Subnet(row['id'], row['name'], row['network_id'], row['cidr'])

    def _neutron(self, path: str, kind: str, ident: str,
                 fields: tuple[str, ...],
                 filters: dict[str, str]) -> dict[str, Any]:
        found = []
        if uuidutils.is_uuid_like(ident):
            found = self._get('neutron', f'/{path}', id=ident, fields=fields,
                              **filters)[path]
        if not found:
            found = self._get('neutron', f'/{path}', name=ident,
                              fields=fields, **filters)[path]
        return _only(found, kind, ident)

    def keypair(self, name: str) -> KeyPair:
        path = parse.quote(name, safe='')
        try:
            self._get('nova', f'/os-keypairs/{path}')
        except errors.NotFound:
            raise errors.NotFound('Key pair', name) from None
        return KeyPair(name)

    def project(self, ident: str) -> str:
        """The project's id, if Keystone knows it."""
        path = parse.quote(ident, safe='')
        try:
            with translated('Keystone'):
                return self.session.get(
                    f'{self.auth_url()}/projects/{path}',
                    headers={'Accept': 'application/json'}
                ).json()['project']['id']
        except errors.NotFound:
            raise errors.NotFound('Project', ident) from None

    def volume_types(self) -> list[str]:
        return [row['name']
                for row in self._get('cinder', '/types')['volume_types']]

    # What a cluster may leave behind.

    def load_balancers(self) -> list[LoadBalancer]:
        """All of the user's project."""
        rows = self._get('octavia', '/lbaas/loadbalancers',
                         project_id=self.project_id)['loadbalancers']
        return [LoadBalancer(row['id'], row['name'],
                             row.get('description') or '',
                             row['provisioning_status'],
                             row.get('vip_port_id')) for row in rows]

    def delete_load_balancer(self, ident: str, cascade: bool = True) -> None:
        """Set its removal in motion; absent is success."""
        self._delete('octavia', f'/lbaas/loadbalancers/{ident}'
                                f'?cascade={str(cascade).lower()}')

    def floating_ips(self, port_id: str) -> list[FloatingIp]:
        rows = self._get('neutron', '/floatingips',
                         port_id=port_id)['floatingips']
        return [FloatingIp(row['id'], row['floating_ip_address'],
                           row.get('description') or '') for row in rows]

    def delete_floating_ip(self, ident: str) -> None:
        """Absent is success."""
        self._delete('neutron', f'/floatingips/{ident}')

    def _get(self, client: str, path: str, **query: Any) -> Any:
        with translated(client_options.CLIENTS[client].name):
            return self._session_to(client).get(
                self._url(client, path), params=query,
                headers={'Accept': 'application/json'},
                connect_retries=1).json()

    def _delete(self, client: str, path: str) -> None:
        with (contextlib.suppress(errors.NotFound),
              translated(client_options.CLIENTS[client].name)):
            self._session_to(client).delete(self._url(client, path))

    def _url(self, client: str, path: str) -> str:
        base = self.endpoint(client).rstrip('/')
        version = client_options.CLIENTS[client].version
        if f'/{version.split(".")[0]}' not in parse.urlsplit(base).path:
            base = f'{base}/{version}'
        return base + path

    def _session_to(self, client: str) -> ka_session.Session:
        """The session; another one where a client has TLS options."""
        tls = client_options.tls(client)
        if not tls:
            return self.session
        return ka_session.Session(
            auth=self.session.auth, session=self.session.session,
            timeout=self.session.timeout, **tls)


def _only(found: list[dict[str, Any]], kind: str,
          ident: str) -> dict[str, Any]:
    if not found:
        raise errors.NotFound(kind, ident)
    if len(found) > 1:
        raise errors.Conflict(
            f'Multiple {kind.lower()}s exist with same name {ident}; use the '
            f'id instead.')
    return found[0]


def _image(row: dict[str, Any]) -> Image:
    # Glance mixes an image's own properties with its fields; all properties
    # are text.
    return Image(row['id'], row.get('name'),
                 {key: value for key, value in row.items()
                  if isinstance(value, str)})


def _flavor(row: dict[str, Any]) -> Flavor:
    return Flavor(row['id'], row['name'], row['disk'], row['ram'],
                  row['vcpus'])
