# SPDX-License-Identifier: Apache-2.0
"""The message bus: a hint that there is work, and nothing that must arrive.

The truth is the journal in the database.  A hint only wakes the conductors'
claim loops at once; when it is lost, or the broker is down, the next poll
finds the work.  So nobody ever waits for the bus: `hint` returns immediately,
and a thread of its own does the sending.
"""

import socket
import threading

from kombu import exceptions as kombu_exceptions
from oslo_config import cfg
from oslo_log import log
import oslo_messaging as messaging

LOG = log.getLogger(__name__)
CONF = cfg.CONF

OPTS = [
    cfg.StrOpt('topic', default='magnum-conductor',
               help='Topic on which conductors listen.'),
]

HOST_OPTS = [
    cfg.HostAddressOpt('host', default=socket.gethostname(),
                       sample_default='<the host name>',
                       help='Name of this node: in the list of services, on '
                            'the message bus and in notifications.'),
]

CONF.register_opts(OPTS, group='conductor')
CONF.register_opts(HOST_OPTS)

# What a broker that is away may raise: oslo.messaging lets some errors of the
# library below it through.
UNREACHABLE = (messaging.MessagingException, kombu_exceptions.KombuError,
               OSError)

_wanted = threading.Event()
_lock = threading.Lock()
_sender = None
_transport = None


def transport():
    global _transport
    with _lock:
        if _transport is None:
            _transport = messaging.get_rpc_transport(CONF)
    return _transport


def hint():
    """Tell the conductors, some time soon, that an operation was recorded."""
    global _sender
    with _lock:
        if _sender is None or not _sender.is_alive():
            _sender = threading.Thread(target=_send_hints, daemon=True,
                                       name='hints')
            _sender.start()
    _wanted.set()


def try_bus():
    """Send something that nobody hears; raise what `UNREACHABLE` has."""
    messaging.get_rpc_client(
        transport(), messaging.Target(topic=f'{CONF.conductor.topic}-health',
                                      fanout=True), retry=0).cast({}, 'try')


def server(endpoint):
    """An RPC server that calls `endpoint.look(context)` for each hint."""
    target = messaging.Target(topic=CONF.conductor.topic, server=CONF.host)
    return messaging.get_rpc_server(
        transport(), target, [endpoint], executor='threading',
        access_policy=messaging.DefaultRPCAccessPolicy)


def _send_hints():
    failing = False
    while True:
        _wanted.wait()
        _wanted.clear()
        try:
            client = messaging.get_rpc_client(
                transport(), messaging.Target(topic=CONF.conductor.topic,
                                              fanout=True), retry=0)
            client.cast({}, 'look')
            failing = False
        except UNREACHABLE as e:
            if not failing:
                LOG.warning('The message bus is out of reach (%s); new work '
                            'waits for the conductors to poll.', e)
            failing = True
