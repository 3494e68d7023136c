# SPDX-License-Identifier: Apache-2.0
"""What /healthcheck looks at is the operator's choice."""

import threading

from oslo_config import cfg
import oslo_messaging as messaging
import pytest
import webob

from magnum.api import app
from magnum.api import health
from magnum import rpc
from magnum.tests import databases

CONF = cfg.CONF


@pytest.fixture
def ask(api):
    """The answer to a health check where these options are set."""
    app.build()

    def asked(port=9511, **options):
        for name, value in options.items():
            CONF.set_override(name, value, 'healthcheck')
        request = webob.Request.blank('/healthcheck')
        request.server_port = port
        return request.get_response(app.build())

    yield asked
    for name in ('backends', 'disable_by_file_path', 'disable_by_file_paths'):
        if name in CONF.healthcheck:
            CONF.clear_override(name, 'healthcheck')


def test_a_file_ends_health(ask, tmp_path):
    switch = tmp_path / 'disabled'
    assert ask(disable_by_file_path=str(switch)).text == 'OK'
    switch.touch()
    answer = ask()
    assert (answer.status_int, answer.text) == (503, 'DISABLED BY FILE')


def test_a_file_for_each_port(ask, tmp_path):
    switch = tmp_path / 'disabled'
    switch.touch()
    ask(backends=['disable_by_files_ports'])
    assert ask(disable_by_file_paths=[f'9511:{switch}']).status_int == 503
    assert ask(port=80).status_int == 200


def test_nothing_need_be_looked_at(ask, tmp_path):
    switch = tmp_path / 'disabled'
    switch.touch()
    assert ask(disable_by_file_path=str(switch),
               backends=[]).status_int == 200


def test_the_database_may_count(ask, tmp_path):
    backends = ['disable_by_file', 'magnum_database']
    answer = ask(backends=backends)
    assert answer.status_int == 200, answer.text
    with databases.connected(f'sqlite:///{tmp_path}/none/x.sqlite'):
        answer = ask()
    assert answer.status_int == 503
    assert 'DATABASE OUT OF REACH' in answer.text


def test_the_bus_may_count(ask, monkeypatch):
    def connect(url):
        monkeypatch.setattr(rpc, '_transport',
                            messaging.get_rpc_transport(CONF, url))

    connect('fake://')
    answer = ask(backends=['magnum_bus'])
    assert answer.status_int == 200, answer.text
    connect('rabbit://127.0.0.1:1/')
    answer = ask()
    assert answer.status_int == 503
    assert answer.text == 'MESSAGE BUS OUT OF REACH'


def test_a_look_that_hangs_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(health, 'LOOK_SECONDS', 0.1)
    monkeypatch.setattr(health, 'FRESH_SECONDS', 0)
    going, looks = threading.Event(), []

    class Slow(health.Database):
        def look(self):
            looks.append(1)
            going.wait(30)

    slow = Slow(CONF, {})
    for _ in range(3):
        result = slow.healthcheck(9511)
        assert not result.available
        assert result.details == 'no answer in time'
    assert len(looks) == 1
    going.set()
    slow._last._ended.wait(30)
    assert slow.healthcheck(9511).available
