# SPDX-License-Identifier: Apache-2.0
"""A server's machine: a container that boots systemd and cloud-init.

Its folder STATE/<server's id> holds what its disk would: what differs from the
root of all nodes, containers, pods, etcd.  It is there from build to delete,
through restarts of the machine, of the guest and of the cloud.  `boot` is the
process that a running machine consists of.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import time

from tools.minicloud.nodes import cache
from tools.minicloud.nodes import fabric
from tools.minicloud.nodes import images
from tools.minicloud.nodes import names
from tools.minicloud.nodes import root
from tools.minicloud import processes

BOOT = pathlib.Path(__file__).with_name('boot')
# Machines need more than the 128 that a user may have by default.
INOTIFY = pathlib.Path('/proc/sys/fs/inotify/max_user_instances')
INOTIFY_WANTED = 8192


class Machine:

    def __init__(self, server_id):
        self.id = server_id
        self.space = names.node(server_id)
        self.state = names.STATE / server_id
        self._record = self.state / 'record.json'

    @property
    def record(self):
        """{'build': ..., 'boot': ..., 'base': ...}; {} before it is built."""
        try:
            return json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def remember(self, **facts):
        fresh = self._record.with_suffix('.new')
        fresh.write_text(json.dumps({**self.record, **facts}))
        fresh.replace(self._record)

    @property
    def name(self):
        """The server's; None before it is built."""
        path = self.state / 'name'
        return path.read_text() if path.exists() else None

    @property
    def is_running(self):
        return bool(processes.running(self.space))

    def build(self, server):
        """Give it an empty disk with the server's own user data."""
        self.switch_off()
        for part in self.state.iterdir():
            # Without its record nobody would try again.
            if part != self._record:
                cache.remove(part)
        for part in ('upper', 'work', 'root', 'kubelet', 'etcd', 'volumes'):
            (self.state / part).mkdir(parents=True)
        (self.state / 'name').write_text(server.name)
        copy_store(images.store(server.kube_version),
                   self.state / 'containerd')
        seed = self.state / 'upper/var/lib/cloud/seed/nocloud-net'
        seed.mkdir(parents=True)
        (seed / 'user-data').write_bytes(server.user_data)
        (seed / 'meta-data').write_text(
            f'instance-id: {server.id}\nlocal-hostname: {server.name}\n')
        etc = self.state / 'upper/etc'
        etc.mkdir()
        (etc / 'hosts').write_text(
            f'127.0.0.1 localhost\n127.0.1.1 {server.name}\n')
        self.remember(build=server.build,
                      base=str(root.root(server.kube_version)))

    def switch_on(self, server, networks):
        raise_inotify()
        self._make_groups()
        self._make_space(server, networks)
        processes.start(self.space, [
            BOOT, self.space, self.state, self.record['base']])
        self.remember(boot=server.boot)

    def _make_space(self, server, networks):
        if self.space in names.namespaces():
            names.run('ip', 'netns', 'del', self.space)
        names.run('ip', 'netns', 'add', self.space)
        names.run('ip', '-n', self.space, 'link', 'set', 'lo', 'up')
        for number, port in enumerate(server.ports):
            fabric.plug(self.space, f'eth{number}', port,
                        networks[port.network_id])
        gateway = next((p.gateway for p in server.ports if p.gateway), None)
        if gateway:
            names.run('ip', '-n', self.space, 'route', 'add', 'default',
                      'via', gateway)

    def _make_groups(self):
        for controller in controllers():
            group = controller / self.space
            group.mkdir(exist_ok=True)
            if controller.name == 'cpuset':
                for setting in ('cpuset.cpus', 'cpuset.mems'):
                    (group / setting).write_text(
                        (controller / setting).read_text())

    def switch_off(self):
        """As if the power failed; the disk stays."""
        switch_off(self.space)
        if self.space in names.namespaces():
            names.run('ip', 'netns', 'del', self.space)

    def destroy(self):
        self.switch_off()
        shutil.rmtree(self.state, ignore_errors=True)

    def first_pid(self):
        """The machine's own process 1, as the cloud sees it; None if off."""
        boot = processes.running(self.space)
        for pid in processes_within(self.space) if boot else ():
            status = pathlib.Path(f'/proc/{pid}/status')
            with contextlib.suppress(OSError):
                inside = next(line.split()[1:] for line in
                              status.read_text().splitlines()
                              if line.startswith('NSpid:'))
                if len(inside) == 2 and inside[1] == '1':
                    return pid
        return None

    def enter(self, *command):
        """What one writes to run a command in the machine, as a list."""
        return ['nsenter', '-t', str(self.first_pid()), '-m', '-p', '-u',
                '-i', '-n', '-C', '-T', *command]


def copy_store(store, target):
    """Images: layers by hard link, as nobody writes them; the rest copied."""
    try:
        names.run('cp', '-al', store, target)
    except names.CommandFailed:
        # Another file system.
        shutil.rmtree(target, ignore_errors=True)
        names.run('cp', '-a', store, target)
        return
    for database in target.rglob('*.db'):
        content = database.read_bytes()
        database.unlink()
        database.write_bytes(content)


def controllers():
    """The machine's control groups, `unified` among them."""
    return sorted(path for path in names.CGROUPS.iterdir()
                  if path.is_dir() and not path.is_symlink()
                  and (path / 'cgroup.procs').exists())


def processes_within(space):
    """The pids of all that run in these control groups."""
    found = set()
    for controller in controllers():
        for listing in [controller / space / 'cgroup.procs',
                        *(controller / space).glob('**/cgroup.procs')]:
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in listing.read_text().split())
    return sorted(found - {0})


def remove_groups(space):
    """End what still runs there, then remove the groups."""
    end = time.monotonic() + 10
    while (left := processes_within(space)) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for controller in controllers():
        top = controller / space
        if not top.is_dir():
            continue
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def raise_inotify():
    if int(INOTIFY.read_text()) < INOTIFY_WANTED:
        INOTIFY.write_text(str(INOTIFY_WANTED))


def all_spaces():
    """The names of machines that left anything on this machine."""
    prefix = names.PREFIX + 'n'
    found = {name for name in processes.recorded() if name.startswith(prefix)}
    found |= {s for s in names.namespaces() if s.startswith(prefix)}
    for controller in controllers():
        found |= {path.name for path in controller.glob(prefix + '*')}
    return sorted(found)


def switch_off(space):
    """End all that runs there, `boot` among it."""
    remove_groups(space)
    processes.stop([space], seconds=1)


def known():
    """The ids of all servers that have a machine."""
    return sorted(path.parent.name
                  for path in names.STATE.glob('*/record.json'))


def adopt(server_id):
    """From now on this server has a machine, to be built."""
    machine = Machine(server_id)
    machine.state.mkdir(parents=True, exist_ok=True)
    machine.remember()
    return machine
