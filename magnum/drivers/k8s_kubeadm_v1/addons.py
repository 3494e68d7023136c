# SPDX-License-Identifier: Apache-2.0
"""What runs in every new cluster: manifests, filled in and packed.

They travel in the masters' user data and are applied by each new master.  One
more takes its file in addons/ and a line in `ADDONS`.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import pathlib
from typing import Any

from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes

_FOLDER = pathlib.Path(__file__).parent / 'addons'
_K8S = 'registry.k8s.io'
_PROVIDER = f'{_K8S}/provider-os'
_STORAGE = f'{_K8S}/sig-storage'

Wanted = wishes.Wanted
Values = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class AddOn:
    """`manifest` is a file in addons/ without its ending.

    `values` are for the @WORDS@ in it.  `images` are values too: path in its
    registry, and the label that has the tag.
    """

    manifest: str
    wanted: Callable[[Wanted], bool]
    images: Mapping[str, tuple[str, str]]
    values: Callable[[Wanted], Values]

    def filled(self, wanted: Wanted) -> str:
        text = (_FOLDER / f'{self.manifest}.yaml').read_text()
        values = {**{word: _image(wanted, path, label)
                     for word, (path, label) in self.images.items()},
                  **self.values(wanted)}
        for word, value in values.items():
            text = text.replace(f'@{word}@', str(value))
        return text


def _has_storage(wanted: Wanted) -> bool:
    return bool(wanted.external_cloud
                and wanted.spec.volume_driver == 'cinder'
                and wanted.labels['cinder_csi_enabled'])


def _cluster(wanted: Wanted) -> Values:
    # Deleting a cluster finds its load balancers by this name.
    return {'CLUSTER_UUID': wanted.spec.uuid}


# In the order in which they are applied: without a network nothing runs.
ADDONS = (
    AddOn('flannel', lambda w: True,
          {'IMAGE': ('ghcr.io/flannel-io/flannel', 'flannel_tag'),
           'IMAGE_CNI': ('ghcr.io/flannel-io/flannel-cni-plugin',
                         'flannel_cni_tag')},
          lambda w: {
              'PODS_CIDR': w.labels['flannel_network_cidr'],
              'SUBNET_LENGTH': w.labels['flannel_network_subnetlen'],
              'BACKEND': w.labels['flannel_backend']}),
    AddOn('cloud-controller-manager', lambda w: w.external_cloud,
          {'IMAGE': (f'{_PROVIDER}/openstack-cloud-controller-manager',
                     'cloud_provider_tag')},
          _cluster),
    AddOn('cinder-csi', _has_storage,
          {'IMAGE': (f'{_PROVIDER}/cinder-csi-plugin',
                     'cinder_csi_plugin_tag'),
           'IMAGE_ATTACHER': (f'{_STORAGE}/csi-attacher',
                              'csi_attacher_tag'),
           'IMAGE_PROVISIONER': (f'{_STORAGE}/csi-provisioner',
                                 'csi_provisioner_tag'),
           'IMAGE_RESIZER': (f'{_STORAGE}/csi-resizer', 'csi_resizer_tag'),
           'IMAGE_REGISTRAR': (f'{_STORAGE}/csi-node-driver-registrar',
                               'csi_node_driver_registrar_tag'),
           'IMAGE_LIVENESS': (f'{_STORAGE}/livenessprobe',
                              'csi_liveness_probe_tag')},
          lambda w: {'KUBELET_DIR': '/var/lib/kubelet/plugins/'
                                    'cinder.csi.openstack.org',
                     **_cluster(w)}),
    AddOn('metrics-server', lambda w: w.labels['metrics_server_enabled'],
          {'IMAGE': (f'{_K8S}/metrics-server/metrics-server',
                     'metrics_server_tag')},
          lambda w: {}),
)


def packed(wanted: Wanted) -> str:
    """All manifests of this cluster in one text."""
    return userdata.packed('---\n'.join(
        addon.filled(wanted) for addon in ADDONS if addon.wanted(wanted)))


def _image(wanted: Wanted, path: str, label: str) -> str:
    prefix = wanted.labels['container_infra_prefix']
    if prefix:
        path = prefix.rstrip('/') + '/' + path.rpartition('/')[2]
    # Labels without a default follow Kubernetes' minor version.
    tag = wanted.labels[label] or wanted.version.rpartition('.')[0] + '.0'
    return f'{path}:{tag}'
