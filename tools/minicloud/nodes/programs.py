# SPDX-License-Identifier: Apache-2.0
"""The programs of real nodes, built from Go modules.

usage: programs [--all] [VERSION...]     build what is missing
       programs --list                   say which versions there are

VERSION is as in v1.36.3; without one it is the older of the two in modules/,
with --all both.  Built once, into CACHE/programs: VERSION/ has those of
Kubernetes and etcd, common/ all others.

MAGNUM_NODE_PROGRAMS=FOLDER names ready ones of the same layout, for a machine
without Go.  The versions are then that folder's; what FOLDER/common lacks is
built.
"""

import dataclasses
import os
import pathlib
import re
import sys

from tools.minicloud.nodes import cache

MODULES = cache.HERE / 'modules'
KUBERNETES = ('kubeadm', 'kubelet', 'kubectl', 'kube-apiserver',
              'kube-controller-manager', 'kube-scheduler', 'kube-proxy')
# A build that hangs must end; a cold one takes minutes.
SECONDS = 2400
VERSION = re.compile(r'v1\.\d+\.\d+$')


@dataclasses.dataclass(frozen=True)
class Program:
    """`package` is built in folder `module`, whose go.mod has the versions."""

    name: str
    module: str
    package: str
    # Some of flannel is C.
    is_c: bool = False


def _all_of(module, path, *names):
    return [Program(name.rpartition('/')[2], module, path + name)
            for name in names]


CNI = tuple(_all_of('cni', 'github.com/containernetworking/plugins/plugins/',
                    'main/bridge', 'main/loopback', 'ipam/host-local',
                    'meta/portmap'))
COMMON = (
    *_all_of('containerd', 'github.com/containerd/containerd/v2/cmd/',
             'containerd', 'containerd-shim-runc-v2', 'ctr'),
    *CNI,
    Program('flannel', 'standins', './flannel'),
    Program('pause', 'standins', './pause'),
    Program('web', 'standins', './web'),
    Program('coredns', 'addons', './coredns'),
    Program('flanneld', 'addons', 'github.com/flannel-io/flannel', is_c=True),
    *_all_of('metrics-server', 'sigs.k8s.io/metrics-server/cmd/',
             'metrics-server'),
    *_all_of('addons', 'k8s.io/cloud-provider-openstack/cmd/',
             'openstack-cloud-controller-manager', 'cinder-csi-plugin'),
)
ETCD = (Program('etcd', 'etcd', 'go.etcd.io/etcd/server/v3'),
        Program('etcdctl', 'etcd', 'go.etcd.io/etcd/etcdctl/v3'))


def given():
    """The folder of ready programs, or None."""
    folder = os.environ.get('MAGNUM_NODE_PROGRAMS')
    if not folder:
        return None
    if not pathlib.Path(folder).is_dir():
        sys.exit(f'MAGNUM_NODE_PROGRAMS={folder} is no folder')
    return pathlib.Path(folder).absolute()


def versions():
    """Of Kubernetes, the oldest first."""
    folder = given()
    if folder:
        found = [path.name for path in folder.iterdir()
                 if VERSION.match(path.name)]
        if not found:
            sys.exit(f'MAGNUM_NODE_PROGRAMS={folder} has no folder that is '
                     'named like a version, such as v1.36.3')
    else:
        found = [required(path, 'k8s.io/kubernetes')
                 for path in MODULES.glob('kubernetes-*')]
    return sorted(found, key=lambda v: [int(n) for n in v[1:].split('.')])


def built():
    """The versions of which nothing has to be built any more."""
    if given():
        return versions()
    return [version for version in versions() if all(
        (cache.FOLDER / 'programs' / version / name).exists()
        for name in KUBERNETES)]


def required(module, name):
    """The version of a module that the go.mod of this folder asks for."""
    found = re.search(rf'^(?:require)?\s*{re.escape(name)} (v\S+)',
                      (module / 'go.mod').read_text(), re.MULTILINE)
    if not found:
        raise LookupError(f'{module}/go.mod does not require {name}')
    return found[1]


def kubernetes(version):
    """Kubernetes' own programs of this version."""
    module = 'kubernetes-' + version[1:].rpartition('.')[0]
    return _all_of(module, 'k8s.io/kubernetes/cmd/', *KUBERNETES)


def folder(version):
    """Where those of Kubernetes and etcd are; built if they are missing."""
    if version not in versions():
        sys.exit(f'There is no Kubernetes {version} here, only '
                 + ', '.join(versions()))
    ready = given()
    if ready:
        lacking = [name for name in (*KUBERNETES, 'etcd')
                   if not (ready / version / name).exists()]
        if lacking:
            sys.exit(f'{ready / version} lacks {", ".join(lacking)}')
        return ready / version
    target = cache.FOLDER / 'programs' / version
    build_all([*kubernetes(version), *ETCD], target, version)
    return target


def common():
    """Paths of all others by name; built if they are missing."""
    target = cache.FOLDER / 'programs' / 'common'
    ready = given()
    paths = {}
    to_build = []
    for program in COMMON:
        if ready and (ready / 'common' / program.name).exists():
            paths[program.name] = ready / 'common' / program.name
        else:
            paths[program.name] = target / program.name
            to_build.append(program)
    build_all(to_build, target)
    return paths


def build_all(programs, target, version=''):
    stamps = {program: made_from(program, version) for program in programs}
    if all(cache.is_made(target / program.name, wanted)
           for program, wanted in stamps.items()):
        return
    with cache.lock(target.relative_to(cache.FOLDER)):
        for program, wanted in stamps.items():
            path = target / program.name
            if not cache.is_made(path, wanted):
                with cache.making(path, wanted) as partial:
                    build(program, partial, version)


def made_from(program, version):
    """A stamp of all that decides what a program is."""
    module = MODULES / program.module
    return cache.stamp(
        program, flags(program, version),
        *(path for path in sorted(module.rglob('*')) if path.is_file()))


def build(program, path, version=''):
    module = MODULES / program.module
    try:
        cache.run(*cache.NICE, 'go', 'build', *flags(program, version),
                  '-o', path, program.package,
                  seconds=SECONDS, cwd=module, env=environment(program))
    except SystemExit as e:
        sys.exit(f'{program.name} cannot be built: {e}\n'
                 'It needs Go 1.26 or newer and a Go module proxy; '
                 'MAGNUM_NODE_PROGRAMS can name a folder of ready programs.')


def flags(program, version=''):
    link = ['-s', '-w']
    if version and program.name in KUBERNETES:
        _, minor, _ = version.split('.')
        facts = {'gitVersion': version, 'gitMajor': '1', 'gitMinor': minor,
                 'gitTreeState': 'clean', 'gitCommit': '0' * 40,
                 'buildDate': '1970-01-01T00:00:00Z'}
        link += [f'-X {package}.{name}={value}'
                 for package in ('k8s.io/component-base/version',
                                 'k8s.io/client-go/pkg/version')
                 for name, value in facts.items()]
    more = ()
    if program.is_c:
        more = ('-tags', 'netgo,osusergo')
        link += ['-linkmode external', "-extldflags '-static'"]
    return ('-trimpath', '-buildvcs=false', *more, '-ldflags', ' '.join(link))


def environment(program):
    return {**os.environ, 'GOFLAGS': '', 'GOWORK': 'off',
            'CGO_ENABLED': '1' if program.is_c else '0'}


def main(words):
    options = {word for word in words if word.startswith('-')}
    if options - {'--all', '--list'}:
        sys.exit(__doc__.strip())
    if '--list' in options:
        print('\n'.join(versions()))
        return
    wanted = [word for word in words if word not in options]
    everything = versions() if '--all' in options else versions()[:1]
    for version in wanted or everything:
        print(folder(version))
    print(*{path.parent for path in common().values()}, sep='\n')


if __name__ == '__main__':
    main(sys.argv[1:])
