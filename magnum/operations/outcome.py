# SPDX-License-Identifier: Apache-2.0
"""What a step can say to the runner."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnum import errors


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a step found or made: columns to write when it is checked off.

    `nodegroups` is by nodegroup uuid.  `forget`: the cluster is gone, and its
    rows go with this step; `forget_nodegroups`: only these are.
    """

    cluster: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    nodegroups: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict)
    forget: bool = False
    forget_nodegroups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Again:
    """Not yet: look again after `seconds`.  `reason` is shown to the user."""

    seconds: float
    reason: str | None = None
    facts: Facts = Facts()


class StepFailed(errors.InfrastructureFailed):
    """The infrastructure came out wrong; `facts` are known all the same."""

    def __init__(self, reason: str, facts: Facts):
        super().__init__(reason)
        self.facts = facts
