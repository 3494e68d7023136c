# SPDX-License-Identifier: Apache-2.0
"""The kinds of operation: their steps, and what a step can say to the runner.

A step's `name` is stored in the rows of running operations, so it stays when
the function behind it is renamed; its `title` is what users read.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from sqlalchemy import orm

from magnum.db import models
from magnum import errors
from magnum.operations import changes
from magnum.operations import journal
from magnum.operations import work


# The statuses of a cluster whose size may change: a resize that comes while
# another is at work queues behind it.
RESIZABLE = models.SETTLED | {'UPDATE_FAILED', 'UPDATE_IN_PROGRESS'}

# All but those of clusters on their way out.
STANDING = RESIZABLE | {'CREATE_IN_PROGRESS', 'CREATE_FAILED',
                        'RESUME_FAILED', 'ROLLBACK_IN_PROGRESS',
                        'ROLLBACK_FAILED'}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a step found or made: columns to write when it is checked off.

    `nodegroups` is by nodegroup uuid.  `forget`: the cluster is gone, and its
    rows go with this step; `forget_nodegroups`: only these are.  `progress` is
    what the operation itself wants to remember of its way, as JSON.
    """

    cluster: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    nodegroups: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict)
    forget: bool = False
    forget_nodegroups: tuple[str, ...] = ()
    progress: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Again:
    """Not yet: look again after `seconds`, or later the longer it has waited.

    `reason` is shown to the user, and `code` if something refused.
    """

    seconds: float
    reason: str | None = None
    facts: Facts = Facts()
    code: str | None = None


class StepFailed(errors.InfrastructureFailed):
    """The infrastructure came out wrong; `facts` are known all the same."""

    def __init__(self, reason: str, facts: Facts):
        super().__init__(reason)
        self.facts = facts


class NoAnswer(errors.ServiceUnavailable):
    """What was asked may be done, now or later; `facts` remember that."""

    def __init__(self, reason: str, facts: Facts):
        super().__init__(reason)
        self.facts = facts


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a kind of operation.

    `name` is what rows hold, `title` what users read: "waiting for the
    stack".  `run` may be repeated at any time.  `undo` puts back what the
    request wrote when the step was refused, that is before anything has
    changed in the cloud; the cluster's row is held then.  `on_stack`: what it
    changes or waits for is the stack.  `abandon` removes what the operation
    has made that nobody will use when the step has failed for good, for
    whatever reason.
    """

    name: str
    title: str
    run: Callable[[work.Work], Facts | Again | None]
    undo: Callable[[orm.Session, models.Operation], None] | None = None
    on_stack: bool = False
    abandon: Callable[[work.Work], None] | None = None


@dataclasses.dataclass(frozen=True)
class Terms:
    """When a kind of operation may be asked for.

    `doing` begins the refusal of a status that is none of `statuses` (None:
    any will do): "Resizing cluster ...", by 409, or 400 for some kinds.
    `ability` is what the driver is wanted for, in words, and `power` what it
    must have to be able; None: no driver is wanted, and none in particular.
    """

    doing: str = ''
    statuses: frozenset[str] | None = None
    wrong_status_is_invalid: bool = False
    # Whether a wrong status is refused before anything else is looked at.
    is_early: bool = True
    # Whether the cluster's status tells of it.
    is_seen: bool = True
    ability: str | None = None
    power: str | None = None
    # Whether it may be told to stop: what a deletion has cancelled, or taken
    # away, does not come back.
    is_abortable: bool = True


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of operation.

    `action` is the first word of its statuses (`CREATE_IN_PROGRESS`, ...),
    `nodegroup_action` that of its groups' where it differs.  `nodegroups` says
    which groups share the cluster's fate.  `has_lane`: on a group with a stack
    of its own it runs beside what is done to other groups.  `terms` are for
    those who ask.
    """

    name: str
    action: str
    steps: tuple[Step, ...]
    nodegroups: Callable[[work.Work], list[str]]
    nodegroup_action: str | None = None
    has_lane: bool = False
    terms: Terms = Terms()

    def lane(self, cluster_uuid: str,
             nodegroup: models.NodeGroup | None = None) -> str:
        """What the operation keeps to itself.

        The default groups share the cluster's stack, and with it its lane.
        """
        if self.has_lane and nodegroup and not nodegroup.is_default:
            return journal.lane_of(cluster_uuid, nodegroup.uuid)
        return journal.lane_of(cluster_uuid)

    @property
    def step_names(self) -> list[str]:
        return [step.name for step in self.steps]

    def step(self, name: str | None) -> Step | None:
        """The step called `name`, or the first; None: a newer release's."""
        if name is None:
            return self.steps[0]
        return next((step for step in self.steps if step.name == name), None)

    def after(self, step: Step) -> str | None:
        """The name of the step that follows; None: it was the last."""
        following = self.steps[self.steps.index(step) + 1:]
        return following[0].name if following else None

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
    group = changes.nodegroup_of(work.operation)
    return [group] if group else []


def changed_groups(work: work.Work) -> list[str]:
    """The groups of which the operation changes a column."""
    return [uuid for uuid in changes.of(work.operation)
            if uuid != work.cluster.uuid]


def no_group(work: work.Work) -> list[str]:
    """No group, of an operation that changes none."""
    return []


def table(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}
