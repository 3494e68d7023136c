# SPDX-License-Identifier: Apache-2.0
"""What an operator adds to kubeadm's documents."""

import json

from oslo_config import cfg
import pytest

from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import patches
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum import errors
from magnum.tests.unit.drivers import specs

CONF = cfg.CONF


@pytest.fixture
def patched(tmp_path):
    """Write the operator's file."""
    path = tmp_path / 'patches.yaml'
    CONF.set_override('kubeadm_patches_file', str(path), 'kubernetes')
    yield path.write_text
    CONF.clear_override('kubeadm_patches_file', 'kubernetes')


def documents(text):
    return {document['kind']: document
            for document in map(json.loads, text.split('\n---\n'))}


def init():
    wanted = wishes.of_new_cluster(specs.cluster(), wishes.Networks())
    return documents(kubeadm.init(wanted.spec, wanted.labels, wanted.version,
                                  False, 365))


def join(role):
    return documents(kubeadm.join(specs.group(role), False))


def test_documents_take_the_patch_of_their_kind(patched):
    patched('')
    before = init()
    patched('''
kind: KubeletConfiguration
failCgroupV1: false
rotateCertificates: null
---
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0, min: 0}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {ignorePreflightErrors: [SystemVerification]}
---
kind: JoinConfiguration
nodeRegistration: {ignorePreflightErrors: ["@SA_KEY@"]}
''')
    after = init()
    kubelet = before['KubeletConfiguration'] | {'failCgroupV1': False}
    del kubelet['rotateCertificates']
    assert after['KubeletConfiguration'] == kubelet
    assert after['KubeProxyConfiguration'] == (
        before['KubeProxyConfiguration']
        | {'conntrack': {'maxPerCore': 0, 'min': 0}})
    assert after['InitConfiguration']['nodeRegistration'] == (
        before['InitConfiguration']['nodeRegistration']
        | {'ignorePreflightErrors': ['SystemVerification']})
    assert after['ClusterConfiguration'] == before['ClusterConfiguration']
    for role in ('master', 'worker'):
        ignored = join(role)['JoinConfiguration']['nodeRegistration'][
            'ignorePreflightErrors']
        # A word that Heat would have filled in.
        assert ignored == ['\ue000SA_KEY@']


def test_without_a_file_nothing_is_patched(patched):
    patched('')
    assert patches.load() == {}


@pytest.mark.parametrize('text, reason', [
    ('kind: Pod', 'kind Pod'), ('- a', 'kind None'),
    ('a: [', 'cannot be used'),
    ('kind: JoinConfiguration\nx: 2026-01-01', 'type date'),
    ('kind: JoinConfiguration\n---\nkind: JoinConfiguration', 'two documents'),
])
def test_what_is_no_patch_is_refused_with_its_file(patched, text, reason):
    patched(text)
    with pytest.raises(errors.InfrastructureFailed) as refusal:
        init()
    assert 'kubeadm_patches_file' in str(refusal.value)
    assert reason in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(patched):
    with pytest.raises(errors.InfrastructureFailed, match='No such file'):
        init()
