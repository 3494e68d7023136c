# SPDX-License-Identifier: Apache-2.0
"""What a wish would do, without doing it: dry runs.

Whatever would refuse the wish refuses its plan, in the same words.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum.drivers import base
from magnum import errors
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import submit
from magnum import specs


@dataclasses.dataclass(frozen=True)
class Plan:
    """What would be changed and made, from the rows as they were read.

    `before` is None for a cluster that is new.  `resources`: how many of each
    kind come to those that there are; fewer than none, if some go.
    """

    kind: str
    before: specs.ClusterSpec | None
    after: specs.ClusterSpec
    changes: changes.Changes
    resources: Mapping[str, int]
    labels: Mapping[str, str]
    warnings: tuple[str, ...]


def of(wish: submit.Wish) -> Plan:
    """Check the wish as if it were submitted, and write nothing.

    :raises MagnumError: it would be refused.
    """
    submit.permit(wish)
    assert wish.target is not None
    cluster, after = wish.cluster, wish.target()
    if wish.driver is not None:
        made = wish.driver.check(after)
        return Plan(wish.kind.name, None, after, {}, made.resources,
                    made.labels, made.warnings)
    driver = submit.driver_of(cluster, wish.kind.terms.ability or '')
    before = desired.spec(cluster, cluster.template, cluster.nodegroups)
    made = _added(driver, before, after)
    return Plan(wish.kind.name, before, after, _changes(wish), made.resources,
                made.labels, made.warnings)


def _added(driver: base.Driver, before: specs.ClusterSpec,
           after: specs.ClusterSpec) -> base.Plan:
    """What the driver makes of a cluster that there is."""
    try:
        old, new = driver.check(before), driver.check(after)
    except errors.Invalid as e:
        # A resize does not depend on it: a cluster of an older release may
        # have what is refused today.
        return base.Plan(warnings=(
            f'What it takes cannot be counted. As a new cluster this one '
            f'would be refused: {e}',))
    added = {kind: new.resources.get(kind, 0) - old.resources.get(kind, 0)
             for kind in {**old.resources, **new.resources}}
    return dataclasses.replace(new, resources={
        kind: count for kind, count in added.items() if count})


def _changes(wish: submit.Wish) -> dict[str, dict[str, list[Any]]]:
    rows: dict[str | None, Any] = {group.uuid: group
                                   for group in wish.cluster.nodegroups}
    rows[wish.cluster.uuid] = wish.cluster
    return {uuid: {column: [getattr(rows[uuid], column), value]
                   for column, value in columns.items()}
            for uuid, columns in wish.changes.items()}
