# SPDX-License-Identifier: Apache-2.0
"""What runs in every new cluster: manifests, filled in and packed.

They travel in the masters' user data and are applied by each new master.
"""

from collections.abc import Mapping
import functools
import pathlib
from typing import Any

from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum import specs

_FOLDER = pathlib.Path(__file__).parent / 'addons'
_K8S = 'registry.k8s.io'


def bundle(spec: specs.ClusterSpec, labels: Mapping[str, Any], version: str,
           external_cloud: bool) -> str:
    """All manifests of this cluster in one text, the network first."""
    image = functools.partial(_image, labels['container_infra_prefix'])
    # Both follow Kubernetes' minor version.
    like_kubernetes = version.rpartition('.')[0] + '.0'
    wanted = [_filled('flannel', {
        'IMAGE': image('ghcr.io/flannel-io/flannel', labels['flannel_tag']),
        'IMAGE_CNI': image('ghcr.io/flannel-io/flannel-cni-plugin',
                           labels['flannel_cni_tag']),
        'PODS_CIDR': labels['flannel_network_cidr'],
        'SUBNET_LENGTH': labels['flannel_network_subnetlen'],
        'BACKEND': labels['flannel_backend']})]
    if external_cloud:
        wanted.append(_filled('cloud-controller-manager', {
            'IMAGE': image(
                f'{_K8S}/provider-os/openstack-cloud-controller-manager',
                labels['cloud_provider_tag'] or like_kubernetes),
            # Deleting a cluster finds its load balancers by this name.
            'CLUSTER_UUID': spec.uuid}))
    if (external_cloud and spec.volume_driver == 'cinder'
            and labels['cinder_csi_enabled']):
        storage = f'{_K8S}/sig-storage'
        wanted.append(_filled('cinder-csi', {
            'IMAGE': image(f'{_K8S}/provider-os/cinder-csi-plugin',
                           labels['cinder_csi_plugin_tag']
                           or like_kubernetes),
            'IMAGE_ATTACHER': image(f'{storage}/csi-attacher',
                                    labels['csi_attacher_tag']),
            'IMAGE_PROVISIONER': image(f'{storage}/csi-provisioner',
                                       labels['csi_provisioner_tag']),
            'IMAGE_RESIZER': image(f'{storage}/csi-resizer',
                                   labels['csi_resizer_tag']),
            'IMAGE_REGISTRAR': image(
                f'{storage}/csi-node-driver-registrar',
                labels['csi_node_driver_registrar_tag']),
            'IMAGE_LIVENESS': image(f'{storage}/livenessprobe',
                                    labels['csi_liveness_probe_tag']),
            'KUBELET_DIR': '/var/lib/kubelet/plugins/'
                           'cinder.csi.openstack.org',
            'CLUSTER_UUID': spec.uuid}))
    if labels['metrics_server_enabled']:
        wanted.append(_filled('metrics-server', {
            'IMAGE': image(f'{_K8S}/metrics-server/metrics-server',
                           labels['metrics_server_tag'])}))
    return '---\n'.join(wanted)


def packed(spec: specs.ClusterSpec, labels: Mapping[str, Any], version: str,
           external_cloud: bool) -> str:
    return userdata.packed(bundle(spec, labels, version, external_cloud))


def _image(prefix: str, path: str, tag: str) -> str:
    if prefix:
        path = prefix.rstrip('/') + '/' + path.rpartition('/')[2]
    return f'{path}:{tag}'


def _filled(name: str, values: Mapping[str, Any]) -> str:
    manifest = (_FOLDER / f'{name}.yaml').read_text()
    for word, value in values.items():
        manifest = manifest.replace(f'@{word}@', str(value))
    return manifest
