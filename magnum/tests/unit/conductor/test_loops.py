# SPDX-License-Identifier: Apache-2.0
"""Loops that survive whatever happens in a turn."""

import threading

from oslo_db import exception as db_exc
import pytest

from magnum.conductor import loops
from magnum.db import session as db


@pytest.fixture(autouse=True)
def ended(monkeypatch):
    """The loops that would have ended the process."""
    names = []
    monkeypatch.setattr(loops, 'end_process', names.append)
    monkeypatch.setattr(loops, 'PAUSE_SECONDS', 0.01)
    return names


@pytest.mark.parametrize('error', [
    RuntimeError('bug'), db_exc.DBConnectionError(), db.PoolExhausted(),
    db_exc.DBError(), KeyError('held'), MemoryError()])
def test_a_turn_that_fails_is_followed_by_another(ended, error):
    stopped, turns = threading.Event(), []

    def turn():
        turns.append(1)
        if len(turns) == 1:
            raise error
        stopped.set()
        return 60

    loop = loops.Loop('x', turn, stopped)
    loop.start()
    loop.join()
    assert len(turns) == 2
    assert ended == []


def test_a_loop_that_ends_in_spite_of_all_ends_the_process(
        ended, monkeypatch):
    monkeypatch.setattr(threading, 'excepthook', lambda args: None)

    def turn():
        raise SystemExit

    loop = loops.Loop('claims', turn, threading.Event())
    loop.start()
    loop.join()
    assert ended == ['claims']


def test_a_loop_may_say_that_it_is_done(ended):
    loop = loops.Loop('x', lambda: None, threading.Event())
    loop.start()
    loop.join()
    assert ended == []


def test_a_wait_ends_when_woken(ended):
    stopped, woken, turns = threading.Event(), threading.Event(), []
    second = threading.Event()

    def turn():
        turns.append(1)
        if len(turns) == 2:
            second.set()
        return 600

    loop = loops.Loop('x', turn, stopped, woken)
    loop.start()
    for _ in range(600):
        woken.set()
        if second.wait(0.1):
            break
    stopped.set()
    woken.set()
    loop.join()
    assert second.is_set()
