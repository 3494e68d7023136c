# SPDX-License-Identifier: Apache-2.0
"""Change labels of a cluster, of those that its driver heeds at any time.

The default groups have a copy of the cluster's labels, which changes with
them; other groups have labels of their own.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

from sqlalchemy import orm

from magnum import context
from magnum.db import models
from magnum.drivers import base
from magnum.drivers import labels as label_table
from magnum import errors
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import kinds
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import submit

KIND = kinds.Kind(
    name='change_labels', action='UPDATE', nodegroups=kinds.changed_groups,
    steps=(dataclasses.replace(steps.APPLY, undo=changes.undo),
           steps.SETTLE),
    terms=kinds.Terms(doing='Changing the labels of', statuses=models.SETTLED,
                      ability='have its labels changed'))


def request(context: context.RequestContext, cluster: models.Cluster,
            labels: Mapping[str, str], node_count: int | None = None,
            warn: Callable[[Iterable[str]], object] = tuple,
            statuses: frozenset[str] | None = None) -> models.Operation:
    """Write down that these are to be the labels of a cluster.

    :param node_count: the number of default workers, if it changes as well.
    :param warn: is given sentences for the user.
    :param statuses: what the cluster's may be, if others than usual.
    :raises InvalidParameter: one cannot be changed, or not to that value.
    :raises WrongStatus: the cluster is not settled.
    :raises Conflict: somebody else has just changed them.
    """
    names = desired.changed_labels(cluster.labels, labels)
    columns = _columns(cluster, labels, names, node_count)
    wish = submit.Wish(KIND, cluster, columns, statuses=statuses)

    def check(driver: base.Driver) -> None:
        _check(driver.labels, cluster.labels or {}, labels, names)
        warn(label_table.unused(driver.labels, names & labels.keys()))
        for group in cluster.nodegroups:
            recheck(group)

    def recheck(group: models.NodeGroup) -> None:
        _check_size(group, columns.get(group.uuid or '', {}))

    wish.check, wish.recheck = check, recheck
    wish.begin = lambda session: _begin(session, wish)
    return submit.submit(context, wish)


def _columns(cluster: models.Cluster, labels: Mapping[str, str],
             names: Collection[str],
             node_count: int | None) -> dict[str, dict[str, Any]]:
    """What changes, by the uuid of the row."""
    found: dict[str, dict[str, Any]] = {
        cluster.uuid or '': {'labels': dict(labels)}}
    for group in cluster.nodegroups:
        if group.is_default:
            kept = {name: value for name, value in (group.labels or {}).items()
                    if name not in names}
            found[group.uuid] = {'labels': kept | {
                name: labels[name] for name in names if name in labels}}
    workers = cluster.default_workers
    if workers is not None and 'min_node_count' in names:
        found[workers.uuid]['min_node_count'] = desired.min_node_count(labels)
    if node_count is not None:
        if workers is None:
            raise errors.NotFound('Nodegroup', 'of the default workers')
        found[workers.uuid]['node_count'] = node_count
    return found


def _check(known: label_table.Table, before: Mapping[str, str],
           labels: Mapping[str, str], names: Collection[str]) -> None:
    for name in sorted(names):
        why = _why_not(known, name, before.get(name), labels.get(name))
        if why:
            raise errors.InvalidParameter(
                'labels', f'label {name} cannot be changed: {why}.')
    label_table.check(known, {name: labels[name] for name in names
                              if name in labels})


def _why_not(known: label_table.Table, name: str, before: str | None,
             after: str | None) -> str | None:
    if not known:
        return 'the driver of the cluster does not support it'
    label = known.get(name)
    if label is None or label.mutable or label.is_same(before, after):
        return None
    return 'the driver reads it only when it creates a cluster'


def _check_size(group: models.NodeGroup, columns: Mapping[str, Any]) -> None:
    if columns.keys() & {'node_count', 'min_node_count'}:
        rules.check_size(
            group.name, columns.get('node_count', group.node_count),
            columns.get('min_node_count', group.min_node_count),
            group.max_node_count)


def _begin(session: orm.Session, wish: submit.Wish) -> submit.Begun:
    begun = submit.begin_change(session, wish)
    uuid = wish.cluster.uuid or ''
    if (begun.changes[uuid]['labels'][0] or {}) != (wish.cluster.labels or {}):
        raise errors.Conflict(
            f'The labels of cluster {uuid} were changed while this request '
            f'was checked: send the request again.', code='LABELS_CHANGED')
    return begun
