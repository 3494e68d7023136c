# SPDX-License-Identifier: Apache-2.0
"""The kinds of operation, and the table of them."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum.operations import outcome
from magnum.operations import work

Step = Callable[[work.Work], 'outcome.Facts | outcome.Again | None']


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of operation.

    `action` is the first word of its statuses (`CREATE_IN_PROGRESS`, ...),
    `nodegroup_action` that of its groups' where it differs.  `nodegroups` says
    which groups share the cluster's fate.  `undo` gives the columns to put
    back when `apply` was refused, that is before anything has changed in the
    cloud.
    """

    name: str
    action: str
    steps: tuple[Step, ...]
    nodegroups: Callable[[work.Work], list[str]]
    undo: Callable[[work.Work], outcome.Facts] | None = None
    nodegroup_action: str | None = None

    def step(self, name: str | None) -> Step:
        """The step called `name`; the first for None."""
        if name is None:
            return self.steps[0]
        return next(step for step in self.steps if step.__name__ == name)

    def after(self, step: Step) -> str | None:
        """The name of the step that follows; None: it was the last."""
        following = self.steps[self.steps.index(step) + 1:]
        return following[0].__name__ if following else None

    def status(self, word: str) -> str:
        """The status that the operation gives: IN_PROGRESS, COMPLETE, ..."""
        return f'{self.action}_{word}'

    def nodegroup_status(self, word: str) -> str:
        """The status that it gives to its groups."""
        return f'{self.nodegroup_action or self.action}_{word}'


def every_group(work: work.Work) -> list[str]:
    """The groups of an operation that is about the whole cluster."""
    return [group.uuid for group in work.nodegroups]


def named_group(work: work.Work) -> list[str]:
    """The group of an operation that is about one."""
    return [work.operation.args['nodegroup']]


def no_group(work: work.Work) -> list[str]:
    """No group, of an operation that changes none."""
    return []


def table(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


def uncounted(work: work.Work) -> outcome.Facts:
    """Put back the size that a group had before the request."""
    args: Mapping[str, Any] = work.operation.args
    if work.next_resize(args['nodegroup']):
        # The row has the size of the next in the queue.
        return outcome.Facts()
    return outcome.Facts(nodegroups={
        args['nodegroup']: {'node_count': args['old_node_count']}})
