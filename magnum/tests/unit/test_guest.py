# SPDX-License-Identifier: Apache-2.0
"""The mini cloud's guest must notice what a real node would trip over."""

import base64
import datetime
import gzip
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid
import pytest
import yaml

from tools.minicloud import userdata

PKI = '/etc/kubernetes/pki/'


def make_authority(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256()))
    return (certificate.public_bytes(serialization.Encoding.PEM).decode(),
            private_pem(key))


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()).decode()


AUTHORITIES = {name: make_authority(name)
               for name in ('ca', 'front-proxy-ca', 'etcd/ca')}
SERVICE_KEY = ec.generate_private_key(ec.SECP256R1())
NODE_KEY = private_pem(ec.generate_private_key(ec.SECP256R1()))


def b64(text):
    return base64.b64encode(text.encode()).decode()


def files(role):
    """Path: (mode, content) of a good node."""
    made = {
        '/etc/magnum/node.env': (
            '0600', f"NODE_NAME='c-{role}-0'\nROLE='{role}'\nINDEX='0'\n"
                    "KUBE_VERSION='v1.31.4'\n"),
        '/etc/magnum/signal.json': ('0600', json.dumps(dict.fromkeys(
            userdata.SIGNAL_KEYS, 'x'))),
        '/etc/magnum/kubeadm.yaml': (
            '0600', 'kind: ClusterConfiguration\nkubernetesVersion: v1.31.4\n'
                    '---\nkind: JoinConfiguration\n'),
        '/usr/local/sbin/magnum-node': ('0755', '#!/bin/sh\ntrue\n'),
    }
    if role == 'master':
        made['/etc/magnum/addons.yaml'] = '0600', '{}'
        for name, (certificate, key) in AUTHORITIES.items():
            made[f'{PKI}{name}.crt'] = '0644', certificate
            made[f'{PKI}{name}.key'] = '0600', key
        made[PKI + 'sa.key'] = '0600', private_pem(SERVICE_KEY)
        made[PKI + 'sa.pub'] = '0644', SERVICE_KEY.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    else:
        made['/etc/magnum/ca.crt'] = '0644', AUTHORITIES['ca'][0]
        made['/etc/magnum/discovery.conf'] = '0600', discovery(NODE_KEY)
    return made


def discovery(key):
    return (f'certificate-authority-data: {b64(AUTHORITIES["ca"][0])}\n'
            f'client-key-data: {b64(key)}\n')


def cloud_config(made, runcmd=(('/usr/local/sbin/magnum-node', 'up'),)):
    return b'#cloud-config\n' + yaml.safe_dump({
        'write_files': [{'path': path, 'permissions': mode, 'content': text}
                        for path, (mode, text) in made.items()],
        'runcmd': [list(words) for words in runcmd]}).encode()


def complaint(raw, name):
    with pytest.raises(userdata.Broken) as e:
        userdata.check(raw, name)
    return str(e.value)


@pytest.mark.parametrize('role', ['master', 'worker'])
def test_good_user_data_makes_a_node(role):
    node = userdata.check(cloud_config(files(role)), f'c-{role}-0')
    assert node.role == role
    assert node.variables['KUBE_VERSION'] == 'v1.31.4'


@pytest.mark.parametrize('path', files('master'))
def test_a_missing_file_is_named(path):
    made = files('master')
    del made[path]
    assert complaint(cloud_config(made), 'c-master-0') == f'{path} is missing'


@pytest.mark.parametrize('encoding', ['gz+b64', 'gzip+base64'])
def test_packed_files_are_unpacked(encoding):
    document = yaml.safe_load(cloud_config(files('worker')))
    for entry in document['write_files']:
        entry['content'] = base64.b64encode(
            gzip.compress(entry['content'].encode()))
        entry['encoding'] = encoding
    raw = b'#cloud-config\n' + yaml.safe_dump(document).encode()
    assert userdata.check(raw, 'c-worker-0').role == 'worker'


def test_what_does_not_unpack_is_named():
    document = yaml.safe_load(cloud_config(files('worker')))
    document['write_files'][0].update(encoding='gz+b64',
                                      content='bm8gZ3ppcA==')
    raw = b'#cloud-config\n' + yaml.safe_dump(document).encode()
    assert 'node.env does not decode' in complaint(raw, 'c-worker-0')


def test_an_authoritys_key_on_a_worker_is_noticed():
    made = files('worker')
    made['/etc/magnum/discovery.conf'] = '0600', discovery(
        AUTHORITIES['ca'][1])
    assert "an authority's key" in complaint(cloud_config(made), 'c-worker-0')


def test_a_file_that_kubeadm_would_trip_over_is_noticed():
    made = files('worker')
    made[PKI + 'ca.crt'] = made['/etc/magnum/ca.crt']
    assert 'no place on a worker' in complaint(cloud_config(made),
                                               'c-worker-0')


def test_a_key_of_another_certificate_is_noticed():
    made = files('master')
    made[PKI + 'ca.key'] = made[PKI + 'etcd/ca.key']
    assert 'are no pair' in complaint(cloud_config(made), 'c-master-0')


@pytest.mark.parametrize('path', [
    '/etc/magnum/node.env', '/etc/magnum/signal.json', PKI + 'ca.key'])
def test_a_secret_that_others_can_read_is_noticed(path):
    made = files('master')
    made[path] = '0644', made[path][1]
    assert 'for others to read' in complaint(cloud_config(made), 'c-master-0')


def test_a_script_that_cannot_run_is_noticed():
    made = files('worker')
    script = '/usr/local/sbin/magnum-node'
    made[script] = '0644', made[script][1]
    assert 'cannot be executed' in complaint(cloud_config(made), 'c-worker-0')
    made[script] = '0755', '#!/bin/sh\nif true; then\n'
    assert script in complaint(cloud_config(made), 'c-worker-0')


def test_a_variable_that_nobody_sets_is_noticed():
    made = files('worker')
    made['/usr/local/sbin/magnum-node'] = (
        '0755', '#!/bin/sh\nOWN=1\necho $OWN ${INDEX} ${MORE:-} $PROXY\n')
    assert 'does not set: PROXY' in complaint(cloud_config(made), 'c-worker-0')


def test_another_version_of_kubernetes_is_noticed():
    made = files('worker')
    made['/etc/magnum/kubeadm.yaml'] = (
        '0600', 'kind: ClusterConfiguration\nkubernetesVersion: v1.30.0\n')
    assert 'wants v1.30.0' in complaint(cloud_config(made), 'c-worker-0')


def test_a_node_by_another_name_is_noticed():
    assert 'is called' in complaint(cloud_config(files('worker')), 'other')


@pytest.mark.parametrize('raw, text', [
    (b'#!/bin/sh\n', 'first line'),
    (b'#cloud-config\n{', 'no YAML'),
    (b'#cloud-config\n- 1\n', 'no mapping'),
    (b'#cloud-config\n' + b'#' * 60000, 'Nova takes'),
    (cloud_config(files('worker'), runcmd=()), 'runcmd'),
])
def test_no_cloud_config_is_refused(raw, text):
    assert text in complaint(raw, 'c-worker-0')


def test_a_broken_node_can_still_say_so():
    made = files('worker')
    del made['/etc/magnum/kubeadm.yaml']
    assert userdata.signal_of(cloud_config(made))['alarm_url'] == 'x'
