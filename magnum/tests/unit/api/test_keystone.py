# SPDX-License-Identifier: Apache-2.0
"""Few threads wait for Keystone; the others are told at once."""

import threading
import time

from keystonemiddleware import auth_token
from oslo_config import cfg
import pytest

from magnum.api import keystone

CONF = cfg.CONF


class Held:
    """Threads that are inside of a gate until they are let go."""

    def __init__(self, gate, count):
        self.go = threading.Event()
        self.threads = [threading.Thread(target=self._stay, args=(gate,))
                        for _ in range(count)]
        self._inside = threading.Semaphore(0)
        for thread in self.threads:
            thread.start()
        for _ in self.threads:
            assert self._inside.acquire(timeout=60)

    def _stay(self, gate):
        with gate.passed():
            self._inside.release()
            self.go.wait(60)

    def end(self):
        self.go.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def gate():
    return keystone.Gate(2)


def test_a_place_that_becomes_free_is_taken(gate, monkeypatch):
    monkeypatch.setattr(keystone, 'SLOW_SECONDS', 60)
    held = Held(gate, 2)
    threading.Timer(0.1, held.go.set).start()
    with gate.passed():
        held.end()


def test_nobody_waits_long_for_a_place(gate, monkeypatch):
    monkeypatch.setattr(keystone, 'SLOW_SECONDS', 0.2)
    held = Held(gate, 2)
    begun = time.monotonic()
    with pytest.raises(auth_token.ServiceError), gate.passed():
        pass
    assert time.monotonic() - begun < 30
    held.end()
    with gate.passed():
        pass


def test_after_a_slow_answer_nobody_waits(gate, monkeypatch):
    monkeypatch.setattr(keystone, 'SLOW_SECONDS', 0)
    Held(gate, 2).end()
    monkeypatch.setattr(keystone, 'SLOW_SECONDS', 600)
    held = Held(gate, 2)
    with pytest.raises(auth_token.ServiceError), gate.passed():
        pass
    held.end()


def test_keystone_is_asked_with_a_time_limit(monkeypatch):
    group = 'keystone_authtoken'
    monkeypatch.setattr(keystone, 'AuthProtocol', lambda app, conf: app)
    keystone.protect(None)
    assert CONF[group].http_connect_timeout == 5
    assert CONF[group].http_request_max_retries == 1
