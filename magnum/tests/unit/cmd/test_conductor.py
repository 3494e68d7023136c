# SPDX-License-Identifier: Apache-2.0
"""How magnum-conductor starts."""

import sys

import pytest

from magnum.cmd import conductor
from magnum import config


def test_a_key_that_is_none_is_refused(tmp_path, monkeypatch):
    path = tmp_path / 'magnum.conf'
    path.write_text('[journal]\nseal_keys = changeme\n')
    monkeypatch.setattr(config, 'setup_logging', lambda: None)
    monkeypatch.setattr(sys, 'argv', ['conductor', f'--config-file={path}'])
    with pytest.raises(SystemExit) as caught:
        conductor.main()
    assert str(caught.value).startswith(
        'magnum-conductor: [journal] seal_keys, value 1: this is no Fernet')
