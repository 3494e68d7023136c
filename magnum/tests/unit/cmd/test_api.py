# SPDX-License-Identifier: Apache-2.0
"""How magnum-api starts."""

import os
import subprocess
import sys
import threading
import types

import pytest

from magnum.cmd import api
from magnum import config
from magnum import reseal


@pytest.fixture
def path(tmp_path):
    """A configuration with a key that is none."""
    path = tmp_path / 'magnum.conf'
    path.write_text('[journal]\nseal_keys = changeme\n')
    return path


def test_a_key_that_is_none_is_refused_in_one_line(path, monkeypatch):
    monkeypatch.setattr(config, 'setup_logging', lambda: None)
    monkeypatch.setattr(sys, 'argv', ['api', f'--config-file={path}'])
    with pytest.raises(SystemExit) as caught:
        api.main()
    assert str(caught.value).startswith(
        'magnum-api: [journal] seal_keys, value 1: this is no Fernet key')


def test_under_another_server_too(path):
    done = subprocess.run(
        [sys.executable, '-c', 'import magnum.wsgi.api', '--config-file',
         path], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 1
    message, = done.stderr.splitlines()
    assert message.startswith('magnum-api: [journal] seal_keys')
    assert 'changeme' not in message


def test_one_worker_tries_the_keys(monkeypatch):
    tried = threading.Event()
    monkeypatch.setattr(reseal, 'try_keys', tried.set)
    api._try_keys(types.SimpleNamespace(age=2))
    assert not tried.wait(0.2)
    api._try_keys(types.SimpleNamespace(age=1))
    assert tried.wait(5)
