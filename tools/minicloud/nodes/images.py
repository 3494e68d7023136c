# SPDX-License-Identifier: Apache-2.0
"""What real nodes run in containers, as the folder of containerd.

usage: images [VERSION]        make the folder if it is missing, print its path
       images --list [VERSION] print the names of the images

The images have the names that kubeadm and our add-ons ask for, and the
programs that are there, which may be of another version than the name says.
They are imported and unpacked once, by a containerd that is started for that;
each node gets a copy of the folder as its /var/lib/containerd.
"""

import contextlib
import functools
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from tools.minicloud.nodes import archive
from tools.minicloud.nodes import cache
from tools.minicloud.nodes import programs
from tools.minicloud.nodes import root

# What the driver's add-ons ask for by default; {minor} is that of Kubernetes.
FLANNEL = 'ghcr.io/flannel-io/flannel:v0.26.7'
FLANNEL_CNI = 'ghcr.io/flannel-io/flannel-cni-plugin:v1.6.2-flannel1'
METRICS_SERVER = 'registry.k8s.io/metrics-server/metrics-server:v0.7.2'
CLOUD = ('registry.k8s.io/provider-os/openstack-cloud-controller-manager'
         ':v{minor}.0')
CINDER_CSI = 'registry.k8s.io/provider-os/cinder-csi-plugin:v{minor}.0'
# For whoever needs some server in a pod: sh, and web (standins/).
TEST = 'docker.io/library/busybox:1.35'

# Programs of the root that images need, with their libraries.
NETWORK = ('xtables-nft-multi', 'conntrack', 'nft')
TABLES = tuple(f'{name}{ending}' for name in ('iptables', 'ip6tables')
               for ending in ('', '-save', '-restore'))
STORAGE = ('blkid', 'blockdev', 'fsck', 'fsck.ext4', 'lsblk', 'mkfs.ext4',
           'mount', 'resize2fs', 'udevadm', 'umount')

CONFIG = '''version = 3
disabled_plugins = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images',
                    'io.containerd.cri.v1.runtime',
                    'io.containerd.nri.v1.nri']
'''


def names(version):
    """Of all images for this version."""
    return [image.name for image in images(version)]


def images(version):
    common, shell, network = programs.common(), busybox(), tables()
    found = of_version(version, common, network)
    # During an upgrade they run on nodes of the other version, too.
    for other in programs.built():
        have = {image.name for image in found}
        found += [image for image in of_version(other, common, network)
                  if image.name not in have
                  and re.search('kube-proxy|coredns|provider-os', image.name)]
    return found + [
        archive.Image(FLANNEL, (
            network, shell, {'opt/bin/flanneld': common['flanneld']}),
            ['/opt/bin/flanneld']),
        archive.Image(FLANNEL_CNI, (shell, {'flannel': common['flannel']})),
        archive.Image(METRICS_SERVER, (
            {'metrics-server': common['metrics-server'], 'tmp': None},),
            ['/metrics-server']),
        archive.Image(TEST, (shell, {'bin/web': common['web']}),
                      ['/bin/sh', '-c', 'exec "$@"', 'sh']),
    ]


def of_version(version, common, network):
    """Those whose tags follow the version of Kubernetes."""
    kubernetes = programs.folder(version)
    minor = version[1:].rpartition('.')[0]
    return [
        *(core(name, kubernetes, common, network)
          for name in asked_by_kubeadm(kubernetes / 'kubeadm', version)),
        # The first argument names the program.
        in_bin(CLOUD.format(minor=minor), common,
               'openstack-cloud-controller-manager'),
        in_bin(CINDER_CSI.format(minor=minor), common, 'cinder-csi-plugin',
               of_root(STORAGE))]


def asked_by_kubeadm(kubeadm, version):
    return cache.run(kubeadm, 'config', 'images', 'list',
                     '--kubernetes-version', version, seconds=60).split()


def core(name, kubernetes, common, network):
    """An image that kubeadm asks for, by what its name says."""
    program = re.search(r'([^/:]+):[^/]*$', name)[1]
    if program in ('coredns', 'pause'):
        return archive.Image(name, ({program: common[program]},),
                             [f'/{program}'])
    path = f'usr/local/bin/{program}'
    layers = ({path: kubernetes / program, 'tmp': None},)
    # By which our service removes a member before its server goes.
    if program == 'etcd' and (kubernetes / 'etcdctl').exists():
        layers = ({'usr/local/bin/etcdctl': kubernetes / 'etcdctl'}, *layers)
    if program == 'kube-proxy':
        layers = (network, *layers)
    return archive.Image(name, layers, [f'/{path}'])


def in_bin(name, common, program, *layers):
    return archive.Image(name, (
        *layers, {f'bin/{program}': common[program], 'tmp': None}))


def busybox():
    """The layer with a shell and its commands; needs no library."""
    path = pathlib.Path(shutil.which('busybox') or '')
    if not path.is_file() or 'statically' not in cache.run(
            'sh', '-c', 'ldd "$1" 2>&1 || echo statically', 'sh', path):
        sys.exit('There is no busybox without libraries: '
                 'bash tools/packages.sh nodes')
    commands = cache.run(path, '--list').split()
    return {'bin/busybox': path, 'tmp': None,
            **{f'bin/{name}': 'busybox' for name in commands
               if name != 'busybox'}}


def tables():
    """The layer with what sets rules for packets."""
    # One of them needs a library that the programs do not.
    modules = [f'/{path.relative_to(base())}' for path
               in sorted((base() / 'usr/lib').glob('*/xtables/*.so'))]
    return {**of_root((*NETWORK, *modules)),
            **{f'usr/sbin/{name}': 'xtables-nft-multi' for name in TABLES}}


def of_root(commands):
    """These programs and files of the root of nodes, and their libraries."""
    script = ('for name; do path=$(readlink -f "$(command -v "$name" || '
              'echo "$name")"); echo "$name $path"; ldd "$path"; done')
    said = cache.run('chroot', base(), '/bin/sh', '-c', script, 'sh',
                     *commands, seconds=60,
                     env={'PATH': '/usr/sbin:/usr/bin', 'LC_ALL': 'C'})
    layer = {}
    for name, path in re.findall(r'^(\S+) (/\S+)$', said, re.MULTILINE):
        place = name[1:] if name[0] == '/' else f'usr/sbin/{name}'
        layer[place] = base() / path[1:]
    for path in re.findall(r'(?:=> |^\s+)(/\S+) \(', said, re.MULTILINE):
        # As the loader asks for them, whatever is a link in the root.
        layer[path[1:]] = (base() / path[1:]).resolve()
    return layer


def base():
    return cache.FOLDER / 'root' / 'base'


@functools.cache
def store(version):
    """The folder with all images of this version; made if it is missing."""
    root.root(version)
    wanted_images, common = images(version), programs.common()
    path = cache.FOLDER / 'store' / version
    wanted = cache.stamp(CONFIG, *map(told, wanted_images))
    with cache.lock('store'):
        if not cache.is_made(path, wanted):
            with cache.making(path, wanted) as partial:
                partial.mkdir()
                fill(partial, wanted_images, common)
    return path


def told(image):
    """All that decides what an image is."""
    files = sorted(
        f'{path} {source} ' + (
            f'{source.stat().st_size} {source.stat().st_mtime_ns}'
            if isinstance(source, pathlib.Path) else '')
        for layer in image.layers for path, source in layer.items())
    return '\n'.join([image.name, *image.entrypoint, *files])


def fill(path, wanted_images, common):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        work = pathlib.Path(folder)
        archive.write(work / 'images.tar', wanted_images)
        with containerd(common['containerd'], path, work) as socket:
            cache.run(*cache.NICE, common['ctr'], '--address', socket,
                      '--namespace', 'k8s.io', 'images', 'import',
                      work / 'images.tar')


@contextlib.contextmanager
def containerd(program, path, work):
    """Runs on this folder, for as long as the block; yields its socket."""
    socket, log = work / 'socket', work / 'log'
    (work / 'config.toml').write_text(CONFIG)
    with log.open('wb') as output:
        process = subprocess.Popen(
            [*cache.NICE, program, '--config', work / 'config.toml',
             '--root', path, '--state', work / 'state', '--address', socket],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors='replace').splitlines()[-1:]
                sys.exit(f'containerd does not start: {" ".join(last)}')
            time.sleep(0.2)
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(words):
    listing = words[:1] == ['--list']
    rest = words[1:] if listing else words
    if len(rest) > 1 or any(word.startswith('-') for word in rest):
        sys.exit(__doc__.strip())
    version, = rest or programs.versions()[:1]
    print('\n'.join(names(version)) if listing else store(version))


if __name__ == '__main__':
    main(sys.argv[1:])
