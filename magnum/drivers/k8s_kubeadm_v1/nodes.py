# SPDX-License-Identifier: Apache-2.0
"""What each kind of node is told: the texts of its user data."""

from collections.abc import Iterator
import pathlib
import re

from oslo_config import cfg

from magnum.drivers.k8s_kubeadm_v1 import addons
from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import node_text

CONF = cfg.CONF

PKI = '/etc/kubernetes/pki/'

# Path below PKI: the word for the content.
KEYS = {'ca.crt': 'CA_CERT', 'ca.key': 'CA_KEY',
        'etcd/ca.crt': 'ETCD_CA_CERT', 'etcd/ca.key': 'ETCD_CA_KEY',
        'front-proxy-ca.crt': 'FRONT_PROXY_CA_CERT',
        'front-proxy-ca.key': 'FRONT_PROXY_CA_KEY',
        'sa.pub': 'SA_PUB', 'sa.key': 'SA_KEY'}


def first_master(wanted: wishes.Wanted) -> str:
    """For the one that makes the control plane."""
    return _master(wanted, 'yes', kubeadm.init(
        wanted.spec, wanted.labels, wanted.version, wanted.external_cloud,
        wanted.ca_days))


def master(wanted: wishes.Wanted) -> str:
    """For those that join it."""
    return _master(wanted, 'no', kubeadm.join(
        wanted.masters, wanted.external_cloud))


def worker(wanted: wishes.Wanted) -> str:
    return userdata.cloud_config([
        *_common(wanted, 'worker', 'no', kubeadm.join(
            wanted.workers, wanted.external_cloud)),
        userdata.File('/etc/magnum/ca.crt', '@CA_CERT@', '0644')])


def _master(wanted: wishes.Wanted, bootstrap: str, config: str) -> str:
    files = [*_common(wanted, 'master', bootstrap, config),
             *(userdata.File(PKI + path, f'@{word}@')
               for path, word in KEYS.items())]
    if wanted.external_cloud:
        files.append(userdata.File('/etc/magnum/cloud.conf', '@CLOUD_CONF@'))
    return userdata.cloud_config([
        *files, userdata.File('/etc/magnum/addons.yaml',
                              addons.packed(wanted), is_packed=True)])


def _common(wanted: wishes.Wanted, role: str, bootstrap: str,
            config: str) -> Iterator[userdata.File]:
    yield from node_files(wanted)
    environment = userdata.environment()
    if role == 'worker':
        environment = environment.replace('@ETCD_VOLUME@', '')
    for word, value in (('@ROLE@', role), ('@BOOTSTRAP@', bootstrap),
                        ('@MORE@', node_env(wanted))):
        environment = environment.replace(word, value)
    yield userdata.File('/etc/magnum/node.env', environment)
    yield userdata.File('/etc/magnum/signal.json', '@SIGNAL@')
    yield userdata.script()
    yield userdata.File('/etc/magnum/kubeadm.yaml', config)
    yield userdata.File('/etc/magnum/discovery.conf', '@JOIN_KUBECONFIG@')


def node_env(wanted: wishes.Wanted) -> str:
    """More lines of /etc/magnum/node.env, the same for all nodes."""
    facts = {'CLOUD_PROVIDER': 'yes' if wanted.external_cloud else 'no',
             'VERIFY_CA': CONF.drivers.verify_ca,
             'KUBELET_OPTIONS': wanted.labels['kubelet_options'],
             # Masters whose members of etcd new masters take away.
             'GONE': ' '.join(wanted.masters_to_remove),
             'POST_INSTALL_URL': CONF.kubernetes.post_install_manifest_url}
    return userdata.literal('\n'.join(
        f"{name}='{value}'" for name, value in facts.items()))


def node_files(wanted: wishes.Wanted) -> list[userdata.File]:
    """What the cloud and the template add, the same for all nodes."""
    spec, labels = wanted.spec, wanted.labels
    files = {}
    if spec.http_proxy or spec.https_proxy:
        inside = [*filter(None, re.split('[ ,]+', spec.no_proxy or '')),
                  'localhost', '127.0.0.1', wanted.cidr,
                  labels['flannel_network_cidr'],
                  labels['service_cluster_ip_range'], '.svc',
                  '.cluster.local']
        drop_in = '[Service]\n' + ''.join(
            node_text.systemd(name, value) for name, value in (
                ('HTTP_PROXY', spec.http_proxy),
                ('HTTPS_PROXY', spec.https_proxy),
                ('NO_PROXY', ','.join(inside))) if value)
        for unit in ('containerd', 'kubelet'):
            files[f'/etc/systemd/system/{unit}.service.d/proxy.conf'] = drop_in
    if spec.insecure_registry:
        registry = spec.insecure_registry
        files[f'/etc/containerd/certs.d/{registry}/hosts.toml'] = (
            f'[host."http://{registry}"]\n'
            f'  capabilities = ["pull", "resolve"]\n  skip_verify = true\n')
    if CONF.drivers.openstack_ca_file:
        files['/usr/local/share/ca-certificates/openstack.crt'] = (
            pathlib.Path(CONF.drivers.openstack_ca_file).read_text())
    return [userdata.File(path, userdata.literal(content), '0644')
            for path, content in files.items()]
