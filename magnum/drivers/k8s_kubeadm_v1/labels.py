# SPDX-License-Identifier: Apache-2.0
"""The labels that this driver heeds: one line for each.

Labels are free text: those that are not in `LABELS` are kept and ignored.  An
empty value counts as not given.  `parameters.py` says what becomes of each.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import ipaddress
import re
from typing import Any

from oslo_utils import strutils

from magnum import errors


@dataclasses.dataclass(frozen=True)
class Label:
    """`default` None: decided elsewhere; `mutable`: heeded after creation."""

    name: str
    read: Callable[[str], Any]
    default: Any
    mutable: bool
    help: str

    @property
    def type(self) -> str:
        return self.read.__name__


# Readers: text to value, ValueError with what was expected.  Whoever may make
# a cluster chooses the text, so a reader's time must not grow faster than it.

# Printable, and nothing that a shell would read.
_FLAG = re.compile(r'--[A-Za-z0-9][A-Za-z0-9-]*(=[!#%&(-\[\]-_a-~]*)?')


def text(value: str) -> str:
    return value


def word(value: str) -> str:
    """Text that ends in a shell's, a template's or a flag's hands."""
    if not re.fullmatch(r'[A-Za-z0-9._:/@+-]*', value):
        raise ValueError('letters, digits and any of . _ : / @ + -')
    return value


def words(value: str) -> str:
    return ','.join(word(part.strip()) for part in value.split(','))


def flags(value: str) -> str:
    # One by one: a pattern of all of them could be read in too many ways.
    given = value.split()
    if not all(_FLAG.fullmatch(flag) for flag in given):
        raise ValueError('flags such as "--v=2 --max-pods=50", without quotes')
    return ' '.join(given)


def number(value: str) -> int:
    if not re.fullmatch(r'[0-9]{1,9}', value):
        raise ValueError('a whole number')
    return int(value)


def boolean(value: str) -> bool:
    # `strict` names the words that it takes.
    return strutils.bool_from_string(value, strict=True)


def cidr(value: str) -> str:
    return str(ipaddress.IPv4Network(value))


def cidrs(value: str) -> list[str]:
    # Python takes any text for the zone of an address.
    if not re.fullmatch(r'[0-9A-Fa-f:./,\s]*', value):
        raise ValueError('networks such as 192.0.2.0/24, with commas')
    return [str(ipaddress.ip_network(part.strip()))
            for part in value.split(',') if part.strip()]


def release(value: str) -> str:
    # Nodes compare it with what their kubeadm says, to the letter.
    if not re.fullmatch(r'v?[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}', value):
        raise ValueError('a release of Kubernetes such as v1.31.4, with '
                         'nothing behind it')
    return 'v' + value.removeprefix('v')


def version(value: str) -> str:
    # Tags of images of older drivers are like v1.31.4-rancher1.
    found = re.fullmatch(r'([v0-9.]{1,20})([-+][A-Za-z0-9.+-]*)?', value)
    return release(found[1] if found else '')


def backend(value: str) -> str:
    if value not in ('udp', 'vxlan', 'host-gw'):
        raise ValueError('udp, vxlan or host-gw')
    return value


LABELS = {label.name: label for label in (
    # Versions and images.
    Label('kube_tag', version, None, False,
          'Version of Kubernetes; must be the one in the image.'),
    Label('container_infra_prefix', word, '', False,
          'Registry path, ending in "/", that replaces the one of every '
          'image.'),
    Label('cloud_provider_tag', word, None, False,
          'Version of the cloud controller manager; without it, the first '
          'one for the minor version of Kubernetes.'),
    Label('cinder_csi_plugin_tag', word, None, False,
          'Version of the Cinder CSI plugin; without it, the first one for '
          'the minor version of Kubernetes.'),
    Label('csi_attacher_tag', word, 'v4.10.0', False,
          'Version of the CSI attacher, a helper of Cinder CSI.'),
    Label('csi_provisioner_tag', word, 'v5.3.0', False,
          'Version of the CSI provisioner, a helper of Cinder CSI.'),
    Label('csi_resizer_tag', word, 'v1.14.0', False,
          'Version of the CSI resizer, a helper of Cinder CSI.'),
    Label('csi_node_driver_registrar_tag', word, 'v2.15.0', False,
          'Version of the CSI node driver registrar, a helper of Cinder '
          'CSI.'),
    Label('csi_liveness_probe_tag', word, 'v2.17.0', False,
          'Version of the CSI liveness probe, a helper of Cinder CSI.'),
    Label('flannel_tag', word, 'v0.26.7', False,
          'Version of flannel, the network of pods.'),
    Label('flannel_cni_tag', word, 'v1.6.2-flannel1', False,
          'Version of flannel\'s CNI plugin.'),
    Label('metrics_server_tag', word, 'v0.7.2', False,
          'Version of the metrics server.'),
    # Shape and network.
    Label('availability_zone', text, '', False,
          'Availability zone of nodes and their volumes.'),
    Label('fixed_subnet_cidr', cidr, '10.0.0.0/24', False,
          'Addresses of nodes, where a network is made for the cluster, in '
          'CIDR notation.'),
    Label('service_cluster_ip_range', cidr, '10.254.0.0/16', False,
          'Addresses of Kubernetes Services, as a network in CIDR notation.'),
    Label('flannel_network_cidr', cidr, '10.100.0.0/16', False,
          'Addresses of pods, as a network in CIDR notation.'),
    Label('flannel_network_subnetlen', number, 24, False,
          'Length of the prefix of each node\'s part of the addresses of '
          'pods; 24: 254 pods a node.'),
    Label('flannel_backend', backend, 'vxlan', False,
          'How flannel carries the packets of pods between nodes: udp, vxlan '
          'or host-gw.'),
    Label('master_lb_floating_ip_enabled', boolean, None, False,
          'Give the load balancer of the Kubernetes API a floating IP; '
          'without it, as the cluster\'s floating_ip_enabled says.'),
    Label('master_lb_allowed_cidrs', cidrs, (), False,
          'Networks, with commas, that may use the load balancer of the '
          'Kubernetes API; that of the nodes is added. Without it, all may.'),
    Label('octavia_provider', word, 'amphora', False,
          'Octavia provider of the load balancers of the API and of '
          'Services.'),
    Label('octavia_lb_algorithm', word, 'ROUND_ROBIN', False,
          'How load balancers spread connections. The provider ovn has '
          'SOURCE_IP_PORT unless another one is given.'),
    Label('octavia_lb_healthcheck', boolean, True, False,
          'Have load balancers watch their members, and avoid those that do '
          'not answer.'),
    Label('min_node_count', number, 0, True,
          'Fewest workers that an autoscaler may leave.'),
    Label('max_node_count', number, None, True,
          'Most workers that an autoscaler may make.'),
    # Storage.
    Label('boot_volume_size', number, None, False,
          'Size in GB of the volumes that nodes boot from; 0: they boot from '
          'the image. Without it, as [cinder] default_boot_volume_size '
          'says.'),
    Label('boot_volume_type', text, None, False,
          'Volume type of the volumes that nodes boot from; as [cinder] '
          'default_boot_volume_type says.'),
    Label('etcd_volume_size', number, 0, False,
          'Size in GB of a volume for etcd on each master; 0: none.'),
    Label('etcd_volume_type', text, None, False,
          'Volume type of the volumes of etcd; as [cinder] '
          'default_etcd_volume_type says.'),
    Label('docker_volume_type', text, None, False,
          'Volume type of the volumes for container storage; as [cinder] '
          'default_docker_volume_type says.'),
    Label('cinder_csi_enabled', boolean, True, False,
          'Deploy Cinder CSI where volume_driver is cinder.'),
    # Kubernetes.
    Label('kubelet_options', flags, '', False,
          'Flags to add to the kubelet\'s, such as --max-pods=50.'),
    Label('kubeapi_options', flags, '', False,
          'Flags to add to those of the Kubernetes API server.'),
    Label('kubecontroller_options', flags, '', False,
          'Flags to add to those of the controller manager.'),
    Label('kubescheduler_options', flags, '', False,
          'Flags to add to those of the scheduler.'),
    Label('kubeproxy_options', flags, '', False,
          'Flags of kube-proxy; only --proxy-mode is accepted.'),
    Label('admission_control_list', words, '', False,
          'Admission plugins to enable, with commas; NodeRestriction always '
          'is.'),
    Label('cloud_provider_enabled', boolean, None, False,
          'Deploy the cloud controller manager; without it, where the '
          'operator gives nodes a trust ([trust] cluster_user_trust).'),
    Label('metrics_server_enabled', boolean, True, False,
          'Deploy the metrics server.'),
)}


def read(labels: Mapping[str, str]) -> dict[str, Any]:
    """The value of every label in the table.

    :raises InvalidParameter: a value is not of the label's type.
    """
    values = {}
    for name, label in LABELS.items():
        given = str(labels.get(name) or '').strip()
        try:
            values[name] = label.read(given) if given else label.default
        except ValueError as e:
            raise errors.InvalidParameter(
                'labels', f'label {name} is "{_shown(given)}", expected: '
                          f'{_shown(str(e), 200)}') from None
    return values


def _shown(value: str, length: int = 80) -> str:
    return value if len(value) <= length else value[:length - 3] + '...'
