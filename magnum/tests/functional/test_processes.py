# SPDX-License-Identifier: Apache-2.0
"""The two daemons as processes: how they start, what signals do to them.

They are given a database and Keystone's address, and nothing else; neither
Keystone nor a broker answers.
"""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import sqlalchemy as sa

BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def config(sqlite_database, tmp_path):
    path = tmp_path / 'magnum.conf'
    path.write_text(f'''
[DEFAULT]
transport_url = rabbit://127.0.0.1:1/
[database]
connection = {sqlite_database}
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:1/v3
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = magnum
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
[api]
workers = 1
port = {_free_port()}
''')
    return path


@pytest.fixture
def start(config, tmp_path):
    """Starts a daemon; (process, path of its log)."""
    started = []

    def begin(name):
        log = tmp_path / f'{name}.log'
        with log.open('w') as out:
            process = subprocess.Popen(
                [BIN / name, '--config-file', config], stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        started.append(process)
        return process, log

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def _free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(log, text, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if text in log.read_text():
            return
        time.sleep(0.1)
    raise AssertionError(f'no "{text}" in the log:\n{log.read_text()}')


def set_debug(config):
    config.write_text(config.read_text().replace(
        '[DEFAULT]', '[DEFAULT]\ndebug = true'))


def test_a_conductor_lives_without_broker_and_keystone(
        start, config, sqlite_database):
    # It is the file that may ask for a report; a signal does it as well.
    config.write_text(config.read_text() + f'[oslo_reports]\n'
                      f'file_event_handler = {config}\n')
    process, log = start('magnum-conductor')
    wait_for(log, 'Working on up to')
    wait_for(log, 'Connection refused')
    wait_for(log, 'Not ready yet to make clusters')
    engine = sa.create_engine(sqlite_database)
    with engine.connect() as connection:
        assert connection.scalar(sa.text(
            'SELECT report_count FROM magnum_service')) == 1
    set_debug(config)
    process.send_signal(signal.SIGHUP)
    wait_for(log, 'Option DEFAULT.debug changed')
    process.send_signal(signal.SIGUSR2)
    wait_for(log, 'OpenStack Magnum')
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    wait_for(log, 'Stopped.')
    assert 'Traceback' not in log.read_text()


def test_an_api_reads_its_file_again_and_ends_when_told(start, config):
    process, log = start('magnum-api')
    port = config.read_text().rpartition('port = ')[2].strip()
    wait_for(log, 'Booting worker')
    url = f'http://127.0.0.1:{port}'
    assert _answer(url + '/healthcheck') == b'OK'
    set_debug(config)
    process.send_signal(signal.SIGHUP)
    wait_for(log, 'Handling signal: hup')
    assert b'"max_version": "1.14"' in _answer(url + '/')
    _reports_at_usr2(process, log, port)
    _logs_requests(log, port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def _reports_at_usr2(process, log, port):
    """The master and its worker each write one, and go on; no other comes."""
    _end_of_old_workers(process)
    _answer(f'http://127.0.0.1:{port}/healthcheck')
    before = _children(process.pid)
    process.send_signal(signal.SIGUSR2)
    end = time.monotonic() + 40
    while (log.read_text().count('Guru Meditation') < 2
           and time.monotonic() < end):
        time.sleep(0.1)
    text = log.read_text()
    assert text.count('Guru Meditation') == 2
    assert 'magnum/api/server.py' in text
    assert _children(process.pid) == before
    assert _answer(f'http://127.0.0.1:{port}/healthcheck') == b'OK'


def _logs_requests(log, port):
    """One line for each, those among them that only the server has seen."""
    try:
        urllib.request.urlopen(f'http://127.0.0.1:{port}/v1/clusters?a=b%0ac')
    except urllib.error.HTTPError as e:
        request_id = e.headers['x-openstack-request-id']
        length = len(e.read())
    with socket.create_connection(('127.0.0.1', port)) as client:
        client.sendall(b'NONSENSE\r\n\r\n')
        assert b'400' in client.recv(1000)
    wait_for(log, '"-" status: 400')
    [line] = [line for line in log.read_text().splitlines()
              if '/v1/clusters' in line and 'magnum.api.access' in line]
    assert re.search(
        rf'INFO magnum.api.access \[None {request_id} - .*\] 127.0.0.1 "GET '
        rf'/v1/clusters\?a=b%0ac" status: 401 bytes: {length} '
        rf'time: \d\.\d+ s$', line), line


def _end_of_old_workers(process):
    end = time.monotonic() + 40
    while len(_children(process.pid)) != 1 and time.monotonic() < end:
        time.sleep(0.1)


def _children(pid):
    return pathlib.Path(f'/proc/{pid}/task/{pid}/children'
                        ).read_text().split()


def _answer(url, seconds=40):
    """What a GET brings; a server that is starting has its time."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return response.read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def test_a_conductor_without_its_database_stops_at_once(start, config):
    config.write_text(re.sub(
        'sqlite:.*', 'mysql+pymysql://magnum:secret@127.0.0.1:1/magnum',
        config.read_text()))
    process, log = start('magnum-conductor')
    wait_for(log, 'The database is out of reach of claims')
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert 'Traceback' not in log.read_text()


@pytest.mark.parametrize('daemon', ['magnum-api', 'magnum-conductor'])
@pytest.mark.parametrize('what, instead, reason', [
    ('sqlite:.*', 'oracle+cx_oracle://magnum:topsecret@db/magnum',
     'oracle+cx_oracle needs the Python module cx_Oracle'),
    ('sqlite:.*', 'mysqll://magnum:topsecret@db/magnum',
     'there is no such kind of database as mysqll'),
    ('sqlite:.*', 'topsecret', 'is no address of a database'),
    ('username = magnum\n', '', 'value required for option username'),
    ('auth_url = .*', 'auth_type = none\n', '')])
def test_what_a_daemon_cannot_live_without_is_told_in_a_line(
        start, config, daemon, what, instead, reason):
    config.write_text(re.sub(what, instead, config.read_text()))
    process, log = start(daemon)
    assert process.wait(40) != 0
    text = log.read_text()
    [line] = [line for line in text.splitlines()
              if line.startswith(daemon)]
    assert line.startswith(f'{daemon}: [')
    assert reason in line
    assert 'Traceback' not in text
    assert 'topsecret' not in text
