# SPDX-License-Identifier: Apache-2.0
"""What a cluster is made of, read once from its specification."""

from collections.abc import Mapping
import dataclasses
import datetime
import functools
import hashlib
from typing import Any

from oslo_config import cfg

from magnum.drivers.k8s_kubeadm_v1 import keys
from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import errors
from magnum import specs

CONF = cfg.CONF

# Seconds for which a server may become a node, whatever a create may take.
LONGEST_JOIN = 86400


def nobody(role: str, node_count: int = 0) -> specs.NodeGroupSpec:
    """Stands for a default group that the cluster does not have."""
    return specs.NodeGroupSpec(
        uuid='', name=f'default-{role}', role=role, is_default=True,
        node_count=node_count, flavor_id='', image_id='')


@dataclasses.dataclass(frozen=True)
class Networks:
    """Where the cluster is to be; empty: nothing given.  All are ids."""

    external_network: str = ''
    fixed_network: str = ''
    fixed_subnet: str = ''
    cidr: str = ''
    region: str = ''
    has_load_balancers: bool = False


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A specification with all that is derived from it.

    Keys are made when first asked for, and are the same from then on.
    `is_new` is off for a cluster that has its control plane.
    """

    spec: specs.ClusterSpec
    labels: Mapping[str, Any]
    version: str
    external_cloud: bool
    networks: Networks
    is_new: bool = True
    # Indexes and server ids, when a running stack is changed.
    masters_to_remove: tuple[str, ...] = ()
    minions_to_remove: tuple[str, ...] = ()

    @property
    def masters(self) -> specs.NodeGroupSpec:
        return self.spec.masters or nobody('master')

    @property
    def workers(self) -> specs.NodeGroupSpec:
        return self.spec.workers or nobody('worker')

    @property
    def cidr(self) -> str:
        """Addresses of the nodes."""
        return self.networks.cidr or self.labels['fixed_subnet_cidr']

    @property
    def ca_days(self) -> int:
        if self.spec.authorities is None:
            return kubeadm.LONGEST_DAYS
        return keys.days_left(self.spec.authorities.kubernetes.certificate)

    @functools.cached_property
    def service_account(self) -> tuple[str, str]:
        """(private key, public key)."""
        return keys.service_account_pair()

    @functools.cached_property
    def join(self) -> tuple[str, str]:
        """(kubeconfig, its end as text)."""
        return join_credential(self.spec)

    @property
    def trust_generation(self) -> str:
        """Another text for another trust; tells nothing of it."""
        trust = self.spec.trust
        if not self.external_cloud or trust is None:
            return ''
        # By a trust, or in a project.
        text = (f'{trust.trustee_user_id} '
                f'{trust.trust_id or trust.project_id}')
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def of_new_cluster(spec: specs.ClusterSpec, networks: Networks) -> Wanted:
    """:raises InvalidParameter: labels or version cannot be had."""
    labels = label_table.read(spec.labels)
    return Wanted(spec, labels, kube_version(spec, labels),
                  has_external_cloud(spec, labels), networks)


def of_check(spec: specs.ClusterSpec) -> Wanted:
    """As of a new cluster, the longest that it could become.

    Nothing was delegated, issued or looked up yet.
    """
    labels = label_table.read(spec.labels)
    external_cloud = has_external_cloud(spec, labels) or (
        labels['cloud_provider_enabled'] is not False
        and spec.gives_trusts is not False)
    return Wanted(spec, labels, kube_version(spec, labels), external_cloud,
                  Networks())


def kube_version(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> str:
    """The version in the image; of a cluster that is there, its own.

    :raises InvalidParameter: it is not known, too old, or not the one that
        label kube_tag asks for.
    """
    stated = spec.image_properties.get('kube_version')
    if not stated and spec.coe_version:
        return spec.coe_version
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
    granted = bool(spec.trust and spec.trust.is_given)
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


def cloud_conf(wanted: Wanted) -> str:
    """What the cloud controller manager and Cinder CSI log in with."""
    spec, labels, networks = wanted.spec, wanted.labels, wanted.networks
    sections: dict[str, dict[str, Any]] = {'Global': {
        'auth-url': spec.trust.auth_url,
        'region': networks.region, **_login(spec.trust)}}
    if not CONF.drivers.verify_ca:
        sections['Global']['tls-insecure'] = True
    elif CONF.drivers.openstack_ca_file:
        sections['Global']['ca-file'] = '/etc/ssl/certs/ca-certificates.crt'
    sections['LoadBalancer'] = {
        'enabled': networks.has_load_balancers,
        'subnet-id': '@SUBNET_ID@',
        'floating-network-id': networks.external_network,
        'lb-provider': labels['octavia_provider'],
        'lb-method': algorithm(spec, labels),
        'create-monitor': labels['octavia_lb_healthcheck']}
    lines = []
    for name, entries in sections.items():
        lines.append(f'[{name}]')
        lines += [f'{key}={_quoted(value)}' for key, value in entries.items()
                  if value != '']
    return '\n'.join(lines) + '\n'


def _login(trust: specs.Trust) -> dict[str, str]:
    if trust.trust_id:
        return {'trust-id': trust.trust_id,
                'trustee-id': trust.trustee_user_id,
                'trustee-password': trust.trustee_password}
    return {'user-id': trust.trustee_user_id,
            'password': trust.trustee_password,
            'tenant-id': trust.project_id}


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    escaped = str(value).replace('\\', '\\\\').replace('"', '\\"')
    return f'"{escaped}"'


def algorithm(spec: specs.ClusterSpec, labels: Mapping[str, Any]) -> str:
    # The OVN provider knows no other.
    if (labels['octavia_provider'] == 'ovn'
            and not spec.labels.get('octavia_lb_algorithm')):
        return 'SOURCE_IP_PORT'
    return labels['octavia_lb_algorithm']
