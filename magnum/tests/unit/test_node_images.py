# SPDX-License-Identifier: Apache-2.0
"""Images must be as containerd reads them, and named as they are asked for."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from magnum.drivers.k8s_kubeadm_v1 import addons
from magnum.drivers.k8s_kubeadm_v1 import labels
from tools.minicloud.nodes import archive
from tools.minicloud.nodes import images


@pytest.fixture
def program(tmp_path):
    path = tmp_path / 'program'
    path.write_text('#!/bin/sh\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def written(tmp_path, program):
    """{name in the file: content} of two images that share a layer."""
    base = {'bin/busybox': program, 'bin/sh': 'busybox', 'tmp': None}
    path = tmp_path / 'images.tar'
    archive.write(path, [
        archive.Image('a.b/one:v1', (base, {'one': program}), ['/one']),
        archive.Image('a.b/two:v1', (dict(base),))])
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


def test_the_manifest_leads_to_all(written):
    one, two = json.loads(written['manifest.json'])
    assert one['RepoTags'] == ['a.b/one:v1']
    assert two['RepoTags'] == ['a.b/two:v1']
    for image in (one, two):
        config = json.loads(written[image['Config']])
        assert image['Config'] == hashlib.sha256(
            written[image['Config']]).hexdigest() + '.json'
        assert config['rootfs']['diff_ids'] == [
            'sha256:' + hashlib.sha256(unpacked(written[name])).hexdigest()
            for name in image['Layers']]
    assert json.loads(written[one['Config']])['config']['Entrypoint'] == [
        '/one']
    assert json.loads(written[two['Config']])['config']['Entrypoint'] is None


def unpacked(data):
    return gzip.decompress(data)


def test_a_shared_layer_is_there_once(written):
    one, two = json.loads(written['manifest.json'])
    assert one['Layers'][0] == two['Layers'][0]
    assert sum(name.endswith('.tar.gz') for name in written) == 2


def test_a_layer_holds_files_links_and_folders(written, program):
    name = json.loads(written['manifest.json'])[0]['Layers'][0]
    with tarfile.open(fileobj=io.BytesIO(unpacked(written[name]))) as tar:
        entries = {entry.name: entry for entry in tar}
        content = tar.extractfile('bin/busybox').read()
    assert content == program.read_bytes()
    assert entries['bin/busybox'].mode == 0o755
    assert entries['bin/sh'].linkname == 'busybox'
    assert entries['tmp'].isdir() and entries['tmp'].mode == 0o1777
    assert {(e.uid, e.mtime) for e in entries.values()} == {(0, 0)}


def test_the_same_content_makes_the_same_file(tmp_path, program):
    image = archive.Image('a.b/one:v1', ({'one': program},))
    contents = []
    for name in ('first', 'second'):
        archive.write(tmp_path / name, [image])
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_addons_find_their_images():
    """Those of the driver, with its defaults; the helpers of CSI are not to
    be had, all but its plug-in.
    """
    tags = {name: label.default for name, label in labels.LABELS.items()}
    asked = {f'{path}:{tags[label] or "v1.36.0"}'
             for addon in addons.ADDONS
             for path, label in addon.images.values()
             if '/sig-storage/' not in path}
    assert asked == {
        images.FLANNEL, images.FLANNEL_CNI, images.METRICS_SERVER,
        images.CLOUD.format(minor='1.36'),
        images.CINDER_CSI.format(minor='1.36')}


@pytest.mark.parametrize('name, path, entrypoint', [
    ('registry.k8s.io/kube-scheduler:v1.36.3', 'usr/local/bin/kube-scheduler',
     '/usr/local/bin/kube-scheduler'),
    ('registry.k8s.io/etcd:3.6.8-0', 'usr/local/bin/etcd',
     '/usr/local/bin/etcd'),
    ('registry.k8s.io/coredns/coredns:v1.14.2', 'coredns', '/coredns'),
    ('registry.k8s.io/pause:3.10.2', 'pause', '/pause'),
])
def test_images_of_kubeadm_hold_what_their_names_say(
        name, path, entrypoint, tmp_path):
    image = images.core(name, tmp_path, {
        'coredns': tmp_path / 'coredns', 'pause': tmp_path / 'pause'}, {})
    assert image.name == name
    assert image.layers[-1][path].name == path.rpartition('/')[2]
    assert list(image.entrypoint) == [entrypoint]


def test_kube_proxy_can_set_rules(tmp_path):
    network = {'usr/sbin/iptables': 'xtables-nft-multi'}
    image = images.core('registry.k8s.io/kube-proxy:v1.36.3', tmp_path, {},
                        network)
    assert network in image.layers
