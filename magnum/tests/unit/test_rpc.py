# SPDX-License-Identifier: Apache-2.0
"""The bus only hints: nobody waits for it, and nothing depends on it."""

import threading
import time

from oslo_config import cfg
import oslo_messaging as messaging
import pytest

from magnum import rpc

CONF = cfg.CONF


class Look:
    """A conductor's ear."""

    def __init__(self):
        self.looked = threading.Event()

    def look(self, context):
        self.looked.set()


@pytest.fixture
def bus(monkeypatch):
    """A bus inside this process."""
    transport = messaging.get_rpc_transport(CONF, 'fake://')
    monkeypatch.setattr(rpc, '_transport', transport)
    return transport


def test_a_hint_reaches_the_conductors(bus):
    ear = Look()
    server = rpc.server(ear)
    server.start()
    try:
        rpc.hint()
        assert ear.looked.wait(5)
    finally:
        server.stop()
        server.wait()


def test_nobody_waits_for_a_dead_broker(monkeypatch, caplog):
    dead = messaging.get_rpc_transport(CONF, 'rabbit://127.0.0.1:1/')
    monkeypatch.setattr(rpc, '_transport', dead)
    start = time.monotonic()
    for _ in range(100):
        rpc.hint()
    assert time.monotonic() - start < 0.5
