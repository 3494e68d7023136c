# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API of one cluster.

The cluster belongs to a tenant, who may have broken it or mean harm: it may
be away, hang, or answer slowly and at any length.  So a client has a limit for
all of its time, however slowly bytes drip in, and each response one of length;
redirects are not followed.  The server has to show a certificate of the
cluster's own authorities, for the address that it is asked at.
"""

from collections.abc import Mapping
import http.client
import json
import os
import socket
import ssl
import time
from typing import Any
from typing import cast
from urllib import parse
from urllib import request

from magnum import errors
from magnum import specs

# To connect, TLS included: what is there does so at once.
CONNECT_SECONDS = 5
CALL_SECONDS = 10

# Of 100 nodes, each of which lists up to 50 images.
PAGE = 100
MAX_BYTES = 8 * 1024 * 1024
# Kubernetes is made for 5,000 nodes.
MAX_PAGES = 100

PORT = 443


class NoAnswer(errors.ServiceUnavailable):
    """Nobody answers at the cluster's address, or not in time."""


class Refused(errors.InfrastructureFailed):
    """The API answered with an error; `status` is that of HTTP."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class _Socket(ssl.SSLSocket):
    """A connection that is given up at a set time, whatever comes in."""

    until = 0.0

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self._limit()
        return super().recv_into(*arguments, **named)

    def send(self, *arguments: Any, **named: Any) -> int:
        self._limit()
        return super().send(*arguments, **named)

    def _limit(self) -> None:
        self.settimeout(_left(self.until))


class _Connection(http.client.HTTPSConnection):
    """One connection; all that is done on it ends at `until`."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext,
                 name: str):
        super().__init__(host, port, context=context)
        self.until = 0.0
        self._tls, self._name = context, name

    def connect(self) -> None:
        self.timeout = min(CONNECT_SECONDS, _left(self.until))
        until = time.monotonic() + self.timeout
        http.client.HTTPConnection.connect(self)
        plain, self.sock = self.sock, None
        try:
            plain.settimeout(_left(until))
            self.sock = self._tls.wrap_socket(
                plain, server_hostname=self._name)
        finally:
            if self.sock is None:
                plain.close()

    def begin(self, until: float) -> None:
        """Say when the next request has to be done."""
        self.until = until
        if self.sock is None:
            self.connect()
        cast(_Socket, self.sock).until = until


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError('timed out')
    return left


class Api:
    """The API of one cluster, for as long as it takes to ask a few things.

        with Api(access, seconds=30) as api:
            nodes = api.items('/api/v1/nodes')

    :param seconds: how long all that is asked may take together.
    """

    def __init__(self, access: specs.Access, seconds: float):
        self._until = time.monotonic() + seconds
        url = parse.urlsplit(access.address)
        if url.scheme != 'https' or not url.hostname:
            raise errors.NotSupported(
                f'{access.address} is no address of an API with TLS.')
        self._prefix = url.path.rstrip('/')
        self._connection = _connection(
            url.hostname, url.port or PORT, _tls(access))

    def __enter__(self) -> 'Api':
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def text(self, path: str) -> tuple[int, str]:
        """HTTP status and body of what is no JSON.

        :raises NoAnswer: there is none.
        """
        status, body = self._call('GET', path, None, {'Accept': '*/*'})
        return status, body.decode(errors='replace')

    def call(self, method: str, path: str, body: Any = None,
             content_type: str = 'application/json',
             **query: Any) -> dict[str, Any]:
        """What the API answers to a request.

        :raises NoAnswer: it does not answer.
        :raises Refused: it answers with an error.
        """
        if query:
            path = f'{path}?{parse.urlencode(query)}'
        headers = {'Accept': 'application/json'}
        if body is not None:
            headers['Content-Type'] = content_type
            body = json.dumps(body)
        status, data = self._call(method, path, body, headers)
        try:
            document = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            document = None
        if status >= 300:
            raise Refused(status, _message(status, document))
        if not isinstance(document, dict):
            raise Refused(status, f'{method} {path} was answered by what is '
                                  f'no JSON object.')
        return document

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            page = self.call('GET', path, limit=PAGE, **query, **more)
            found += [item for item in _list(page.get('items'))
                      if isinstance(item, dict)]
            mark = _map(page.get('metadata')).get('continue')
            if not mark:
                return found
            more = {'continue': mark}
        raise Refused(200, f'GET {path} has more than {MAX_PAGES} pages.')

    def _call(self, method: str, path: str, body: str | None,
              headers: Mapping[str, str]) -> tuple[int, bytes]:
        until = min(self._until, time.monotonic() + CALL_SECONDS)
        try:
            self._connection.begin(until)
            self._connection.request(method, self._prefix + path, body,
                                     dict(headers))
            response = self._connection.getresponse()
            data = response.read(MAX_BYTES + 1)
        except (OSError, http.client.HTTPException, ValueError) as e:
            self._connection.close()
            raise NoAnswer(_why(e)) from e
        if len(data) > MAX_BYTES:
            self._connection.close()
            raise Refused(response.status, f'{method} {path} was answered by '
                                           f'more than {MAX_BYTES} bytes.')
        return response.status, data


def find(api: Api, path: str) -> dict[str, Any] | None:
    """What is there; None: nothing."""
    try:
        return api.call('GET', path)
    except Refused as e:
        if e.status == 404:
            return None
        raise


def remove(api: Api, path: str, **query: Any) -> None:
    """Delete what is there; absent is success."""
    try:
        api.call('DELETE', path, **query)
    except Refused as e:
        if e.status != 404:
            raise


def _connection(host: str, port: int, tls: ssl.SSLContext) -> _Connection:
    """A connection, by the proxy of the environment if there is one."""
    proxy = parse.urlsplit(request.getproxies().get('https') or '')
    if not proxy.hostname or request.proxy_bypass(host):
        return _Connection(host, port, tls, host)
    made = _Connection(proxy.hostname, proxy.port or 80, tls, host)
    made.set_tunnel(host, port)
    return made


def _tls(access: specs.Access) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _Socket
    try:
        context.load_verify_locations(cadata=access.ca)
        # Python reads them from files only: this one is never on a disk.
        with open(os.memfd_create('client', os.MFD_CLOEXEC), 'w') as file:
            file.write(f'{access.client.certificate}\n'
                       f'{access.client.private_key}\n')
            file.flush()
            context.load_cert_chain(f'/proc/self/fd/{file.fileno()}')
    except (ssl.SSLError, ValueError) as e:
        raise errors.InfrastructureFailed(
            f'The certificates of the cluster cannot be used: '
            f'{getattr(e, "reason", None) or type(e).__name__}.') from None
    return context


def _why(error: BaseException) -> str:
    """What is wrong with a connection, in words for the cluster's owner."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (f"The certificate that the API shows is not valid: "
                f'{error.verify_message}.')
    if isinstance(error, ssl.SSLError):
        return f'TLS with the API fails: {error.reason or "no reason given"}.'
    if isinstance(error, TimeoutError):
        return 'The API did not answer in time.'
    if isinstance(error, ConnectionRefusedError):
        return 'The API does not answer: connection refused.'
    if isinstance(error, socket.gaierror):
        return "The name in the API's address is unknown."
    if isinstance(error, OSError) and error.strerror:
        return f'The API does not answer: {error.strerror.lower()}.'
    return 'The API broke off, or does not speak HTTP.'


def _message(status: int, document: Any) -> str:
    if status in (401, 403):
        return (f"The API does not accept this service's certificate "
                f'(HTTP status {status}).')
    text = _map(document).get('message')
    if isinstance(text, str):
        return f'HTTP status {status}: {text[:200]}'
    return f'HTTP status {status}'


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
