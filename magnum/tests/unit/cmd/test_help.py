# SPDX-License-Identifier: Apache-2.0
"""What the commands say about themselves."""

import pathlib
import subprocess
import sys

import pytest

COMMANDS = ['magnum-api', 'magnum-conductor', 'magnum-db-manage',
            'magnum-driver-manage', 'magnum-status']


@pytest.mark.parametrize('command', COMMANDS)
def test_help_says_what_the_command_is_for(command):
    path = pathlib.Path(sys.executable).parent / command
    done = subprocess.run([path, '--help'], capture_output=True, text=True,
                          check=True)
    usage, description, *_ = done.stdout.split('\n\n')
    assert usage.startswith('usage: ')
    assert description.strip().endswith('.')
    assert not description.startswith('options:')
