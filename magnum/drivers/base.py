# SPDX-License-Identifier: Apache-2.0
"""The contract between this service and what builds clusters.

A driver turns a plain specification into infrastructure and reports what it
sees.  It is given values only: no rows, no database session, no RPC, no
certificate store.  Its methods may be repeated at any time: each looks for its
effect by a name derived from the cluster's uuid, and makes it if absent.
"""

import abc
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import enum
from typing import TYPE_CHECKING

from magnum.drivers import labels as label_table
from magnum import errors
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
class Plan:
    """What `apply` would make of a specification.

    `resources`: how many of each kind a new cluster is made of, such as
    {'server': 3, 'load_balancer': 1}.  `labels`: the values that are used,
    defaults among them, as text.  `warnings`: sentences for the user about
    what is accepted and may not be what was meant.
    """

    resources: Mapping[str, int] = dataclasses.field(default_factory=dict)
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Applied:
    """Where a cluster is being built.

    `stack_id` is the handle of what its groups share, `nodegroups` has that
    of each group by the group's uuid; it may be the same one.
    """

    stack_id: str
    nodegroups: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why the infrastructure failed.

    `code` is a word for programs, `text` a sentence for the user, `resource`
    the part that failed, in the words of the infrastructure.
    """

    code: str
    text: str
    resource: str | None = None


@dataclasses.dataclass(frozen=True)
class Resource:
    """A part of the infrastructure that was seen, such as a node."""

    kind: str
    name: str
    status: str
    nodegroup: str | None = None


@dataclasses.dataclass(frozen=True)
class ObservedNodeGroup:
    """One group as it is.  `node_addresses` None: not known now."""

    state: State
    reason: str | None = None
    stack_id: str | None = None
    node_addresses: tuple[str, ...] | None = None
    node_count: int | None = None
    failure: Failure | None = None


@dataclasses.dataclass(frozen=True)
class Observed:
    """A cluster's infrastructure as it is; None: not known now.

    `reason` is for the user, in every state; `failure` is there when `state`
    is FAILED.  `nodegroups` is by nodegroup uuid.  `resources`: what was
    looked at on the way, so None where nobody had to look.
    """

    state: State
    reason: str | None = None
    stack_id: str | None = None
    api_address: str | None = None
    coe_version: str | None = None
    container_version: str | None = None
    nodegroups: Mapping[str, ObservedNodeGroup] = dataclasses.field(
        default_factory=dict)
    failure: Failure | None = None
    resources: tuple[Resource, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Health:
    """`status` is HEALTHY, UNHEALTHY or UNKNOWN; `reason` a flat map.

    `failure`: why the cluster could not be asked for more.  Else `nodes` says
    of each node, by name, whether it is ready, and the versions are the lowest
    that nodes report; None: not known now.
    """

    status: str
    reason: Mapping[str, str]
    failure: Failure | None = None
    nodes: Mapping[str, bool] | None = None
    coe_version: str | None = None
    container_version: str | None = None


class Driver(abc.ABC):
    """Builds clusters of the types it provides.

    `powers` names what it can do beyond create, delete and resizing workers:
    'upgrade', 'rotate_ca', 'rotate_credential', 'resize_masters',
    'nodegroups' (more than the default ones), 'node_settings' (labels and
    taints of nodes that are there).  The API refuses what is not among them.

    Where a specification says that one node group alone is meant (`only`),
    methods leave all others alone, and what they return is about it.

    `makes_trusts` says that building a cluster takes a trust of the caller,
    also where nodes get none.  The API then refuses a caller who cannot make
    one.

    Errors: `errors.Temporary` for what may pass by itself, any other
    `errors.MagnumError` for what will not; its text is shown to the user.
    """

    provides: tuple[ClusterType, ...] = ()
    powers: frozenset[str] = frozenset()
    makes_trusts = False
    beta = False
    # Heat makes servers, ports, volumes and load balancers by the names and
    # labels of a cluster: the API then asks the cloud whether it will.
    built_by_heat = False
    # The labels that it reads; none: it does not say.
    labels: label_table.Table = {}

    @property
    def networks(self) -> tuple[str, ...]:
        """The values of `network_driver` that a template may have."""
        return ()

    @property
    def default_network(self) -> str | None:
        """The network driver of a template that names none."""
        return None

    @property
    def volumes(self) -> tuple[str, ...]:
        """The values of `volume_driver` that a template may have."""
        return ()

    @abc.abstractmethod
    def check(self, spec: specs.ClusterSpec) -> Plan:
        """Say what would be built, or refuse what could not be.

        Called by the API before anything is written.  No effects, no calls
        to other services, and quick: a request waits for it.

        :raises Invalid: this driver could not build it.
        """

    @abc.abstractmethod
    def apply(self, cloud: 'openstack.Cloud',
              spec: specs.ClusterSpec) -> Applied:
        """Set the infrastructure moving towards `spec`.

        Returns soon, without waiting for the result.  Creates what is absent,
        changes what differs, and leaves alone what is as wanted.
        """

    @abc.abstractmethod
    def observe(self, cloud: 'openstack.Cloud',
                spec: specs.ClusterSpec) -> Observed:
        """Report what there is.  Never raises for "not found": State.GONE."""

    def survey(self, cloud: 'openstack.Cloud',
               wanted: Iterable[specs.ClusterSpec]
               ) -> Mapping[str, Mapping[str, Failure]]:
        """Report what is wrong with clusters that nobody is changing.

        Many clusters of one project, by few calls.  By the cluster's uuid:
        the groups that failed or are lost, by theirs; none where all is well.
        A cluster of which that is not known now is left out.
        """
        return {}

    @abc.abstractmethod
    def destroy(self, cloud: 'openstack.Cloud',
                spec: specs.ClusterSpec) -> None:
        """Set the removal of the whole cluster in motion.

        What is already gone is a success, and a cluster of which groups or
        secrets are missing can be removed, too.  Of what has to go in some
        order only the first goes; called again, the next does.
        """

    def destroy_nodegroup(self, cloud: 'openstack.Cloud',
                          spec: specs.ClusterSpec,
                          nodegroup: specs.NodeGroupSpec) -> None:
        """Set the removal of one group in motion; absent is success.

        :raises NotSupported: this driver builds no groups that could go.
        """
        raise errors.NotSupported(
            "The cluster's driver cannot remove single node groups.")

    def nodes_to_remove(self, cloud: 'openstack.Cloud',
                        spec: specs.ClusterSpec,
                        nodegroup: specs.NodeGroupSpec,
                        names: Iterable[str]) -> list[str]:
        """What a request to take nodes away means, for `NodeGroupSpec`.

        Called by the API before anything is written.

        :param names: as they were given: ids, indexes, or what else.
        :raises InvalidParameter: one of them is no node of the group.
        """
        return list(names)

    def drain(self, access: specs.Access, nodes: Iterable[str]) -> None:
        """Move workloads away from these nodes before they are removed.

        May be repeated; nodes that are gone are drained.

        :raises Temporary: not done yet; come again.
        :raises NotSupported: this driver cannot drain.
        """
        raise errors.NotSupported(
            "The cluster's driver cannot drain nodes.")

    def check_upgrade(self, spec: specs.ClusterSpec,
                      running: str | None,
                      group: specs.NodeGroupSpec | None) -> None:
        """Refuse an upgrade to `spec` that could not be done.

        Called by the API after `check`, and as quick.

        :param running: the version that the cluster has now; None: unknown.
        :param group: a default one for both of these, or one of its own.
        :raises Invalid: there is no way to `spec` from it.
        """
        return None

    def advance_upgrade(self, cloud: 'openstack.Cloud',
                        spec: specs.ClusterSpec) -> str | None:
        """Make the next move of an upgrade towards `spec`.

        Called whenever the infrastructure is at rest, by any conductor: what
        was done before is read from the world.  Returns what is being done
        now, in words for the user, or None when nothing is left to be done.

        :raises Temporary: not possible now; come again.
        """
        self.apply(cloud, spec)
        return None

    def health(self, access: specs.Access) -> Health | None:
        """Ask the cluster how it is; None when this driver cannot tell.

        Takes a limited time, whatever the cluster does.

        :raises MagnumError: `access` is of no use.
        """
        return None
