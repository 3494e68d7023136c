# SPDX-License-Identifier: Apache-2.0
"""Cinder's volumes as disks of machines: a file, a loop device, a name.

Cinder's driver stores nothing, so the bytes are here: STATE/volumes/<id>, made
at the first attachment and removed with the volume.  In a machine the device
is /dev/disk/by-id/virtio-<first 20 characters of the id>, as KVM names it.
"""

import json
import os

from tools.minicloud.nodes import names

FOLDER = names.STATE / 'volumes'
LOOP_MAJOR = 7


def attach(machine, volumes):
    """Let the machine have these and no others.

    A device node made in the machine's own /dev goes with it at power off.
    """
    if machine.first_pid() is None:
        return
    have = set(machine.record.get('volumes', ()))
    wanted = dict(volumes)
    for volume_id in set(wanted) - have:
        device = _device(volume_id, wanted[volume_id])
        _name(machine, volume_id, device)
    for volume_id in have - set(wanted):
        names.run(*machine.enter('rm', '-f', _path(volume_id)), check=False)
        detach(volume_id)
    if have != set(wanted):
        machine.remember(volumes=sorted(wanted))


def _path(volume_id):
    return f'/dev/disk/by-id/virtio-{volume_id[:20]}'


def _device(volume_id, size_gb):
    """The loop device of this volume, made if there is none."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / volume_id
    if not path.exists():
        with open(path, 'wb') as disk:
            disk.truncate(size_gb * 1024 ** 3)
    for found in _loops():
        if found['back-file'] == str(path):
            return found['name']
    return names.run('losetup', '--find', '--show', path).strip()


def _name(machine, volume_id, device):
    minor = os.minor(os.stat(device).st_rdev)
    path = _path(volume_id)
    short = f'/dev/loop{minor}'
    names.run(*machine.enter('sh', '-c', (
        f'mkdir -p /dev/disk/by-id && rm -f {short} {path} && '
        f'mknod -m 600 {short} b {LOOP_MAJOR} {minor} && '
        f'ln -s ../../loop{minor} {path}')))


def detach(volume_id):
    for found in _loops():
        if found['back-file'] == str(FOLDER / volume_id):
            names.run('losetup', '--detach', found['name'], check=False)


def forget(existing):
    """Remove the bytes of volumes that Cinder has no more."""
    for path in FOLDER.glob('*') if FOLDER.exists() else ():
        if path.name not in existing:
            detach(path.name)
            path.unlink(missing_ok=True)


def _loops():
    listing = names.run('losetup', '--json', '--list', check=False)
    return json.loads(listing or '{}').get('loopdevices', ())


def remove_all():
    for found in _loops():
        if str(found['back-file']).startswith(f'{FOLDER}/'):
            names.run('losetup', '--detach', found['name'], check=False)
