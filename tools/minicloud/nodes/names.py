# SPDX-License-Identifier: Apache-2.0
"""What the machines' parts are called, and where they keep what is theirs.

Every namespace, bridge, link and control group of this cloud begins with
`PREFIX`, so that all of it can be found again whatever was forgotten.
"""

import pathlib
import subprocess

from tools.minicloud import settings

# An interface's name ends at 15 characters.
PREFIX = f'mc{settings.SHIFT}-'
STATE = settings.RUN / 'nodes'
REAL = settings.RUN / 'guest-real'
OUTSIDE = PREFIX + 'outside'
CGROUPS = pathlib.Path('/sys/fs/cgroup')
NETNS = pathlib.Path('/run/netns')
SECONDS = 60


def node(server_id):
    return f'{PREFIX}n{server_id[:8]}'


def network(network_id):
    return f'{PREFIX}f{network_id[:8]}'


def run(*command, text=None, check=True):
    """Run one of the system's commands; its output.

    :raises CommandFailed: it says why.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command], input=text, text=True,
            capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise CommandFailed(f'{command[0]}: {e}') from e
    if check and done.returncode:
        raise CommandFailed(f'{" ".join(map(str, command))}: '
                            f'{(done.stderr or done.stdout).strip()[:400]}')
    return done.stdout


class CommandFailed(Exception):
    """A command of the system failed."""


def namespaces():
    return {path.name for path in NETNS.glob(PREFIX + '*')}
