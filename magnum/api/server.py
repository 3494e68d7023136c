# SPDX-License-Identifier: Apache-2.0
"""The server that magnum-api is: gunicorn's processes, with workers of ours.

gunicorn's own threaded workers read a request in the thread that answers it,
with no limit on how long that takes: as many clients as there are threads,
each sending a byte now and then, keep everybody else out without a token.

Here one event loop reads whole requests and sends whole responses, within
time limits; a thread is taken only by a request that is complete.  Requests
that only read have threads apart from those that may wait for other services,
and `/healthcheck` has one to itself.
"""

import asyncio
from concurrent import futures
import contextlib
import logging
import os
import ssl
import time

from gunicorn import http
from gunicorn.http import errors as http_errors
from gunicorn.http import unreader
from gunicorn.http import wsgi
from gunicorn import sock as gunicorn_sock
from gunicorn.workers import base
from oslo_config import cfg
from oslo_log import log

from magnum.api import access
from magnum.api import bodies
from magnum.api import options  # noqa: F401  (registers [api])
from magnum import reports

LOG = log.getLogger(__name__)
CONF = cfg.CONF

# More than gunicorn's parser accepts in the longest of lines that it allows.
HEAD_BYTES = 64 * 1024

HEALTH = '/healthcheck'
READS = ('GET', 'HEAD', 'OPTIONS')

# How long a stopping worker waits for a request that is on its way.
LINGER_SECONDS = 2

_CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'


class Refused(Exception):
    """A request that is answered by the server itself, and the last one."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status[:3]
        body = f'{text}\n'.encode()
        self.response = (
            f'HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: '
            f'text/plain\r\nContent-Length: {len(body)}\r\n\r\n'
        ).encode() + body


class _Sink:
    """Takes a response from gunicorn as a socket would, and keeps it."""

    def __init__(self):
        self.sent = bytearray()

    def sendall(self, data):
        self.sent += data

    def send(self, data):
        # Only `100 Continue` comes this way; it went out before the body.
        return len(data)

    def gettimeout(self):
        return 0.0


def _status(sink):
    """The status of a response, from its first line."""
    return bytes(sink.sent[9:12]).decode('latin-1') or '-'


def _is_health(request):
    return request.path.rstrip('/') == HEALTH


class Connection:
    """One client: its requests one after the other, each as a whole."""

    def __init__(self, worker, sock, peer):
        self.worker = worker
        self.sock = sock
        self.peer = peer
        self.server = sock.getsockname()
        self.is_busy = False
        # When the client came, or its current request did.
        self.begun = time.monotonic()
        self.reader = self.writer = None

    async def serve(self):
        """Answer until the client or a time limit ends it."""
        try:
            async with asyncio.timeout(CONF.api.header_timeout):
                await self._open()
                head = await self._head()
            while await self._exchange(head):
                async with asyncio.timeout(CONF.api.keepalive_timeout):
                    head = await self._head()
        except TimeoutError:
            LOG.debug('%s did not send a request in time.', self.peer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as e:
            LOG.debug('%s went away: %s', self.peer, e)
        except Refused as e:
            access.refused(self.peer[0], e.status, self.begun)
            with contextlib.suppress(OSError, TimeoutError):
                await self._send(e.response)
                await self._part()
        finally:
            self._close()

    async def _open(self):
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader(limit=HEAD_BYTES, loop=loop)
        protocol = asyncio.StreamReaderProtocol(self.reader, loop=loop)
        limits = {}
        if self.worker.tls:
            limits['ssl_handshake_timeout'] = CONF.api.header_timeout
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, self.sock, ssl=self.worker.tls, **limits)
        # `drain` returns when all has left, not when little is left.  With a
        # high mark of 0 a TLS transport never says that it may go on.
        transport.set_write_buffer_limits(high=1, low=0)
        self.writer = asyncio.StreamWriter(transport, protocol, self.reader,
                                           loop)

    async def _head(self):
        try:
            return await self.reader.readuntil(b'\r\n\r\n')
        except asyncio.LimitOverrunError:
            raise Refused('431 Request Header Fields Too Large',
                          'The head of the request is too long.') from None

    async def _exchange(self, head):
        """Read the rest of a request and answer it; whether more may come."""
        self.begun = time.monotonic()
        sink = _Sink()
        try:
            request = http.message.Request(
                self.worker.cfg, unreader.IterUnreader([head]), self.peer)
        except (http_errors.ParseException, StopIteration) as e:
            self.worker.handle_error(None, sink, self.peer, e)
            access.refused(self.peer[0], _status(sink), self.begun)
            await self._send(sink.sent)
            return False
        body = await self._body(request)
        request.body = body.file
        loop = asyncio.get_running_loop()
        self.is_busy = True
        try:
            keep = await loop.run_in_executor(
                self.worker.threads_for(request), self.worker.respond,
                request, sink, self, body.is_whole)
        finally:
            self.is_busy = False
            self.worker.store.give_back(body)
        await self._send(sink.sent)
        if not body.is_whole:
            await self._part()
        return keep and body.is_whole

    async def _body(self, request):
        expected = any(name == 'EXPECT' and value.lower() == '100-continue'
                       for name, value in request.headers)
        try:
            async with asyncio.timeout(CONF.api.body_timeout):
                if expected and request.version >= (1, 1):
                    await self._send(_CONTINUE)
                # gunicorn's reader of chunks knows no length.
                return await self.worker.store.read(
                    self.reader, getattr(request.body.reader, 'length', None))
        except TimeoutError:
            raise Refused('408 Request Timeout', 'The body of the request '
                          'did not arrive in time.') from None
        except bodies.Full:
            raise Refused('503 Service Unavailable', 'Too many long requests '
                          'arrive at the moment; try again later.') from None
        except (bodies.Malformed, asyncio.LimitOverrunError):
            raise Refused('400 Bad Request', 'The chunks of the body cannot '
                          'be read.') from None

    async def _send(self, data):
        async with asyncio.timeout(CONF.api.send_timeout):
            self.writer.write(bytes(data))
            await self.writer.drain()

    async def _part(self):
        """Let the client read its answer although it is still sending."""
        with contextlib.suppress(TimeoutError, OSError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.reader.read(HEAD_BYTES):
                    pass

    def _close(self):
        if self.writer is None:
            self.sock.close()
        elif self.writer.transport.get_write_buffer_size():
            # Whoever does not read is not waited for.
            self.writer.transport.abort()
        else:
            self.writer.close()


class Worker(base.Worker):
    """A process of the server."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        # In the order of their arrival.
        self.connections = {}
        self.store = bodies.Store()
        self.pools = {}
        self.tls = None
        self.woken = None

    def init_signals(self):
        super().init_signals()
        reports.at_signal('magnum-api')

    def run(self):
        reports.at_change_of_file('magnum-api')
        self.tls = (gunicorn_sock.ssl_context(self.cfg) if self.cfg.is_ssl
                    else None)
        self.pools = {
            'health': futures.ThreadPoolExecutor(1, 'health'),
            'reads': futures.ThreadPoolExecutor(CONF.api.threads, 'reads'),
            'writes': futures.ThreadPoolExecutor(CONF.api.threads, 'writes')}
        asyncio.run(self._serve())

    def threads_for(self, request):
        """The threads that may answer this request."""
        if _is_health(request):
            return self.pools['health']
        return self.pools['reads' if request.method in READS else 'writes']

    def respond(self, request, sink, client, may_stay):
        """Have the application answer; whether the client may ask again."""
        environ, sent = None, 0
        try:
            response, environ = wsgi.create(request, sink, client.peer,
                                            client.server, self.cfg)
            environ['wsgi.multithread'] = True
            if not may_stay or not self.alive:
                response.force_close()
            answer = self.wsgi(environ, response.start_response)
            try:
                for item in answer:
                    response.write(item)
                response.close()
                sent = response.sent
            finally:
                getattr(answer, 'close', lambda: None)()
            return not response.should_close()
        except Exception as e:
            # The application answers all of its own errors: this is what
            # remains, and one request must not cost the worker.
            sink.sent.clear()
            self.handle_error(request, sink, client.peer, e)
            return False
        finally:
            level = (logging.DEBUG if _is_health(request) else logging.INFO)
            access.answered(request, environ, _status(sink), sent,
                            client.begun, level)

    async def _serve(self):
        self.woken = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.PIPE[0], self._wake)
        doors = [asyncio.create_task(self._accept(listener))
                 for listener in self.sockets]
        while self.alive and self.ppid == os.getppid():
            self.notify()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.woken.wait()
            self.woken.clear()
        self.alive = False
        for door in doors:
            door.cancel()
        for listener in self.sockets:
            listener.close()
        await self._finish(LINGER_SECONDS)
        for task, connection in list(self.connections.items()):
            if not connection.is_busy:
                task.cancel()
        await self._finish(self.cfg.graceful_timeout)
        for task in list(self.connections):
            task.cancel()
        for pool in self.pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _wake(self):
        with contextlib.suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        self.woken.set()

    async def _finish(self, seconds):
        """Wait until all connections have ended, but not for ever."""
        end = asyncio.get_running_loop().time() + seconds
        while self.connections and asyncio.get_running_loop().time() < end:
            self.notify()
            await asyncio.wait(list(self.connections), timeout=0.5)

    async def _accept(self, listener):
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                sock, peer = await loop.sock_accept(listener)
            except OSError as e:
                # No file descriptor is free, or the client has gone.
                LOG.warning('A connection cannot be accepted: %s', e)
                self._make_room()
                await asyncio.sleep(0.1)
                continue
            if len(self.connections) >= CONF.api.max_connections:
                self._make_room()
                # Whoever has to go is gone after this.
                await asyncio.sleep(0)
            if len(self.connections) >= CONF.api.max_connections:
                sock.close()
                continue
            sock.setblocking(False)
            connection = Connection(self, sock, peer)
            task = asyncio.create_task(connection.serve())
            self.connections[task] = connection
            task.add_done_callback(self._forget)

    def _make_room(self):
        """End the oldest connection that is not being answered."""
        for task, connection in self.connections.items():
            if not connection.is_busy:
                task.cancel()
                del self.connections[task]
                return

    def _forget(self, task):
        self.connections.pop(task, None)
        if not task.cancelled() and task.exception():
            LOG.error('A connection ended badly.', exc_info=task.exception())
