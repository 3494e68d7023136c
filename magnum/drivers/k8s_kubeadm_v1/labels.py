# SPDX-License-Identifier: Apache-2.0
"""The labels that this driver heeds: one row for each.

`parameters.py` says what becomes of each.
"""

import functools
import re

from magnum.drivers import labels

Label = labels.Label

_RELEASE = r'v?[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}'


def release(value: str) -> str:
    # Nodes compare it with what their kubeadm says, to the letter.
    if not re.fullmatch(_RELEASE, value):
        raise ValueError('a release of Kubernetes such as v1.31.4, with '
                         'nothing behind it')
    return 'v' + value.removeprefix('v')


# Tags of images of older drivers are like v1.31.4-rancher1.
VERSION = labels.pattern(
    'version', 'a release of Kubernetes such as v1.31.4; what follows a "-" '
               'or "+" is ignored',
    _RELEASE + '([-+][A-Za-z0-9.+-]*)?',
    lambda value: release(re.split('[-+]', value)[0]))

BACKEND = labels.choice('udp', 'vxlan', 'host-gw')
ALGORITHM = labels.choice('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP',
                          'SOURCE_IP_PORT')
NUMBER = labels.number()

_FIRST = 'the first one for the minor version of Kubernetes'

LABELS = labels.table(
    # Versions and images.
    Label('kube_tag', VERSION, None,
          'Version of Kubernetes. It must be the one in the image.',
          "the image's property kube_version"),
    Label('container_infra_prefix', labels.WORD, '',
          'Registry path, ending in "/", that replaces the one of every '
          'image.'),
    Label('cloud_provider_tag', labels.WORD, None,
          'Version of the cloud controller manager.', _FIRST),
    Label('cinder_csi_plugin_tag', labels.WORD, None,
          'Version of the Cinder CSI plugin.', _FIRST),
    Label('csi_attacher_tag', labels.WORD, 'v4.10.0',
          'Version of the CSI attacher, a helper of Cinder CSI.'),
    Label('csi_provisioner_tag', labels.WORD, 'v5.3.0',
          'Version of the CSI provisioner, a helper of Cinder CSI.'),
    Label('csi_resizer_tag', labels.WORD, 'v1.14.0',
          'Version of the CSI resizer, a helper of Cinder CSI.'),
    Label('csi_node_driver_registrar_tag', labels.WORD, 'v2.15.0',
          'Version of the CSI node driver registrar, a helper of Cinder '
          'CSI.'),
    Label('csi_liveness_probe_tag', labels.WORD, 'v2.17.0',
          'Version of the CSI liveness probe, a helper of Cinder CSI.'),
    Label('flannel_tag', labels.WORD, 'v0.26.7',
          'Version of flannel, the network of pods.'),
    Label('flannel_cni_tag', labels.WORD, 'v1.6.2-flannel1',
          "Version of flannel's CNI plugin."),
    Label('metrics_server_tag', labels.WORD, 'v0.7.2',
          'Version of the metrics server.'),
    # Shape and network.
    Label('availability_zone', labels.TEXT, '',
          'Availability zone of nodes and their volumes. Without it, Nova '
          'and Cinder choose.'),
    Label('fixed_subnet_cidr', labels.NETWORK, '10.0.0.0/24',
          'Addresses of nodes, in CIDR notation, where a network is created '
          'for the cluster.'),
    Label('service_cluster_ip_range', labels.NETWORK, '10.254.0.0/16',
          'Addresses of Kubernetes Services, in CIDR notation, with a prefix '
          'length from 12 to 28.'),
    Label('flannel_network_cidr', labels.NETWORK, '10.100.0.0/16',
          'Addresses of pods, in CIDR notation.'),
    Label('flannel_network_subnetlen', labels.number(1, 30), 24,
          "Length of the prefix of each node's part of the addresses of "
          'pods. With 24 a node has room for 254 pods.'),
    Label('flannel_backend', BACKEND, 'vxlan',
          'How flannel carries the packets of pods between nodes.'),
    Label('master_lb_floating_ip_enabled', labels.BOOLEAN, None,
          'Give the load balancer of the Kubernetes API a floating IP.',
          "the cluster's floating_ip_enabled"),
    Label('master_lb_allowed_cidrs', labels.NETWORKS, (),
          'Networks that may use the load balancer of the Kubernetes API; '
          'the network of the nodes is added. Without it, all may.'),
    Label('octavia_provider', labels.WORD, 'amphora',
          'Octavia provider of the load balancers of the Kubernetes API and '
          'of Services.'),
    Label('octavia_lb_algorithm', ALGORITHM, 'ROUND_ROBIN',
          'How load balancers distribute connections. With octavia_provider '
          'ovn, the default is SOURCE_IP_PORT.'),
    Label('octavia_lb_healthcheck', labels.BOOLEAN, True,
          'Have load balancers monitor their members, and avoid those that '
          'do not respond.'),
    Label('min_node_count', NUMBER, 0,
          'Fewest default workers that a resize or an autoscaler may leave.',
          mutable=True),
    Label('max_node_count', NUMBER, None,
          'Most default workers that an autoscaler may create.', 'no limit',
          mutable=True),
    # Storage.
    Label('boot_volume_size', NUMBER, None,
          'Size in GB of the volumes that nodes boot from. With 0 they boot '
          'from the image.', 'option [cinder] default_boot_volume_size'),
    Label('boot_volume_type', labels.TEXT, None,
          'Volume type of the volumes that nodes boot from.',
          'option [cinder] default_boot_volume_type'),
    Label('etcd_volume_size', NUMBER, 0,
          'Size in GB of a volume for etcd on each master. With 0 there is '
          'none.'),
    Label('etcd_volume_type', labels.TEXT, None,
          'Volume type of the volumes of etcd.',
          'option [cinder] default_etcd_volume_type'),
    Label('docker_volume_type', labels.TEXT, None,
          'Volume type of the volumes for container storage, of which '
          'docker_volume_size is the size.',
          'option [cinder] default_docker_volume_type'),
    Label('cinder_csi_enabled', labels.BOOLEAN, True,
          'Deploy Cinder CSI where volume_driver is cinder.'),
    # Kubernetes.
    Label('kubelet_options', labels.FLAGS, '',
          "Flags to add to the kubelet's, such as --max-pods=50."),
    Label('kubeapi_options', labels.FLAGS, '',
          'Flags to add to those of the Kubernetes API server.'),
    Label('kubecontroller_options', labels.FLAGS, '',
          'Flags to add to those of the controller manager of Kubernetes.'),
    Label('kubescheduler_options', labels.FLAGS, '',
          'Flags to add to those of the scheduler of Kubernetes.'),
    Label('kubeproxy_options', labels.FLAGS, '',
          'Flags of kube-proxy. Only --proxy-mode is accepted.'),
    Label('admission_control_list', labels.WORDS, '',
          'Admission plugins to enable besides those that Kubernetes enables '
          'by itself. NodeRestriction always is.'),
    Label('cloud_provider_enabled', labels.BOOLEAN, None,
          'Deploy the cloud controller manager. Nodes need a trust for it.',
          'whether nodes get a trust (option [trust] cluster_user_trust)'),
    Label('metrics_server_enabled', labels.BOOLEAN, True,
          'Deploy the metrics server.'),
)

read = functools.partial(labels.read, LABELS)
