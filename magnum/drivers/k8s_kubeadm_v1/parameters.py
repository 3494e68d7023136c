# SPDX-License-Identifier: Apache-2.0
"""From a specification to the parameters of the stack.

`of_new_stack` is one dictionary in the order of templates/cluster.yaml: find
a parameter there to see where its value comes from.
"""

from collections.abc import Mapping
import dataclasses
import datetime
import pathlib
from typing import Any

from oslo_config import cfg

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import addons
from magnum.drivers.k8s_kubeadm_v1 import keys
from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import errors
from magnum import node_text
from magnum import specs

CONF = cfg.CONF

# Seconds for which a server may become a node, whatever a create may take.
LONGEST_JOIN = 86400


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the cluster is to be; empty: nothing given.  All are ids."""

    external_network: str = ''
    fixed_network: str = ''
    fixed_subnet: str = ''
    cidr: str = ''
    region: str = ''
    has_load_balancers: bool = False


def of_new_stack(spec: specs.ClusterSpec, place: Place) -> dict[str, Any]:
    """All parameters of the stack of a new cluster."""
    labels = label_table.read(spec.labels)
    version = kube_version(spec, labels)
    external_cloud = has_external_cloud(spec, labels)
    cidr = place.cidr or labels['fixed_subnet_cidr']
    pki = spec.authorities
    sa_key, sa_pub = keys.service_account_pair()
    join_kubeconfig, join_not_after = join_credential(spec)
    return {
        'is_cluster_stack': True,
        'cluster_uuid': spec.uuid,
        'kube_version': version,

        'number_of_masters': spec.masters.node_count,
        'master_flavor': spec.masters.flavor_id,
        'master_image': spec.masters.image_id or spec.image_id,
        'master_role': spec.masters.role,
        'master_nodegroup_name': spec.masters.name,
        'bootstrap_index': '0',
        'number_of_minions': spec.workers.node_count,
        'minion_flavor': spec.workers.flavor_id,
        'minion_image': spec.workers.image_id or spec.image_id,
        'worker_role': spec.workers.role,
        'worker_nodegroup_name': spec.workers.name,
        'ssh_key_name': spec.keypair or '',
        'availability_zone': labels['availability_zone'],
        'nodes_affinity_policy': CONF.cluster.nodes_affinity_policy,

        'boot_volume_size': _or_default(
            labels['boot_volume_size'], CONF.cinder.default_boot_volume_size),
        'boot_volume_type': _or_default(
            labels['boot_volume_type'], CONF.cinder.default_boot_volume_type),
        'etcd_volume_size': labels['etcd_volume_size'],
        'etcd_volume_type': _or_default(
            labels['etcd_volume_type'], CONF.cinder.default_etcd_volume_type),
        'docker_volume_size': spec.workers.docker_volume_size or 0,
        'docker_volume_type': _or_default(
            labels['docker_volume_type'],
            CONF.cinder.default_docker_volume_type),
        'master_docker_volume_size': spec.masters.docker_volume_size or 0,

        'external_network': place.external_network,
        'fixed_network': place.fixed_network,
        'fixed_subnet': place.fixed_subnet,
        'fixed_subnet_cidr': cidr,
        'dns_nameserver': _words(spec.dns_nameserver),
        'pods_cidr': labels['flannel_network_cidr'],
        'node_fip_enabled': spec.floating_ip_enabled,
        'lb_enabled': spec.master_lb_enabled,
        'lb_fip_enabled': spec.master_lb_enabled and _or_default(
            labels['master_lb_floating_ip_enabled'],
            spec.floating_ip_enabled),
        'octavia_provider': labels['octavia_provider'],
        'octavia_lb_algorithm': _algorithm(spec, labels),
        'octavia_lb_healthcheck': labels['octavia_lb_healthcheck'],
        'master_lb_allowed_cidrs': (
            [*labels['master_lb_allowed_cidrs'], cidr]
            if labels['master_lb_allowed_cidrs'] else []),

        'node_timeout': node_timeout(spec.create_timeout),

        'ca_cert': pki.kubernetes.certificate,
        'ca_key': pki.kubernetes.private_key,
        'etcd_ca_cert': pki.etcd.certificate,
        'etcd_ca_key': pki.etcd.private_key,
        'front_proxy_ca_cert': pki.front_proxy.certificate,
        'front_proxy_ca_key': pki.front_proxy.private_key,
        'sa_pub': sa_pub,
        'sa_key': sa_key,
        'join_kubeconfig': join_kubeconfig,
        'join_not_after': join_not_after,
        'cloud_conf': (cloud_conf(spec, labels, place)
                       if external_cloud else ''),

        'kubeadm_init': kubeadm.init(
            spec, labels, version, external_cloud,
            keys.days_left(pki.kubernetes.certificate)),
        'kubeadm_join_master': kubeadm.join(spec.masters, external_cloud),
        'kubeadm_join_worker': kubeadm.join(spec.workers, external_cloud),
        'addons_bundle': addons.packed(spec, labels, version, external_cloud),
        'node_env': node_env(labels, external_cloud),
        'node_files': node_files(spec, labels, cidr),
    }


def of_changed_stack(spec: specs.ClusterSpec, stack: heat.Stack,
                     failed: list[heat.Member]) -> dict[str, Any]:
    """The parameters to change on a running stack; empty: none.

    :param failed: members that cannot be finished; they are replaced.
    """
    now = int(stack.parameters['number_of_minions'])
    # What was asked before and may not be done yet is asked again.
    before = (set() if stack.status == 'COMPLETE'
              else _listed(stack.parameters['minions_to_remove']))
    known = _listed(stack.parameters['minions_to_remove'])
    count = spec.workers.node_count if spec.workers else now
    removals = set(spec.workers.nodes_to_remove if spec.workers else ())
    removals |= {m.index for m in failed if m.group == 'kube_minions'}
    masters = {m.index for m in failed if m.group == 'kube_masters'}
    again = (stack.action, stack.status) == ('UPDATE', 'FAILED')
    if not (again or masters or count != now
            or removals - known):
        return {}
    changes: dict[str, Any] = {
        'number_of_minions': count,
        'minions_to_remove': sorted(removals | before),
        # The cluster has its control plane: no master makes another one.
        'bootstrap_index': '',
    }
    if masters:
        changes['masters_to_remove'] = sorted(masters)
    if _ends_soon(stack.parameters['join_not_after']):
        kubeconfig, until = join_credential(spec)
        changes |= {'join_kubeconfig': kubeconfig, 'join_not_after': until}
    return changes


def filled(spec: specs.ClusterSpec) -> specs.ClusterSpec:
    """The specification with stand-ins of the usual length for secrets.

    To measure what would be built before anything was issued or delegated.
    """
    authority = keys.stand_in()
    return dataclasses.replace(
        spec,
        authorities=specs.Authorities(authority, authority, authority),
        trust=spec.trust or specs.Trust('x' * 64, 'x' * 32, 'x' * 100,
                                       'x' * 32, 'x' * 32, 'x' * 32))


def kube_version(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> str:
    """The version in the image.

    :raises InvalidParameter: it is not known, too old, or not the one that
        label kube_tag asks for.
    """
    stated = spec.image_properties.get('kube_version')
    asked = labels['kube_tag']
    try:
        version = label_table.release(stated) if stated else asked
    except ValueError as e:
        raise errors.InvalidParameter(
            'image_id', f'the image\'s property kube_version is "{stated}", '
                        f'expected: {e}') from None
    if not version:
        raise errors.InvalidParameter(
            'image_id', 'the image has no property kube_version, which says '
                        'what Kubernetes is in it, and there is no label '
                        'kube_tag')
    if asked and asked != version:
        raise errors.InvalidParameter(
            'labels', f'label kube_tag asks for {asked}, but the image has '
                      f'Kubernetes {version}')
    if tuple(map(int, version[1:].split('.')))[:2] < (
            1, kubeadm.OLDEST_MINOR):
        raise errors.InvalidParameter(
            'image_id', f'Kubernetes {version} is too old; this driver needs '
                        f'1.{kubeadm.OLDEST_MINOR} or later')
    return version


def has_external_cloud(spec: specs.ClusterSpec,
                       labels: Mapping[str, Any]) -> bool:
    """Whether the cluster gets a credential for the cloud it runs in.

    :raises InvalidParameter: it is asked for, but not granted.
    """
    granted = bool(spec.trust and spec.trust.trust_id)
    refused = spec.gives_trusts is False or (spec.trust and not granted)
    if labels['cloud_provider_enabled'] and refused:
        raise errors.InvalidParameter(
            'labels', 'label cloud_provider_enabled needs a trust for the '
                      'nodes, which this cloud does not give: [trust] '
                      'cluster_user_trust is off')
    return granted and labels['cloud_provider_enabled'] is not False


def node_timeout(create_timeout: int) -> int:
    """Seconds that a node may take; it must end before the stack's do.

    What comes before nodes (network, load balancer) needs its share: five
    minutes, or half of a short time.
    """
    seconds = create_timeout * 60
    return min(max(seconds - 300, seconds // 2), 43200)


def join_credential(spec: specs.ClusterSpec) -> tuple[str, str]:
    """(kubeconfig, its end as text)."""
    # As long as the stack may take, twice; but no node waits for ever.
    lifetime = max(CONF.kubernetes.join_credential_ttl,
                   min(spec.create_timeout * 120, LONGEST_JOIN))
    kubeconfig, until = keys.join_kubeconfig(
        spec.authorities.kubernetes, datetime.timedelta(seconds=lifetime))
    return kubeconfig, until.isoformat()


def _ends_soon(until: str) -> bool:
    left = (datetime.datetime.fromisoformat(until)
            - datetime.datetime.now(datetime.UTC))
    return left.total_seconds() < CONF.kubernetes.join_credential_ttl / 4


def cloud_conf(spec: specs.ClusterSpec, labels: Mapping[str, Any],
               place: Place) -> str:
    """What the cloud controller manager and Cinder CSI log in with."""
    sections: dict[str, dict[str, Any]] = {'Global': {
        'auth-url': spec.trust.auth_url,
        'region': place.region,
        'trust-id': spec.trust.trust_id,
        'trustee-id': spec.trust.trustee_user_id,
        'trustee-password': spec.trust.trustee_password}}
    if not CONF.drivers.verify_ca:
        sections['Global']['tls-insecure'] = True
    elif CONF.drivers.openstack_ca_file:
        sections['Global']['ca-file'] = '/etc/ssl/certs/ca-certificates.crt'
    sections['LoadBalancer'] = {
        'enabled': place.has_load_balancers,
        'subnet-id': '@SUBNET_ID@',
        'floating-network-id': place.external_network,
        'lb-provider': labels['octavia_provider'],
        'lb-method': _algorithm(spec, labels),
        'create-monitor': labels['octavia_lb_healthcheck']}
    lines = []
    for name, entries in sections.items():
        lines.append(f'[{name}]')
        lines += [f'{key}={_quoted(value)}' for key, value in entries.items()
                  if value != '']
    return '\n'.join(lines) + '\n'


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    escaped = str(value).replace('\\', '\\\\').replace('"', '\\"')
    return f'"{escaped}"'


def node_env(labels: Mapping[str, Any], external_cloud: bool) -> str:
    """More lines of /etc/magnum/node.env, the same for all nodes."""
    facts = {'CLOUD_PROVIDER': 'yes' if external_cloud else 'no',
             'VERIFY_CA': CONF.drivers.verify_ca,
             'KUBELET_OPTIONS': labels['kubelet_options'],
             'POST_INSTALL_URL': CONF.kubernetes.post_install_manifest_url}
    return '\n'.join(f"{name}='{value}'" for name, value in facts.items())


def node_files(spec: specs.ClusterSpec, labels: Mapping[str, Any],
               cidr: str) -> list[dict[str, str]]:
    """Entries of cloud-init's write_files for all nodes."""
    files = {}
    if spec.http_proxy or spec.https_proxy:
        inside = [*_words((spec.no_proxy or '').replace(' ', ',')),
                  'localhost', '127.0.0.1', cidr,
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
    return [{'path': path, 'permissions': '0644', 'content': content}
            for path, content in files.items()]


def _algorithm(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> str:
    # The OVN provider knows no other.
    if (labels['octavia_provider'] == 'ovn'
            and not spec.labels.get('octavia_lb_algorithm')):
        return 'SOURCE_IP_PORT'
    return labels['octavia_lb_algorithm']


def _or_default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _words(value: str | None) -> list[str]:
    return [part.strip() for part in (value or '').split(',')
            if part.strip()]


def _listed(shown: str) -> set[str]:
    """A list parameter as Heat shows it: a,b or ['a', 'b']."""
    return {part.strip(' \'"[]') for part in shown.split(',')} - {''}
