# SPDX-License-Identifier: Apache-2.0
"""The contract between this service and what builds clusters.

A driver turns a plain specification into infrastructure and reports what it
sees.  It is given values only: no rows, no database session, no RPC, no
certificate store.  Its methods may be repeated at any time: each looks for its
effect by a name derived from the cluster's uuid, and makes it if absent.
"""

import abc
from collections.abc import Mapping
import dataclasses
import enum
from typing import TYPE_CHECKING

from magnum import specs

if TYPE_CHECKING:
    from magnum import openstack


@dataclasses.dataclass(frozen=True)
class ClusterType:
    """What a driver serves."""

    server_type: str
    os: str
    coe: str


class State(enum.Enum):
    """How far the infrastructure is from what was asked last."""

    IN_PROGRESS = 'IN_PROGRESS'
    COMPLETE = 'COMPLETE'
    FAILED = 'FAILED'
    GONE = 'GONE'


@dataclasses.dataclass(frozen=True)
class ObservedNodeGroup:
    """One group as it is.  `node_addresses` None: not known now."""

    state: State
    reason: str | None = None
    stack_id: str | None = None
    node_addresses: tuple[str, ...] | None = None
    node_count: int | None = None


@dataclasses.dataclass(frozen=True)
class Observed:
    """A cluster's infrastructure as it is; None: not known now.

    `reason` is for the user: of a failure it says what failed and where.
    `nodegroups` is by nodegroup uuid.
    """

    state: State
    reason: str | None = None
    stack_id: str | None = None
    api_address: str | None = None
    coe_version: str | None = None
    container_version: str | None = None
    nodegroups: Mapping[str, ObservedNodeGroup] = dataclasses.field(
        default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Health:
    """`status` is HEALTHY, UNHEALTHY or UNKNOWN; `reason` a flat map."""

    status: str
    reason: Mapping[str, str]


class Driver(abc.ABC):
    """Builds clusters of the types it provides.

    `powers` names what it can do beyond create, delete and resizing workers:
    'upgrade', 'rotate_ca', 'rotate_credential', 'resize_masters',
    'nodegroups'.  The API refuses what is not among them.

    Errors: `errors.Temporary` for what may pass by itself, any other
    `errors.MagnumError` for what will not; its text is shown to the user.
    """

    provides: tuple[ClusterType, ...] = ()
    powers: frozenset[str] = frozenset()
    beta = False

    @abc.abstractmethod
    def validate(self, spec: specs.ClusterSpec) -> None:
        """Refuse, with `errors.Invalid`, what this driver could not build.

        Called by the API before anything is written.  No effects and no calls
        to other services.
        """

    @abc.abstractmethod
    def apply(self, cloud: 'openstack.Cloud', spec: specs.ClusterSpec) -> str:
        """Set the infrastructure moving towards `spec`; its handle.

        Returns soon, without waiting for the result.  Creates what is absent,
        changes what differs, and leaves alone what is as wanted.
        """

    @abc.abstractmethod
    def observe(self, cloud: 'openstack.Cloud',
                spec: specs.ClusterSpec) -> Observed:
        """Report what there is.  Never raises for "not found": State.GONE."""

    @abc.abstractmethod
    def destroy(self, cloud: 'openstack.Cloud', spec: specs.ClusterSpec,
                nodegroup: specs.NodeGroupSpec | None = None) -> None:
        """Set the removal of the cluster, or of one group, in motion.

        What is already gone is a success.
        """

    def health(self, cloud: 'openstack.Cloud',
               spec: specs.ClusterSpec) -> Health | None:
        """Ask the cluster how it is; None when this driver cannot tell."""
        return None
