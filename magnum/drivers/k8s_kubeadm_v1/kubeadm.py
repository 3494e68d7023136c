# SPDX-License-Identifier: Apache-2.0
"""What kubeadm is told, as documents of kubeadm.k8s.io/v1beta4.

That version of its configuration is known to Kubernetes 1.31 and later.
@WORDS@ are filled in by Heat, which knows addresses and names.
"""

from collections.abc import Mapping
import ipaddress
import json
from typing import Any

from magnum.drivers.k8s_kubeadm_v1 import patches
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum import errors
from magnum import node_text
from magnum import specs

API_VERSION = 'kubeadm.k8s.io/v1beta4'
OLDEST_MINOR = 31

# kubeadm takes no longer one; 43800 hours are five years.
LONGEST_DAYS = 1825

TIMEOUTS = {'controlPlaneComponentHealthCheck': '8m0s',
            'kubeletHealthCheck': '4m0s', 'kubernetesAPICall': '2m0s',
            'etcdAPICall': '5m0s', 'tlsBootstrap': '5m0s',
            'discovery': '5m0s'}


def init(spec: specs.ClusterSpec, labels: Mapping[str, Any], version: str,
         external_cloud: bool, ca_days: int) -> str:
    """For the first master: make a control plane."""
    services = labels['service_cluster_ip_range']
    plugins = ','.join(filter(None, ['NodeRestriction',
                                     userdata.literal(
                                         labels['admission_control_list'])]))
    controller = [{'name': 'node-cidr-mask-size',
                   'value': str(labels['flannel_network_subnetlen'])},
                  *_arguments(labels['kubecontroller_options'])]
    if external_cloud:
        controller.append({'name': 'cloud-provider', 'value': 'external'})
    cluster = {
        'apiVersion': API_VERSION, 'kind': 'ClusterConfiguration',
        'clusterName': spec.uuid,
        'kubernetesVersion': version,
        'controlPlaneEndpoint': '@API_ADDRESS@:6443',
        'certificateValidityPeriod':
            f'{24 * max(1, min(ca_days, LONGEST_DAYS))}h0m0s',
        'networking': {'podSubnet': labels['flannel_network_cidr'],
                       'serviceSubnet': services,
                       'dnsDomain': 'cluster.local'},
        'apiServer': {
            'certSANs': ['@API_ADDRESS@', '@API_FLOATING@',
                         '@NODE_FLOATING@', '127.0.0.1'],
            'extraArgs': [
                {'name': 'enable-admission-plugins', 'value': plugins},
                *_arguments(labels['kubeapi_options'])]},
        'controllerManager': {'extraArgs': controller},
        'scheduler': {
            'extraArgs': _arguments(labels['kubescheduler_options'])},
        'etcd': {'local': {'dataDir': '/var/lib/etcd'}},
    }
    prefix = userdata.literal(labels['container_infra_prefix'].rstrip('/'))
    if prefix:
        cluster['imageRepository'] = prefix
    kubelet = {
        'apiVersion': 'kubelet.config.k8s.io/v1beta1',
        'kind': 'KubeletConfiguration', 'cgroupDriver': 'systemd',
        'clusterDNS': [dns_service_ip(services)], 'rotateCertificates': True}
    proxy = {
        'apiVersion': 'kubeproxy.config.k8s.io/v1alpha1',
        'kind': 'KubeProxyConfiguration',
        'clusterCIDR': labels['flannel_network_cidr'],
        'mode': proxy_mode(labels)}
    own = {
        'apiVersion': API_VERSION, 'kind': 'InitConfiguration',
        # Nobody joins by a token; this one ends before it is of use.
        'bootstrapTokens': [{'ttl': '1s', 'usages': ['authentication'],
                             'groups': ['system:bootstrappers:magnum']}],
        'nodeRegistration': registration(spec.masters, external_cloud),
        'timeouts': TIMEOUTS}
    return _documents(own, cluster, kubelet, proxy)


def join(group: specs.NodeGroupSpec, external_cloud: bool) -> str:
    """For all other nodes."""
    own = {
        'apiVersion': API_VERSION, 'kind': 'JoinConfiguration',
        'discovery': {'file': {
            'kubeConfigPath': '/etc/magnum/discovery.conf'}},
        'nodeRegistration': registration(group, external_cloud),
        'timeouts': TIMEOUTS}
    if group.is_master:
        own['controlPlane'] = {}
    return _documents(own)


def registration(group: specs.NodeGroupSpec,
                 external_cloud: bool) -> dict[str, Any]:
    labels = {'magnum.openstack.org/role': group.role,
              'magnum.openstack.org/nodegroup': group.name,
              **group.node_labels}
    arguments = [{'name': 'node-labels', 'value': userdata.literal(','.join(
        f'{key}={value}' for key, value in labels.items()))}]
    if external_cloud:
        arguments.append({'name': 'cloud-provider', 'value': 'external'})
    own = {'name': '@NAME@',
           'criSocket': 'unix:///run/containerd/containerd.sock',
           'kubeletExtraArgs': arguments}
    if group.node_taints:
        own['taints'] = [dict(taint) for taint in group.node_taints]
    return own


def check_names(group: specs.NodeGroupSpec) -> None:
    """Refuse names that nodes cannot carry as labels.

    :raises InvalidParameter: naming the attribute.
    """
    for field, value in (('name', group.name), ('role', group.role)):
        try:
            node_text.label(value)
        except ValueError as e:
            raise errors.InvalidParameter(field, str(e)) from None


def dns_service_ip(services: str) -> str:
    """The tenth address, where kubeadm puts the cluster's name server."""
    return str(ipaddress.ip_network(services)[10])


def proxy_mode(labels: Mapping[str, Any]) -> str:
    """:raises InvalidParameter: a flag that has no place in the file."""
    mode = 'iptables'
    for argument in _arguments(labels['kubeproxy_options']):
        if argument['name'] != 'proxy-mode':
            raise errors.InvalidParameter(
                'labels', f'label kubeproxy_options has '
                          f'--{argument["name"]}; only --proxy-mode is known')
        mode = argument['value']
    return mode


def check_flags(labels: Mapping[str, Any]) -> None:
    """:raises InvalidParameter: with a flag no master would become ready."""
    for argument in _arguments(labels['kubeapi_options']):
        if (argument['name'] == 'anonymous-auth'
                and argument['value'].lower() in ('false', 'f', '0')):
            raise errors.InvalidParameter(
                'labels', 'label kubeapi_options has --anonymous-auth=false; '
                          'the health checks of kubeadm and of load '
                          'balancers send no certificate, and would fail')


def _arguments(flags: str) -> list[dict[str, str]]:
    pairs = (flag.removeprefix('--').partition('=') for flag in flags.split())
    return [{'name': name, 'value': userdata.literal(value or 'true')}
            for name, _, value in pairs]


def _documents(*documents: dict[str, Any]) -> str:
    # JSON is YAML, too, and needs no quoting of what Heat fills in.
    return '\n---\n'.join(json.dumps(document, indent=1)
                          for document in patches.applied(documents)) + '\n'
