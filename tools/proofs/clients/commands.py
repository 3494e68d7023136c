# SPDX-License-Identifier: Apache-2.0
"""Run every `openstack coe` command of the client beside this Python.

usage: commands.py POWER...

What the driver k8s_kubeadm_v1 has no power for must be refused; the driver
`able`, whose infrastructure is in memory, has all powers.  Fails for a
command or an option that was not tried.
"""

import importlib.metadata
import pathlib
import sys
import tempfile
import time
import uuid

import clusters
from expect import Failed
from expect import same
import projects
import shell
import templates

ABLE = 'ubuntu-kube-able'


def main(powers):
    version = importlib.metadata.version(shell.PACKAGE)
    demo, admin = shell.Shell('demo'), shell.Shell('admin')
    typed = int(version.partition('.')[0]) >= 5
    # What an earlier run may have left is not mistaken for our own.
    prefix = f'client-{version.replace(".", "-")}-{uuid.uuid4().hex[:6]}'
    with tempfile.TemporaryDirectory() as folder:
        real, able = (
            clusters.Story(demo, f'{prefix}-{name}', set(can), typed,
                           pathlib.Path(folder) / name)
            for name, can in (('real', powers), ('able', clusters.REFUSALS)))
        # It is built while the others are at work.
        real.create('ubuntu-kube-v1.31.4', 'ubuntu-kube-v1.32.1')
        templates.story(demo, admin, prefix, ABLE, typed)
        projects.story(demo, admin)
        able.create(ABLE, ABLE)
        able.live()
        clusters.variants(demo, able)
        versions(typed)
        real.live()
        clusters.delete(demo, real, able)
    missed = list(shell.missed(demo, admin))
    if missed:
        raise Failed(f'never tried: {"; ".join(missed)}')
    tried = sum(len(shell.choices(class_)) for class_ in
                shell.commands().values())
    print(f'{shell.PACKAGE} {version}: {demo.runs + admin.runs} runs of all '
          f'{len(shell.commands())} commands, with all {tried} options')


def versions(typed):
    """Versions of the API that users may name."""
    for version in ('1', '1.12') if typed else ('1',):
        one = shell.Shell('demo', '--os-container-infra-api-version', version)
        same(bool(one.json('coe', 'cluster', 'list')), True)


if __name__ == '__main__':
    begun = time.monotonic()
    main(sys.argv[1:])
    print(f'in {time.monotonic() - begun:.0f} s')
