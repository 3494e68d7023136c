# SPDX-License-Identifier: Apache-2.0
"""magnum-api as a process, and clients that take their time, or all of it.

One worker; more clients than it has threads.  All the while others are
answered: the health check within a second, everything else within five.
"""

import contextlib
import datetime
from http import server
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
import pytest
import requests

BIN = pathlib.Path(sys.executable).parent

# More than all threads of a worker.
CLIENTS = 40

HEAD = b'GET / HTTP/1.1\r\nHost: x\r\n'
BODY = (b'POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n'
        b'Content-Type: application/json\r\n\r\n{')
CHUNKS = (b'POST /v1/clusters HTTP/1.1\r\nHost: x\r\n'
          b'Transfer-Encoding: chunked\r\n\r\n400\r\n{')


def _free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Api:
    """The process, and requests to it."""

    def __init__(self, directory, database, keystone='http://127.0.0.1:1',
                 tls=None, **options):
        self.port = _free_port()
        self.scheme = 'https' if tls else 'http'
        if tls:
            options |= {'enabled_ssl': True, 'ssl_cert_file': tls,
                        'ssl_key_file': tls}
        lines = '\n'.join(f'{name} = {value}'
                          for name, value in options.items())
        config = directory / 'magnum.conf'
        config.write_text(f'''
[DEFAULT]
transport_url = rabbit://127.0.0.1:1/
[database]
connection = {database}
[keystone_authtoken]
www_authenticate_uri = {keystone}/v3
auth_type = password
auth_url = {keystone}/v3
username = magnum
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
[api]
workers = 1
port = {self.port}
{lines}
''')
        self.log = directory / 'api.log'
        with self.log.open('w') as out:
            self.process = subprocess.Popen(
                [BIN / 'magnum-api', '--config-file', config], stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.http = requests.Session()
        self.http.verify = False

    def url(self, path):
        return f'{self.scheme}://127.0.0.1:{self.port}{path}'

    def get(self, path, seconds, **options):
        """A response, of which no part may take longer than that."""
        with requests.Session() as http:
            http.trust_env = False
            return http.get(self.url(path), timeout=seconds, verify=False,
                            **options)

    def wait(self):
        end = time.monotonic() + 240
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                if self.get('/healthcheck', 30).text == 'OK':
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=30)

    def check_others(self, seconds=3):
        """Others are served for so long, however often they ask."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.get('/healthcheck', 1).text == 'OK'
            assert self.get('/v1', 5).status_code == 200
            assert self.get('/v1/nowhere', 5).status_code in (401, 404, 503)
            time.sleep(0.1)


@pytest.fixture
def start(sqlite_database, tmp_path):
    started = []

    def begin(**options):
        api = Api(tmp_path, sqlite_database, **options)
        started.append(api.process)
        api.wait()
        return api

    yield begin
    for process in started:
        _end(process)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    """One for all tests that need neither options nor rows."""
    directory = tmp_path_factory.mktemp('api')
    api = Api(directory, f'sqlite:///{directory}/none.sqlite')
    try:
        api.wait()
        yield api
    finally:
        _end(api.process)


def _end(process):
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def certificate(tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'api')])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(key, hashes.SHA256()))
    path = tmp_path / 'api.pem'
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM,
                          serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def dripping(api, first, drop, clients=CLIENTS, every=0.5):
    """Clients that send a beginning, and then a little for ever."""
    sockets = [api.connect() for _ in range(clients)]
    stop = threading.Event()

    def drip():
        for s in sockets:
            s.sendall(first)
        while not stop.wait(every):
            for s in sockets:
                # Those that were closed are replaced by nobody.
                with contextlib.suppress(OSError):
                    s.sendall(drop)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield sockets
    finally:
        stop.set()
        thread.join()
        for s in sockets:
            s.close()


def closed(s):
    """Whether the server ended a connection; what it said before is read."""
    s.settimeout(30)
    try:
        while s.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize('first, drop', [
    (HEAD, b'X-Slow: 1\r\n'), (BODY, b' '), (CHUNKS, b' ')],
    ids=['head', 'body', 'chunks'])
def test_slow_requests_keep_nobody_out(plain, first, drop):
    with dripping(plain, first, drop):
        plain.check_others()


def test_unfinished_handshakes_keep_nobody_out(start, certificate):
    api = start(tls=certificate)
    # The beginning of a ClientHello that never goes on.
    with dripping(api, b'\x16\x03\x01\x02\x00\x01', b''):
        api.check_others()


def test_whoever_reads_no_response_keeps_nobody_out(start):
    api = start(send_timeout=2)
    question = b'GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'
    with dripping(api, question * 50, b'') as sockets:
        api.check_others()
        assert all(map(closed, sockets))


def test_slow_requests_end(start):
    api = start(header_timeout=2, body_timeout=2)
    for first in (HEAD, BODY, CHUNKS, b''):
        with dripping(api, first, b'', clients=3) as sockets:
            assert all(map(closed, sockets)), first


def test_a_slow_handshake_ends(start, certificate):
    api = start(tls=certificate, header_timeout=2)
    with dripping(api, b'\x16\x03\x01\x02\x00\x01', b'', clients=3) as slow:
        assert all(map(closed, slow))


def test_connections_are_bounded(start):
    api = start(max_connections=20, header_timeout=300)
    with dripping(api, HEAD, b'X-Slow: 1\r\n', clients=60) as sockets:
        api.check_others(2)
        # The oldest had to go, and the newest may go on.
        assert all(map(closed, sockets[:40]))


def test_a_connection_serves_many_requests(start, certificate):
    api = start(tls=certificate)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(api.connect()) as s:
        # Two at once, and one after these were answered.
        ask = b'GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n'
        s.sendall(ask * 2)
        assert _until(s, 2)
        s.sendall(ask)
        assert _until(s, 1)


def _until(s, answers):
    seen = b''
    while seen.count(b'\r\n\r\nOK') < answers:
        piece = s.recv(65536)
        assert piece, seen
        seen += piece
    return seen


def test_a_client_that_asks_first_is_told_to_go_on(plain):
    with plain.connect() as s:
        s.sendall(b'POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n'
                  b'Expect: 100-continue\r\nConnection: close\r\n\r\n')
        assert s.recv(65536) == b'HTTP/1.1 100 Continue\r\n\r\n'
        s.sendall(b'{}')
        assert s.recv(65536).startswith(b'HTTP/1.1 405')


NO_HTTP = [
    (b'GET  / HTTP/1.1\r\n\r\n', b'400'), (b'\0\r\n\r\n', b'400'),
    (b'GET /' + b'a' * 5000 + b' HTTP/1.1\r\n\r\n', b'414'),
    (b'GET / HTTP/1.1\r\nX: ' + b'a' * 70000, b'431'),
    (b'POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz',
     b''),
    (b'POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
     b'z\r\n', b'400'),
    (b'POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
     b'1\r\nab\r\n', b'400'),
    (b'POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
     b'Content-Length: 3\r\n\r\n0\r\n\r\n', b'400')]


def test_what_is_no_http_is_refused(plain):
    for head, status in NO_HTTP:
        with plain.connect() as s:
            s.sendall(head)
            if not status:
                s.shutdown(socket.SHUT_WR)
            answer = b''
            with contextlib.suppress(OSError):
                while piece := s.recv(65536):
                    answer += piece
        assert answer[9:12] == status, (head, answer)
    plain.check_others(0.1)


def test_a_body_without_end_is_refused(plain):

    def endless():
        piece = b' ' * 65536
        for _ in range(1600):
            yield piece

    with contextlib.suppress(requests.ConnectionError):
        answer = requests.post(plain.url('/v1'), data=endless(), timeout=60)
        assert answer.status_code == 405
    status = pathlib.Path(f'/proc/{_worker(plain)}/status').read_text()
    peak = next(line for line in status.splitlines() if 'VmHWM' in line)
    assert int(peak.split()[1]) < 250_000, peak


def _worker(api):
    children = pathlib.Path(
        f'/proc/{api.process.pid}/task/{api.process.pid}/children')
    return children.read_text().split()[0]


def test_a_signal_lets_the_last_request_end(start):
    api = start()
    with api.connect() as s:
        s.sendall(BODY[:-1] + b'{')
        api.process.terminate()
        s.sendall(b'}' + b' ' * 998)
        assert s.recv(65536).startswith(b'HTTP/1.1 ')
    assert api.process.wait(30) == 0


class Keystone:
    """Knows one token; may stop to answer, while it goes on to accept."""

    def __init__(self):
        outer = self
        self.answers = threading.Event()
        self.answers.set()
        # In the catalogue it is Glance, too, which never answers until then.
        self.glance = threading.Event()

        class Handler(server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                if self.path.startswith('/image'):
                    outer.glance.wait()
                outer.answers.wait()
                if self.path.startswith('/v3/auth/tokens'):
                    known = self.headers['X-Subject-Token'] == 'known'
                    return self._answer(200 if known else 404,
                                        outer.token())
                self._answer(200, {'version': {
                    'id': 'v3.14', 'status': 'stable', 'links': [
                        {'rel': 'self', 'href': outer.url + '/v3/'}]}})

            def do_POST(self):
                outer.answers.wait()
                self.rfile.read(int(self.headers['Content-Length']))
                self._answer(201, outer.token())

            def _answer(self, status, document):
                body = json.dumps(document).encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header('Content-Type', 'application/json')
                    self.send_header('X-Subject-Token', 'service')
                    self.send_header('Content-Length', str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        threading.Thread(target=self._server.serve_forever).start()

    def token(self):
        now = datetime.datetime.now(datetime.UTC)
        domain = {'id': 'default', 'name': 'Default'}
        return {'token': {
            'methods': ['password'], 'issued_at': now.isoformat(),
            'expires_at': (now + datetime.timedelta(hours=1)).isoformat(),
            'user': {'id': 'u', 'name': 'user', 'domain': domain},
            'project': {'id': 'p', 'name': 'project', 'domain': domain},
            'roles': [{'id': 'member', 'name': 'member'},
                      {'id': 'reader', 'name': 'reader'}],
            'catalog': [self._service('identity', '/v3'),
                        self._service('image', '/image')]}}

    def _service(self, kind, path):
        return {'type': kind, 'id': kind, 'name': kind, 'endpoints': [
            {'interface': name, 'url': self.url + path, 'id': kind + name,
             'region': 'r', 'region_id': 'r'}
            for name in ('public', 'internal', 'admin')]}

    def close(self):
        self.answers.set()
        self.glance.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def keystone():
    made = Keystone()
    yield made
    made.close()


def test_a_keystone_that_hangs_takes_unknown_tokens_only(start, keystone):
    api = start(keystone=keystone.url)
    known = {'X-Auth-Token': 'known'}
    assert api.get('/v1/clusters', 60, headers=known).status_code == 200
    keystone.answers.clear()
    stop = threading.Event()
    answers = []

    def ask(number):
        count = 0
        while not stop.is_set():
            count += 1
            answers.append(api.get('/v1/clusters', 120, headers={
                'X-Auth-Token': f'made up {number} {count}'}).status_code)
            # Nobody's network is as fast as a loopback of two processors.
            stop.wait(0.2)

    threads = [threading.Thread(target=ask, args=(number,))
               for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            assert api.get('/healthcheck', 1).text == 'OK'
            assert api.get('/v1', 5).status_code == 200
            assert api.get('/v1/clusters', 5,
                           headers=known).status_code == 200
            time.sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(answers) == {503}, api.log.read_text()[-9000:]


def test_a_glance_that_hangs_leaves_reading_as_it_is(start, keystone):
    api = start(keystone=keystone.url)
    known = {'X-Auth-Token': 'known'}
    assert api.get('/v1/clusters', 60, headers=known).status_code == 200
    template = {'coe': 'kubernetes', 'image_id': 'x',
                'external_network_id': 'x'}
    answers = []

    def create():
        answers.append(requests.post(
            api.url('/v1/clustertemplates'), json=template, headers=known,
            timeout=240).status_code)

    threads = [threading.Thread(target=create) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert api.get('/healthcheck', 1).text == 'OK'
            assert api.get('/v1/clusters', 5,
                           headers=known).status_code == 200
            time.sleep(0.1)
        assert not answers
    finally:
        keystone.glance.set()
        for thread in threads:
            thread.join()
    assert len(answers) == CLIENTS
