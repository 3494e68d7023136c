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

if TYPE_CHECKING:
    from magnum import openstack


@dataclasses.dataclass(frozen=True)
class ClusterType:
    """What a driver serves."""

    server_type: str
    os: str
    coe: str


@dataclasses.dataclass(frozen=True)
class Trust:
    """The cluster's own user in Keystone, and what it was trusted with.

    `trust_id` is the empty string when the operator gives nodes no trust.
    """

    auth_url: str
    trustee_user_id: str
    trustee_username: str
    trustee_password: str = dataclasses.field(repr=False)
    trustee_domain_id: str
    trust_id: str


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A CA: certificate and unencrypted PKCS#8 private key, both PEM text."""

    certificate: str
    private_key: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Authorities:
    """The cluster's three certificate authorities."""

    kubernetes: KeyPair
    etcd: KeyPair
    front_proxy: KeyPair


@dataclasses.dataclass(frozen=True)
class NodeGroupSpec:
    """A group of equal nodes, as wanted.  Sizes of volumes are in GB."""

    uuid: str
    name: str
    role: str
    is_default: bool
    node_count: int
    flavor_id: str | None
    image_id: str | None
    docker_volume_size: int | None = None
    min_node_count: int = 0
    max_node_count: int | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    node_labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    node_taints: tuple[Mapping[str, str], ...] = ()
    stack_id: str | None = None
    # Which nodes to take away: server uuids, or indexes within the group.
    nodes_to_remove: tuple[str, ...] = ()

    @property
    def is_master(self) -> bool:
        return self.role == 'master'


@dataclasses.dataclass(frozen=True)
class ClusterSpec:
    """A cluster, as wanted: all defaults are filled in.

    Names or ids of images, flavors and networks are as the user gave them.
    `trust` and `authorities` are None where nothing was delegated or issued
    yet, as when the API asks a driver to `validate`.
    """

    uuid: str
    name: str
    project_id: str
    user_id: str
    coe: str
    server_type: str
    distro: str
    nodegroups: tuple[NodeGroupSpec, ...]
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stack_id: str | None = None
    # Minutes, never 0.
    create_timeout: int = 60
    keypair: str | None = None
    image_id: str | None = None
    # Glance properties of the template's image.
    image_properties: Mapping[str, str] = dataclasses.field(
        default_factory=dict)
    network_driver: str | None = None
    volume_driver: str | None = None
    external_network_id: str | None = None
    fixed_network: str | None = None
    fixed_subnet: str | None = None
    dns_nameserver: str | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None
    insecure_registry: str | None = None
    registry_enabled: bool = False
    docker_storage_driver: str | None = None
    apiserver_port: int | None = None
    tls_disabled: bool = False
    master_lb_enabled: bool = False
    floating_ip_enabled: bool = True
    # How many nodes an upgrade may replace at a time; None: as the driver
    # sees fit.
    max_batch_size: int | None = None
    trust: Trust | None = None
    authorities: Authorities | None = None

    @property
    def master(self) -> NodeGroupSpec:
        """The default group of masters."""
        return next(g for g in self.nodegroups if g.is_default and g.is_master)

    @property
    def worker(self) -> NodeGroupSpec:
        """The default group of workers."""
        return next(g for g in self.nodegroups
                    if g.is_default and not g.is_master)


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
    def validate(self, spec: ClusterSpec) -> None:
        """Refuse, with `errors.Invalid`, what this driver could not build.

        Called by the API before anything is written.  No effects and no calls
        to other services.
        """

    @abc.abstractmethod
    def apply(self, cloud: 'openstack.Cloud', spec: ClusterSpec) -> str:
        """Set the infrastructure moving towards `spec`; its handle.

        Returns soon, without waiting for the result.  Creates what is absent,
        changes what differs, and leaves alone what is as wanted.
        """

    @abc.abstractmethod
    def observe(self, cloud: 'openstack.Cloud',
                spec: ClusterSpec) -> Observed:
        """Report what there is.  Never raises for "not found": State.GONE."""

    @abc.abstractmethod
    def destroy(self, cloud: 'openstack.Cloud', spec: ClusterSpec,
                nodegroup: NodeGroupSpec | None = None) -> None:
        """Set the removal of the cluster, or of one group, in motion.

        What is already gone is a success.
        """

    def health(self, cloud: 'openstack.Cloud',
               spec: ClusterSpec) -> Health | None:
        """Ask the cluster how it is; None when this driver cannot tell."""
        return None
