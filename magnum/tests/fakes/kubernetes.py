# SPDX-License-Identifier: Apache-2.0
"""The APIs of many Kubernetes clusters, by TLS on one port of loopback.

    with FakeKubernetes(authority) as server:
        cluster = server.clusters['a'] = Cluster()
        access = specs.Access(server.address('a'), ...)

Clusters are told apart by the first part of the path.  The server's
certificate is of `authority`, and so must be that of a client.
"""

import asyncio
import collections
import contextlib
import dataclasses
import datetime
import ipaddress
import json
import pathlib
import ssl
import tempfile
import threading
import time
from urllib import parse

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509

from magnum.certificates import x509 as our_x509


@dataclasses.dataclass
class Cluster:
    """What one cluster answers; `nodes` and `pods`: whether each is ready.

    `manner`: '' answers; 'hang' never does, 'drip' sends a byte now and then,
    'flood' sends without end, 'redirect' sends on to another place, 'text' is
    no JSON, 'old' has no /readyz, 'forbid' refuses, 'break' breaks off, 'ill'
    says that etcd fails.
    """

    nodes: dict = dataclasses.field(
        default_factory=lambda: {'master-0': True, 'node-0': True})
    pods: dict = dataclasses.field(
        default_factory=lambda: {'etcd-master-0': True})
    versions: dict = dataclasses.field(default_factory=dict)
    runtime: str = 'containerd://1.7.24'
    manner: str = ''

    def lists(self):
        return {'/api/v1/nodes': [self._node(name) for name in self.nodes],
                '/api/v1/namespaces/kube-system/pods': [
                    _item(name, ready) for name, ready in self.pods.items()]}

    def _node(self, name):
        item = _item(name, self.nodes[name])
        item['status']['nodeInfo'] = {
            'kubeletVersion': self.versions.get(name, 'v1.31.4'),
            'containerRuntimeVersion': self.runtime}
        return item


def _item(name, ready):
    return {'metadata': {'name': name}, 'status': {'conditions': [
        {'type': 'MemoryPressure', 'status': 'False'},
        {'type': 'Ready', 'status': str(ready)}]}}


class FakeKubernetes:
    """A server with a thread of its own, for the time of a `with`."""

    def __init__(self, authority, host='127.0.0.1', name='127.0.0.1'):
        self.host, self.port = host, None
        self.clusters = {}
        # How often, and when, each path of each cluster was asked for.
        self.requests = collections.Counter()
        self.times = collections.defaultdict(list)
        self.connections = 0
        self._context = _context(authority, name)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever,
                                        daemon=True)

    def __enter__(self):
        self._thread.start()
        server = self._do(asyncio.start_server(
            self._serve, self.host, 0, ssl=self._context, backlog=1000))
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error):
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def address(self, cluster):
        return f'https://{self.host}:{self.port}/{cluster}'

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _end(self):
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(ConnectionError, ssl.SSLError,
                                 asyncio.IncompleteReadError,
                                 asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b'\r\n\r\n')
                url = parse.urlsplit(head.split(b' ', 2)[1].decode())
                name, _, path = url.path[1:].partition('/')
                self.requests[name, f'/{path}'] += 1
                self.times[name, f'/{path}'].append(time.monotonic())
                cluster = self.clusters.get(name)
                if cluster is None or cluster.manner == 'break':
                    break
                await _answer(cluster, f'/{path}',
                              dict(parse.parse_qsl(url.query)), writer)
        writer.close()


async def _answer(cluster, path, query, writer):
    manner = cluster.manner
    if manner == 'hang':
        await asyncio.sleep(600)
    if manner in ('drip', 'flood'):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n')
        while True:
            writer.write(b'x' if manner == 'drip' else b'x' * 65536)
            await writer.drain()
            await asyncio.sleep(0.05 if manner == 'drip' else 0)
    status, body = _reply(cluster, path, query)
    more = 'Location: https://192.0.2.1/\r\n' if status == 302 else ''
    writer.write(f'HTTP/1.1 {status} X\r\n{more}Content-Length: '
                 f'{len(body.encode())}\r\n\r\n{body}'.encode())
    await writer.drain()


def _reply(cluster, path, query):
    if cluster.manner == 'redirect':
        return 302, ''
    if cluster.manner == 'forbid':
        return 401, json.dumps({'message': 'Unauthorized'})
    if path == '/readyz' and cluster.manner == 'ill':
        return 500, '[+]ping ok\n[-]etcd failed: reason withheld\nfailed'
    if path == '/readyz' and cluster.manner == 'old':
        return 404, '404 page not found'
    if path in ('/readyz', '/healthz'):
        return 200, 'ok'
    if cluster.manner == 'text':
        return 200, 'fine, thanks'
    items = cluster.lists().get(path)
    if items is None:
        return 404, json.dumps({'message': 'the server could not find it'})
    start, limit = int(query.get('continue', 0)), int(query['limit'])
    mark = str(start + limit) if start + limit < len(items) else ''
    return 200, json.dumps({'metadata': {'continue': mark},
                            'items': items[start:start + limit]})


def _context(authority, name):
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = our_x509.read_certificate(authority.certificate)
    now = datetime.datetime.now(datetime.UTC)
    try:
        names = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        names = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder().issuer_name(issuer.subject)
        .subject_name(x509.Name([x509.NameAttribute(
            x509.NameOID.COMMON_NAME, 'kube-apiserver')]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([names]), critical=False)
        .sign(our_x509.read_key(authority.private_key), hashes.SHA256()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, 'pair')
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM,
                                serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption()))
        context.load_cert_chain(file)
    return context
