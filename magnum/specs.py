# SPDX-License-Identifier: Apache-2.0
"""What is wanted of a cluster, as plain values.

`operations` draws a specification up from rows, drivers build what it says,
and `certificates` hands over its keys in these shapes: so all of them import
this module, and it imports none of them.
"""

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True)
class Trust:
    """The cluster's own user in Keystone, and what it was trusted with.

    Nodes log in by `trust_id`, or to the project by `project_id` where the
    user has roles there.  Both are empty when the operator gives nodes no
    login.
    """

    auth_url: str
    trustee_user_id: str
    trustee_username: str
    trustee_password: str = dataclasses.field(repr=False)
    trustee_domain_id: str
    trust_id: str
    project_id: str = ''

    @property
    def is_given(self) -> bool:
        """Whether nodes get a login at all."""
        return bool(self.trust_id or self.project_id)


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A CA: certificate and unencrypted PKCS#8 private key, both PEM text."""

    certificate: str
    private_key: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Authorities:
    """The cluster's three certificate authorities.

    `trusted`: certificates (PEM) of further Kubernetes authorities that are
    valid beside `kubernetes`, as while one replaces another.
    """

    kubernetes: KeyPair
    etcd: KeyPair
    front_proxy: KeyPair
    trusted: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Access:
    """How this service itself reaches the cluster's API.

    `address` is a URL, `ca` the PEM of all authorities to trust there, and
    `client` what the service shows.
    """

    address: str
    ca: str
    client: KeyPair


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
    # Glance properties of the image; None where it was not looked up.
    image_properties: Mapping[str, str] | None = None
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
    yet, as when the API asks a driver to `check`; `access` where the cluster
    has no address yet, or nobody needs one.

    `only` is the uuid of the node group that alone is meant: what it shares
    no infrastructure with is neither changed nor looked at.
    """

    uuid: str
    name: str
    project_id: str
    user_id: str
    coe: str
    server_type: str
    distro: str
    nodegroups: tuple[NodeGroupSpec, ...]
    only: str | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stack_id: str | None = None
    # Of Kubernetes, as nodes reported it.
    coe_version: str | None = None
    # Minutes, never 0.
    create_timeout: int = 60
    keypair: str | None = None
    # For SSH, one line; of `keypair`.  None when a cluster is changed: its
    # infrastructure keeps the one that it was created with.
    public_key: str | None = None
    image_id: str | None = None
    # Glance properties of the template's image.
    image_properties: Mapping[str, str] = dataclasses.field(
        default_factory=dict)
    network_driver: str | None = None
    volume_driver: str | None = None
    external_network_id: str | None = None
    fixed_network: str | None = None
    fixed_subnet: str | None = None
    # Of `fixed_subnet`, or all of `fixed_network`; None where they are not
    # given, or were not looked up.
    subnet_cidrs: tuple[str, ...] | None = None
    dns_nameserver: str | None = None
    # They may hold a password.
    http_proxy: str | None = dataclasses.field(default=None, repr=False)
    https_proxy: str | None = dataclasses.field(default=None, repr=False)
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
    # Whether nodes get a trust here; None: not known.
    gives_trusts: bool | None = None
    trust: Trust | None = None
    authorities: Authorities | None = None
    access: Access | None = None

    @property
    def masters(self) -> NodeGroupSpec | None:
        """The default group of masters."""
        return self._default(is_master=True)

    @property
    def workers(self) -> NodeGroupSpec | None:
        """The default group of workers; clusters without one exist."""
        return self._default(is_master=False)

    @property
    def extra_groups(self) -> tuple[NodeGroupSpec, ...]:
        """The groups beyond the default ones."""
        return tuple(group for group in self.nodegroups
                     if not group.is_default)

    @property
    def only_group(self) -> NodeGroupSpec | None:
        """The group that alone is meant, if it is there."""
        return self.group(self.only) if self.only else None

    def group(self, uuid: str) -> NodeGroupSpec | None:
        """The group with this uuid."""
        return next((group for group in self.nodegroups
                     if group.uuid == uuid), None)

    def _default(self, is_master: bool) -> NodeGroupSpec | None:
        return next((group for group in self.nodegroups
                     if group.is_default and group.is_master is is_master),
                    None)
