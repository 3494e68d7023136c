# SPDX-License-Identifier: Apache-2.0
"""The root of real nodes: Debian, prepared as an image for servers is.

usage: root [VERSION]          make it if it is missing, and print its path

tools/image/prepare-node does what an image for real servers needs, too.  Added
here is what only a container needs, whose kernel, devices and time are the
machine's.  All nodes of a version share this root, so nothing may write to it:
it is the lower folder of an overlay.
"""

import functools
import os
import shutil
import sys

from tools.minicloud.nodes import cache
from tools.minicloud.nodes import programs

# systemd of Debian 13 refuses cgroup v1, which some machines have.
SUITE = 'bookworm'
PREPARE = cache.TOP / 'tools' / 'image' / 'prepare-node'
# Whoever boots a root looks for it: never the machine's own.
MARK = 'etc/this-is-a-node'
IN_BIN = ('kubeadm', 'kubelet', 'kubectl')
FROM_COMMON = ('containerd', 'containerd-shim-runc-v2', 'ctr',
               *(program.name for program in programs.CNI))

# Units that would reach for the machine's devices, clock, kernel or network.
MASKED = (
    'apt-daily-upgrade.timer', 'apt-daily.timer', 'dev-hugepages.mount',
    'dpkg-db-backup.timer', 'e2scrub_all.timer', 'e2scrub_reap.service',
    'fstrim.timer', 'getty.target', 'hwclock-save.service',
    'proc-sys-fs-binfmt_misc.automount', 'sys-fs-fuse-connections.mount',
    'sys-kernel-config.mount', 'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount', 'systemd-logind.service',
    'systemd-modules-load.service', 'systemd-networkd-wait-online.service',
    'systemd-networkd.service', 'systemd-random-seed.service',
    'systemd-resolved.service', 'systemd-timesyncd.service',
    'systemd-udev-settle.service', 'systemd-udev-trigger.service',
    'systemd-udevd-control.socket', 'systemd-udevd-kernel.socket',
    'systemd-udevd.service')

NOTHING = '#!/bin/sh\n# The kernel is the machine\'s, and has all built in.\n'

FILES = {
    'etc/hostname': 'node\n',
    'etc/fstab': '',
    'etc/machine-id': '',
    # A name server of the cloud's: what runs in nodes asks for no other
    # names than those of the cluster, and 127.0.0.1 would be each pod's own.
    'etc/resolv.conf': 'nameserver 192.0.2.53\n'
                       'options timeout:1 attempts:1\n',
    'etc/cloud/cloud.cfg.d/90-container.cfg':
        'datasource_list: [NoCloud]\n'
        'network: {config: disabled}\n'
        # One module that fails would make the whole stage fail.
        'locale: false\n'
        'ssh_deletekeys: false\n'
        'ssh_genkeytypes: []\n'
        # Nodes are told nothing by what is outside of the cloud.
        'package_update: false\n'
        'growpart: {mode: "off"}\n'
        'resize_rootfs: false\n',
    'etc/cloud/ds-identify.cfg': 'policy: enabled\n',
    'etc/containerd/conf.d/container.toml':
        'version = 3\n\n'
        "[plugins.'io.containerd.cri.v1.runtime']\n"
        # Without CAP_SYS_RESOURCE no score can be lowered.
        'restrict_oom_score_adj = true\n',
    # Of the machine: not for a node to set.
    'etc/sysctl.d/50-default.conf': '',
    'etc/sysctl.d/50-pid-max.conf': '',
    'etc/sysctl.d/99-sysctl.conf': '',
    'etc/systemd/journald.conf.d/container.conf':
        '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n',
    'etc/systemd/system.conf.d/container.conf':
        '[Manager]\nDefaultTimeoutStopSec=15s\n',
    'usr/local/sbin/modprobe': NOTHING,
    'usr/local/sbin/swapoff': NOTHING,
    MARK: 'Made by tools/minicloud/nodes/root.py.\n',
}


# A stage of cloud-init that fails while a child of it still runs waits to hear
# that its control group is empty, which a container with version 1 never does.
FILES.update({
    f'etc/systemd/system/{stage}.service.d/container.conf':
        '[Service]\nTimeoutStopSec=5s\n'
    for stage in ('cloud-init-local', 'cloud-init', 'cloud-config',
                  'cloud-final')})


@functools.cache
def root(version):
    """The path of the root for this version; made if it is missing."""
    if os.geteuid():
        sys.exit('Only root can make the root of nodes.')
    kubernetes = programs.folder(version)
    common = programs.common()
    sources = ([kubernetes / name for name in IN_BIN]
               + [common[name] for name in FROM_COMMON])
    with cache.lock('root'):
        system = base()
        path = cache.FOLDER / 'root' / version
        wanted = cache.stamp(
            PREPARE, FILES, MASKED,
            *(f'{source} {source.stat().st_size} {source.stat().st_mtime_ns}'
              for source in sources))
        if not cache.is_made(path, wanted):
            with cache.making(path, wanted) as partial:
                cache.run('cp', '-a', '--reflink=auto', system, partial)
                prepare(partial, sources)
                add_what_containers_need(partial)
    return path


def base():
    """Debian with the packages of nodes, without programs."""
    path = cache.FOLDER / 'root' / 'base'
    wanted = cache.stamp(SUITE, packages())
    if cache.is_made(path, wanted):
        return path
    source = mirror()
    with cache.making(path, wanted) as partial:
        # What it mounts is gone with it.
        cache.run(*cache.NICE, 'unshare', '--mount', 'debootstrap',
                  '--variant=minbase', SUITE, partial, source, seconds=1200)
        shutil.copy('/etc/resolv.conf', partial / 'etc/resolv.conf')
        in_root(partial, PREPARE.read_text(), '--packages', seconds=1200)
        for waste in ('var/cache/apt', 'var/lib/apt/lists', 'var/log',
                      'usr/share/doc', 'usr/share/man', 'usr/share/locale',
                      'usr/share/info'):
            for left in (partial / waste).iterdir():
                cache.remove(left)
    return path


def packages():
    """What prepare-node installs; only that decides what the base is."""
    text = PREPARE.read_text()
    return text.partition('PACKAGES="')[2].partition('"')[0]


def mirror():
    """Where this machine has Debian's packages from."""
    text = cache.run('apt-get', 'indextargets', '--format',
                     '$(REPO_URI) $(COMPONENT) $(ORIGIN) $(LABEL)',
                     'Created-By: Packages')
    for line in text.splitlines():
        address, _, kind = line.partition(' ')
        if kind == 'main Debian Debian':
            return address
    sys.exit("apt's sources name no mirror of Debian: the root of nodes "
             'cannot be made (has `apt-get update` been run?)')


def prepare(path, sources):
    """As an image for servers is."""
    with_programs = path / 'programs'
    with_programs.mkdir()
    for source in sources:
        shutil.copy(source, with_programs / source.name)
    in_root(path, PREPARE.read_text(), '/programs')
    shutil.rmtree(with_programs)


def in_root(path, script, *words, seconds=300):
    """Run a script of bash in this root; packages start no service there."""
    no_services = path / 'usr/sbin/policy-rc.d'
    no_services.write_text('#!/bin/sh\nexit 101\n')
    no_services.chmod(0o755)
    # proc is for this command alone, and gone with it.
    cache.run(*cache.NICE, 'unshare', '--mount', 'sh', '-c',
              'root=$1 && shift && mount -t proc proc "$root/proc" && '
              'exec chroot "$root" /bin/bash -s -- "$@"', 'sh', path, *words,
              seconds=seconds, text_in=script,
              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'})
    no_services.unlink()


def add_what_containers_need(path):
    for name, text in FILES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # Some are links that lead out of the root.
        file.unlink(missing_ok=True)
        file.write_text(text)
        if 'sbin/' in name:
            file.chmod(0o755)
    units = path / 'etc/systemd/system'
    for unit in MASKED:
        cache.remove(units / unit)
        (units / unit).symlink_to('/dev/null')
    cache.remove(units / 'default.target')
    (units / 'default.target').symlink_to(
        '/lib/systemd/system/multi-user.target')
    for folder in ('lib/modules', 'var/lib/etcd', 'var/lib/kubelet',
                   'var/lib/containerd', 'old'):
        (path / folder).mkdir(parents=True, exist_ok=True)
    # debootstrap makes devices, of which a container gets its own.
    for device in (path / 'dev').iterdir():
        if not device.is_dir():
            device.unlink()


def main(words):
    if len(words) > 1 or any(word.startswith('-') for word in words):
        sys.exit(__doc__.strip())
    print(root(*(words or programs.versions()[:1])))


if __name__ == '__main__':
    main(sys.argv[1:])
