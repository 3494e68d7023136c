# SPDX-License-Identifier: Apache-2.0
"""Requests to the services of one cloud, as one user.

Plain HTTP: no version discovery, and none of the memory that a client library
for each service takes.
"""

import contextlib
import time
from typing import Any
from urllib import parse

from keystoneauth1 import access
from keystoneauth1 import session as ka_session
from oslo_config import cfg
import requests

from magnum import errors
from magnum.openstack import options
from magnum.openstack import quiet
from magnum.openstack import translate

CONF = cfg.CONF

# Of a `Cloud` that has a limit for all of its calls, for each of them.
CALL_SECONDS = 10


class Calls:
    """The catalogue of a cloud, and calls to what is in it.

    They raise `NotFound`, `Forbidden`, `ServiceUnavailable` and
    `AuthorisationEnded`.

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


def check(kind: str, ident: str) -> None:
    """Refuse what would name something else as the last part of a path.

    :raises NotFound: nothing has such an id.
    """
    if ident in ('', '.', '..'):
        raise errors.NotFound(kind, ident)
