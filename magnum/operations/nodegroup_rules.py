# SPDX-License-Identifier: Apache-2.0
"""What a nodegroup may be like, whoever builds it.

All are refused as conflicts: each attribute is well formed, and they do not
go together or are not to be given away.
"""

from collections.abc import Iterable
from collections.abc import Mapping

from magnum import errors

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
        raise errors.Conflict('Masters take neither node_labels nor '
                              'node_taints.')
    for key in node_labels or {}:
        if not _is_free(key):
            raise errors.Conflict(f'Node label {key} is reserved by '
                                  f'Kubernetes.')
    for taint in node_taints or ():
        _check_taint(taint)


def _is_free(key: str) -> bool:
    prefix, slash, _ = key.partition('/')
    if not slash or prefix in ALLOWED_PREFIXES or key in ALLOWED_KEYS:
        return True
    return not any(prefix == domain or prefix.endswith(f'.{domain}')
                   for domain in RESERVED)


def _check_taint(taint: Mapping[str, str]) -> None:
    unknown = sorted(set(taint) - TAINT_KEYS)
    if unknown:
        raise errors.Conflict(f'A node taint has key, value and effect, and '
                              f'no {unknown[0]}.')
    if not taint.get('key'):
        raise errors.Conflict('A node taint needs a key.')
    if taint.get('effect') not in EFFECTS:
        raise errors.Conflict(
            f'The effect of node taint {taint["key"]} must be one of '
            f'{", ".join(EFFECTS)}.')
