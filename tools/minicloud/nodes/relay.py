# SPDX-License-Identifier: Apache-2.0
"""The cloud's services at 127.0.0.1 of each node.

The catalogue says http://127.0.0.1:PORT, which in a node is the node.  Here a
socket listens there for each service and each node; what arrives goes on to
the service on the machine.  No address of the machine is opened to a network.
"""

import ctypes
import os
import selectors
import socket
import threading

from tools.minicloud.nodes import names
from tools.minicloud import settings

SERVICES = ('keystone', 'glance', 'placement', 'nova', 'neutron', 'cinder',
            'octavia', 'barbican', 'heat', 'magnum')
CONNECTIONS = 400
IDLE_SECONDS = 300
CLONE_NEWNET = 0x40000000


class Relay:

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._listening = {}
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self, space):
        """Listen in this network namespace, from now on."""
        if space in self._listening:
            return
        sockets = _listen_within(
            space, [settings.PORTS[name] for name in SERVICES])
        self._listening[space] = sockets
        for listening in sockets:
            self._selector.register(listening, selectors.EVENT_READ)

    def close(self, space):
        for listening in self._listening.pop(space, ()):
            self._selector.unregister(listening)
            listening.close()

    def _accept(self):
        while True:
            for key, _ in self._selector.select(timeout=1):
                try:
                    connection, _ = key.fileobj.accept()
                    port = key.fileobj.getsockname()[1]
                except OSError:
                    continue
                if self._room.acquire(blocking=False):
                    threading.Thread(target=self._serve, daemon=True,
                                     args=(connection, port)).start()
                else:
                    connection.close()

    def _serve(self, connection, port):
        try:
            with connection, socket.create_connection(
                    (settings.IP, port), timeout=10) as service:
                for end in (connection, service):
                    end.settimeout(IDLE_SECONDS)
                back = threading.Thread(target=_pump, daemon=True,
                                        args=(service, connection))
                back.start()
                _pump(connection, service)
                back.join(IDLE_SECONDS)
        except OSError:
            pass
        finally:
            self._room.release()


def _pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _listen_within(space, ports):
    """Sockets made in another namespace, by a thread that goes there."""
    made = []

    def work():
        handle = os.open(names.NETNS / space, os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(handle, CLONE_NEWNET):
                return
        finally:
            os.close(handle)
        for port in ports:
            listening = socket.socket()
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((settings.IP, port))
            listening.listen(64)
            listening.setblocking(False)
            made.append(listening)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    if len(made) != len(ports):
        raise names.CommandFailed(f'cannot listen in {space}')
    return made
