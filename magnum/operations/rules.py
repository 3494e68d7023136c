# SPDX-License-Identifier: Apache-2.0
"""What may be asked for, whatever the driver: rules on plain values.

Nothing is read here: every value is given by the caller, so that a rule can
be applied again to what a transaction finds.  What a nodegroup may not be
like is a Conflict: each attribute is well formed, but they do not go together
or may not be set.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import re

from magnum import errors

# More would not fit into a column, nor into a flag of the kubelet.
MOST_SETTINGS = 64

_WORD = re.compile('[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?')
_DOMAIN_PART = re.compile('[a-z0-9]([a-z0-9-]*[a-z0-9])?')

EFFECTS = ('NoSchedule', 'PreferNoSchedule', 'NoExecute')
TAINT_KEYS = frozenset({'key', 'value', 'effect'})

# Kubernetes keeps these domains for itself: a node may not give itself labels
# of them, but for those that its kubelet is allowed to.
RESERVED = ('kubernetes.io', 'k8s.io')
ALLOWED_PREFIXES = frozenset({'kubelet.kubernetes.io', 'node.kubernetes.io'})
ALLOWED_KEYS = frozenset({
    'beta.kubernetes.io/arch', 'beta.kubernetes.io/instance-type',
    'beta.kubernetes.io/os', 'failure-domain.beta.kubernetes.io/region',
    'failure-domain.beta.kubernetes.io/zone', 'kubernetes.io/arch',
    'kubernetes.io/hostname', 'kubernetes.io/os',
    'node.kubernetes.io/instance-type', 'node.kubernetes.io/windows-build',
    'topology.kubernetes.io/region', 'topology.kubernetes.io/zone'})


def check_size(group: str, node_count: int, low: int | None,
               high: int | None) -> None:
    """Refuse a new size of a group outside its limits.

    :param high: None or 0 is no limit.
    :raises InvalidParameter: it is.
    """
    low = low or 0
    if node_count < low:
        raise errors.InvalidParameter(
            'node_count', f'{node_count} is below min_node_count {low} of '
                          f'nodegroup {group}.')
    if high and node_count > high:
        raise errors.InvalidParameter(
            'node_count', f'{node_count} is above max_node_count {high} of '
                          f'nodegroup {group}.')


def check_masters(master_count: int) -> None:
    """Refuse a number of masters for a new cluster that has no majority.

    :raises InvalidParameter: it is even.
    """
    if master_count % 2 == 0:
        raise errors.InvalidParameter(
            'master_count', f'{master_count} is even; etcd needs an odd '
                            'number of masters.')


def check_master_size(node_count: int) -> None:
    """Refuse a new number of masters that has no majority.

    :raises InvalidParameter: it is even.
    """
    if node_count % 2 == 0:
        raise errors.InvalidParameter(
            'node_count', 'the number of masters must be odd.')


def check_load_balancer(master_count: int,
                        master_lb_enabled: bool | None) -> None:
    """Refuse several masters without a common address.

    :raises InvalidParameter: they have none.
    """
    if master_count > 1 and not master_lb_enabled:
        raise errors.InvalidParameter(
            'master_count', 'several masters need master_lb_enabled.')


def check_storage(storage_driver: str | None,
                  volume_size: int | None) -> None:
    """Refuse `devicemapper` without a container volume of at least 3 GB.

    :raises InvalidParameter: the volume is smaller, or there is none.
    """
    if storage_driver == 'devicemapper' and (volume_size or 0) < 3:
        raise errors.InvalidParameter(
            'docker_volume_size', 'storage driver devicemapper needs a '
                                  'volume of at least 3 GB.')


def check_counts(node_count: int, low: int | None, high: int | None) -> None:
    """Refuse a size outside its limits; `high` None or 0 is no limit.

    :raises Conflict: they do not fit together.
    """
    low = low or 0
    if high and low > high:
        raise errors.Conflict(f'min_node_count {low} is above max_node_count '
                              f'{high}.')
    if high and node_count > high:
        raise errors.Conflict(f'node_count {node_count} is above '
                              f'max_node_count {high}.')
    if low > node_count:
        raise errors.Conflict(f'node_count {node_count} is below '
                              f'min_node_count {low}.')


def check_node_settings(role: str, node_labels: Mapping[str, str] | None,
                        node_taints: Iterable[Mapping[str, str]] | None
                        ) -> None:
    """Refuse labels and taints that nodes of that role cannot be given.

    :raises Conflict: masters take none, or Kubernetes would refuse one.
    """
    if role == 'master' and (node_labels or node_taints):
        raise errors.Conflict('Masters do not support node_labels and '
                              'node_taints.')
    for key, value in (node_labels or {}).items():
        if not _is_free(key):
            raise errors.Conflict(f'Node label {_shown(key)} is reserved by '
                                  f'Kubernetes.')
        _check_key('node label', key)
        _check_value('node label', key, value)
    taints = list(node_taints or ())
    for taint in taints:
        _check_taint(taint)
    _check_number(node_labels or {}, taints)


def _check_number(node_labels: Mapping[str, str],
                  taints: list[Mapping[str, str]]) -> None:
    if len({(taint['key'], taint['effect']) for taint in taints}) < len(
            taints):
        raise errors.Conflict('Two node taints have the same key and effect.')
    if max(len(node_labels), len(taints)) > MOST_SETTINGS:
        raise errors.Conflict(f'A nodegroup is limited to {MOST_SETTINGS} '
                              'node_labels and as many node_taints.')


def _is_free(key: str) -> bool:
    prefix, slash, _ = key.partition('/')
    if not slash or prefix in ALLOWED_PREFIXES or key in ALLOWED_KEYS:
        return True
    return not any(prefix == domain or prefix.endswith(f'.{domain}')
                   for domain in RESERVED)


# What Kubernetes takes: anything else would end a flag of the kubelet, or
# begin another label in it.

def _check_key(kind: str, key: str) -> None:
    prefix, slash, name = key.rpartition('/')
    if not (_is_word(name) and (not slash or _is_domain(prefix))):
        raise errors.Conflict(
            f'The key of {kind} {_shown(key)} must be a name of at most 63 '
            f'letters, digits, "-", "_" and ".", that begins and ends with a '
            f'letter or digit, with or without a domain and a slash in front.')


def _check_value(kind: str, key: str, value: str) -> None:
    if value and not _is_word(value):
        raise errors.Conflict(
            f'The value of {kind} {_shown(key)} must be at most 63 letters, '
            f'digits, "-", "_" and ".", and begin and end with a letter or '
            f'digit, unlike {_shown(value)}.')


def _is_word(text: str) -> bool:
    return len(text) <= 63 and bool(_WORD.fullmatch(text))


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and all(
        len(part) <= 63 and _DOMAIN_PART.fullmatch(part)
        for part in text.split('.'))


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + '...'


def _check_taint(taint: Mapping[str, str]) -> None:
    unknown = sorted(set(taint) - TAINT_KEYS)
    if unknown:
        raise errors.Conflict(f'Unknown key {_shown(unknown[0])} of a node '
                              'taint; it may have key, value and effect.')
    if not taint.get('key'):
        raise errors.Conflict('A node taint needs a key.')
    _check_key('node taint', taint['key'])
    _check_value('node taint', taint['key'], taint.get('value') or '')
    if taint.get('effect') not in EFFECTS:
        raise errors.Conflict(
            f'The effect of node taint {taint["key"]} must be one of '
            f'{", ".join(EFFECTS)}.')
