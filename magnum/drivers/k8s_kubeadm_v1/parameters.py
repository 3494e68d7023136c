# SPDX-License-Identifier: Apache-2.0
"""From a specification to the parameters of the stack: one row for each.

The rows are in the order of templates/cluster.yaml.  A new stack takes all of
them.  What a running stack takes is said by the row's life:

ONCE
    never again.  Networks and volumes are replaced by Heat when their
    parameters change, and servers are when their image does (a new flavor
    resizes them); a resize must not touch a node that is there.  An upgrade
    will send image, flavor and version together with pins for the members
    that run (`master_member_specs`, `minion_member_specs`), and with new
    defaults of labels.
ALWAYS
    whenever it differs: sizes, and which members to remove.
NEW_MEMBERS
    when something else changes, too: the templates have servers ignore it
    once they run (`user_data_update_policy: IGNORE`), so it is for those that
    come.
ROTATED
    secrets.  Heat does not show them, so they carry a generation: another
    parameter that it does show.  They are sent when that one differs.

A parameter that a stack does not have yet, because it was made by an earlier
release, is sent with the first change, whatever its life; but none of its
secrets are.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import datetime
import enum
import hashlib
import json
from typing import Any

from oslo_config import cfg

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers.k8s_kubeadm_v1 import nodes
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.drivers import labels
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import specs

CONF = cfg.CONF

Wanted = wishes.Wanted


class Life(enum.Enum):
    ONCE = 'ONCE'
    ALWAYS = 'ALWAYS'
    NEW_MEMBERS = 'NEW_MEMBERS'
    ROTATED = 'ROTATED'


ONCE, ALWAYS, NEW_MEMBERS, ROTATED = Life


@dataclasses.dataclass(frozen=True)
class Row:
    """`generation` names the row to compare in place of a hidden one.

    `differs` is asked with what Heat shows and with what is wanted now.
    """

    name: str
    life: Life
    value: Callable[[Wanted], Any]
    generation: str | None = None
    differs: Callable[[str, Callable[[], Any]], bool] | None = None


def _differs(shown: str, value: Callable[[], Any]) -> bool:
    now = value()
    if isinstance(now, list):
        return listed(shown) != set(map(str, now))
    if isinstance(now, bool):
        return shown.lower() != str(now).lower()
    return shown.strip() != str(now).strip()


def _ends_soon(shown: str, value: Callable[[], Any]) -> bool:
    left = (datetime.datetime.fromisoformat(shown)
            - datetime.datetime.now(datetime.UTC))
    return left.total_seconds() < CONF.kubernetes.join_credential_ttl / 4


def _digest(wanted: Wanted) -> str:
    texts = nodes.master(wanted) + nodes.worker(wanted)
    return hashlib.sha256(texts.encode()).hexdigest()[:32]


def _allowed_cidrs(wanted: Wanted) -> list[str]:
    given = wanted.labels['master_lb_allowed_cidrs']
    return [*given, wanted.cidr] if given else []


def _label(name: str, default: Callable[[], Any] = lambda: None
           ) -> Callable[[Wanted], Any]:
    """The value of a label, or of an option where it is not given."""
    return lambda w: _or_default(w.labels[name], default())


ROWS = (
    # What it is.
    Row('is_cluster_stack', ONCE, lambda w: True),
    Row('cluster_uuid', ONCE, lambda w: w.spec.uuid),
    Row('kube_version', ONCE, lambda w: w.version),
    Row('label_defaults', ONCE,
        lambda w: labels.defaults(label_table.LABELS)),

    # Masters and workers.
    Row('number_of_masters', ONCE, lambda w: w.masters.node_count),
    Row('master_flavor', ONCE, lambda w: w.masters.flavor_id),
    Row('master_image', ONCE,
        lambda w: w.masters.image_id or w.spec.image_id or ''),
    Row('masters_to_remove', ALWAYS, lambda w: list(w.masters_to_remove)),
    Row('bootstrap_index', NEW_MEMBERS, lambda w: '0' if w.is_new else ''),
    Row('number_of_minions', ALWAYS, lambda w: w.workers.node_count),
    Row('minion_flavor', ONCE, lambda w: w.workers.flavor_id),
    Row('minion_image', ONCE,
        lambda w: w.workers.image_id or w.spec.image_id or ''),
    Row('minions_to_remove', ALWAYS, lambda w: list(w.minions_to_remove)),
    # A name in the account of whoever asks: only for clusters that an earlier
    # release was asked for.
    Row('ssh_key_name', ONCE, lambda w: '' if w.spec.public_key
        else w.spec.keypair or ''),
    Row('ssh_public_key', ONCE, lambda w: w.spec.public_key or ''),
    Row('availability_zone', ONCE, _label('availability_zone')),
    Row('nodes_affinity_policy', ONCE,
        lambda w: CONF.cluster.nodes_affinity_policy),

    # Volumes.
    Row('boot_volume_size', ONCE, _label(
        'boot_volume_size', lambda: CONF.cinder.default_boot_volume_size)),
    Row('boot_volume_type', ONCE, _label(
        'boot_volume_type', lambda: CONF.cinder.default_boot_volume_type)),
    Row('etcd_volume_size', ONCE, _label('etcd_volume_size')),
    Row('etcd_volume_type', ONCE, _label(
        'etcd_volume_type', lambda: CONF.cinder.default_etcd_volume_type)),
    Row('docker_volume_size', ONCE,
        lambda w: w.workers.docker_volume_size or 0),
    Row('docker_volume_type', ONCE, _label(
        'docker_volume_type', lambda: CONF.cinder.default_docker_volume_type)),
    Row('master_docker_volume_size', ONCE,
        lambda w: w.masters.docker_volume_size or 0),

    # Network.
    Row('external_network', ONCE, lambda w: w.networks.external_network),
    Row('fixed_network', ONCE, lambda w: w.networks.fixed_network),
    Row('fixed_subnet', ONCE, lambda w: w.networks.fixed_subnet),
    Row('fixed_subnet_cidr', ONCE, lambda w: w.cidr),
    Row('dns_nameserver', ONCE, lambda w: _words(w.spec.dns_nameserver)),
    Row('pods_cidr', ONCE, _label('flannel_network_cidr')),
    Row('node_fip_enabled', ONCE, lambda w: w.spec.floating_ip_enabled),
    Row('lb_enabled', ONCE, lambda w: w.spec.master_lb_enabled),
    Row('lb_fip_enabled', ONCE,
        lambda w: w.spec.master_lb_enabled and _or_default(
            w.labels['master_lb_floating_ip_enabled'],
            w.spec.floating_ip_enabled)),
    Row('octavia_provider', ONCE, _label('octavia_provider')),
    Row('octavia_lb_algorithm', ONCE,
        lambda w: wishes.algorithm(w.spec, w.labels)),
    Row('octavia_lb_healthcheck', ONCE, _label('octavia_lb_healthcheck')),
    Row('master_lb_allowed_cidrs', ONCE, _allowed_cidrs),

    # Readiness.
    Row('node_timeout', ONCE,
        lambda w: wishes.node_timeout(w.spec.create_timeout)),

    # Keys.
    Row('ca_cert', ROTATED,
        lambda w: w.spec.authorities.kubernetes.certificate),
    Row('ca_key', ROTATED,
        lambda w: w.spec.authorities.kubernetes.private_key, 'ca_cert'),
    Row('etcd_ca_cert', ROTATED,
        lambda w: w.spec.authorities.etcd.certificate),
    Row('etcd_ca_key', ROTATED,
        lambda w: w.spec.authorities.etcd.private_key, 'etcd_ca_cert'),
    Row('front_proxy_ca_cert', ROTATED,
        lambda w: w.spec.authorities.front_proxy.certificate),
    Row('front_proxy_ca_key', ROTATED,
        lambda w: w.spec.authorities.front_proxy.private_key,
        'front_proxy_ca_cert'),
    Row('sa_pub', ONCE, lambda w: w.service_account[1]),
    Row('sa_key', ONCE, lambda w: w.service_account[0]),
    Row('join_kubeconfig', ROTATED, lambda w: w.join[0], 'join_not_after'),
    Row('join_not_after', ROTATED, lambda w: w.join[1], differs=_ends_soon),
    Row('cloud_conf', ROTATED,
        lambda w: wishes.cloud_conf(w) if w.external_cloud else '',
        'trust_generation'),
    Row('trust_generation', ROTATED, lambda w: w.trust_generation),
    Row('external_cloud', ONCE, lambda w: w.external_cloud),

    # What nodes do.
    # Once there is a control plane, no master makes another one.
    Row('first_master_user_data', NEW_MEMBERS,
        lambda w: nodes.first_master(w) if w.is_new else '',
        'bootstrap_index'),
    Row('master_user_data', NEW_MEMBERS, nodes.master, 'user_data_digest'),
    Row('worker_user_data', NEW_MEMBERS, nodes.worker, 'user_data_digest'),
    Row('user_data_digest', NEW_MEMBERS, _digest),
)

def of_new_stack(spec: specs.ClusterSpec,
                 networks: wishes.Networks) -> dict[str, Any]:
    """All parameters of the stack of a new cluster."""
    wanted = wishes.of_new_cluster(spec, networks)
    return {row.name: row.value(wanted) for row in ROWS}


def of_changed_stack(spec: specs.ClusterSpec, stack: heat.Stack,
                     failed: list[heat.Member],
                     networks: wishes.Networks) -> dict[str, Any]:
    """The parameters to change on a running stack; empty: none.

    :param failed: members that cannot be finished; they are replaced.
    :param networks: region and load balancers; the stack knows the rest.
    """
    wanted = _of_running(spec, stack, failed, networks)
    if not (any(m.group == 'kube_masters' for m in failed)
            or differs(wanted, stack)):
        return {}
    return due(ROWS, wanted, stack.parameters)


def of_rolling(spec: specs.ClusterSpec, stack: heat.Stack, version: str,
               leaving: Mapping[str, list[str]],
               networks: wishes.Networks) -> dict[str, Any]:
    """What changes with each move of an upgrade, but for what it is about.

    Image, version and number of masters are changed by nothing else, and so
    are added by the upgrade itself.

    :param leaving: indexes of members that go now, by group.
    """
    kept = defaults_of(stack.parameters)
    # Add-ons get the versions of this release; all else stays as it was.
    kept |= {name: text for name, text
             in labels.defaults(label_table.LABELS).items()
             if name.endswith('_tag')}
    wanted = _of_running(spec, stack, [], networks)
    wanted = dataclasses.replace(
        wanted, version=version, labels=label_table.read(spec.labels, kept),
        masters_to_remove=tuple(sorted({*wanted.masters_to_remove,
                                        *leaving['kube_masters']})),
        minions_to_remove=tuple(sorted({*wanted.minions_to_remove,
                                        *leaving['kube_minions']})))
    changed = due(ROWS, wanted, stack.parameters)
    if defaults_of(stack.parameters):
        changed['label_defaults'] = kept
    return changed


def differs(wanted: Wanted, stack: heat.Stack) -> bool:
    """Whether the workers of a stack are not those that are wanted."""
    shown = stack.parameters
    return ((stack.action, stack.status) == ('UPDATE', 'FAILED')
            or int(shown['number_of_minions']) != wanted.workers.node_count
            or bool(set(wanted.minions_to_remove)
                    - listed(shown['minions_to_remove'])))


def removals(stack: heat.Stack, failed: Iterable[heat.Member],
             named: Iterable[str]) -> tuple[str, ...]:
    """The workers to remove: failed ones, and those that a request names."""
    leaving = {m.index for m in failed if m.group == 'kube_minions'}
    if stack.status != 'COMPLETE':
        # What was asked before and may not be done yet is asked again.
        leaving |= listed(stack.parameters['minions_to_remove'])
    return tuple(sorted(leaving | set(named)))


def due(rows: Iterable[Row], wanted: Wanted,
        shown: Mapping[str, str]) -> dict[str, Any]:
    """The parameters to send together with a change of a stack.

    :param shown: its parameters as they are.
    """
    by_name = {row.name: row for row in rows}
    return {row.name: row.value(wanted) for row in by_name.values()
            if _is_due(row, by_name[row.generation or row.name], wanted,
                       shown)}


def _is_due(row: Row, compared: Row, wanted: Wanted,
            shown: Mapping[str, str]) -> bool:
    if row.name not in shown:
        return True
    if row.life is ONCE:
        return False
    if compared.name not in shown:
        # Of an earlier release, and so are its secrets.
        return False
    return (compared.differs or _differs)(
        shown[compared.name], lambda: compared.value(wanted))


def _of_running(spec: specs.ClusterSpec, stack: heat.Stack,
                failed: list[heat.Member],
                networks: wishes.Networks) -> Wanted:
    """What is wanted of a cluster that has its version, place and size."""
    shown = stack.parameters
    if spec.workers is None:
        # Nobody asks for another size of what has no row.
        group = wishes.nobody('worker', int(shown['number_of_minions']))
        spec = dataclasses.replace(spec, nodegroups=(*spec.nodegroups, group))
    masters = {m.index for m in failed if m.group == 'kube_masters'}
    masters |= listed(shown['masters_to_remove'])
    return Wanted(
        spec, label_table.read(spec.labels, defaults_of(shown)),
        shown['kube_version'], has_external_cloud(shown),
        dataclasses.replace(
            networks, external_network=shown['external_network'],
            fixed_network=shown['fixed_network'],
            fixed_subnet=shown['fixed_subnet'],
            cidr=shown['fixed_subnet_cidr']),
        is_new=False, masters_to_remove=tuple(sorted(masters)),
        minions_to_remove=removals(
            stack, failed, spec.workers.nodes_to_remove))


def has_external_cloud(shown: Mapping[str, str]) -> bool:
    """Whether the nodes of a stack have a cloud provider."""
    if 'external_cloud' in shown:
        return shown['external_cloud'].lower() == 'true'
    # Earlier releases said it in another parameter.
    return "CLOUD_PROVIDER='yes'" in shown['node_env']


def defaults_of(shown: Mapping[str, str]) -> dict[str, str]:
    """Of labels, when the cluster was made; none of an earlier release."""
    return json.loads(shown.get('label_defaults') or '{}')


def _or_default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _words(value: str | None) -> list[str]:
    return [part.strip() for part in (value or '').split(',')
            if part.strip()]


def listed(shown: str) -> set[str]:
    """A list parameter as Heat shows it: a,b or ['a', 'b']."""
    return {part.strip(' \'"[]') for part in shown.split(',')} - {''}
