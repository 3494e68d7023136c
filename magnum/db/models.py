# SPDX-License-Identifier: Apache-2.0
"""The tables, as SQLAlchemy 2 models.

Names of tables and columns are those of release 22.0.0 and stay so: a
database written by that release is opened as it is.  What a NULL means in a
column that an older release did not have is said by the column's type
(`columns`), so that no reader has to know.  There are no foreign keys:
dangling references exist in the field.
"""

import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy import orm

from magnum.db import columns

SETTLED = frozenset({
    'CREATE_COMPLETE', 'UPDATE_COMPLETE', 'RESUME_COMPLETE',
    'RESTORE_COMPLETE', 'ROLLBACK_COMPLETE', 'SNAPSHOT_COMPLETE',
    'CHECK_COMPLETE', 'ADOPT_COMPLETE'})


def utcnow() -> datetime.datetime:
    """Naive UTC, whole seconds, as all time columns hold it."""
    return datetime.datetime.now(datetime.UTC).replace(
        tzinfo=None, microsecond=0)


class Base(orm.DeclarativeBase):
    type_annotation_map = {str: sa.String(255)}


class Row:
    """What every table has."""

    created_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        default=utcnow)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        onupdate=utcnow)
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Cluster(Row, Base):
    """A container cluster, and where its infrastructure and keys are."""

    __tablename__ = 'cluster'
    __table_args__ = (sa.UniqueConstraint('uuid', name='uniq_bay0uuid'),
                      sa.Index('cluster_project_id_idx', 'project_id'),
                      sa.Index('cluster_status_idx', 'status'),
                      sa.Index('cluster_template_id_idx',
                               'cluster_template_id'))

    uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    name: orm.Mapped[str | None]
    cluster_template_id: orm.Mapped[str | None]
    api_address: orm.Mapped[str | None]
    stack_id: orm.Mapped[str | None]
    project_id: orm.Mapped[str | None]
    user_id: orm.Mapped[str | None]
    status: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    discovery_url: orm.Mapped[str | None]
    status_reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    ca_cert_ref: orm.Mapped[str | None] = orm.mapped_column(sa.String(512))
    magnum_cert_ref: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(512))
    # Minutes; 0 stands for "none given".
    create_timeout: orm.Mapped[int | None]
    trust_id: orm.Mapped[str | None]
    trustee_username: orm.Mapped[str | None]
    trustee_user_id: orm.Mapped[str | None]
    trustee_password: orm.Mapped[str | None]
    coe_version: orm.Mapped[str | None]
    container_version: orm.Mapped[str | None]
    keypair: orm.Mapped[str | None]
    docker_volume_size: orm.Mapped[int | None]
    labels: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    master_flavor_id: orm.Mapped[str | None]
    flavor_id: orm.Mapped[str | None]
    health_status: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    health_status_reason: orm.Mapped[dict | None] = orm.mapped_column(
        columns.Json(dict))
    fixed_network: orm.Mapped[str | None]
    fixed_subnet: orm.Mapped[str | None]
    floating_ip_enabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=True), default=True)
    master_lb_enabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    etcd_ca_cert_ref: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(512))
    front_proxy_ca_cert_ref: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(512))
    # Not to be deleted.
    protected: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False))

    nodegroups: orm.Mapped[list['NodeGroup']] = orm.relationship(
        primaryjoin='foreign(NodeGroup.cluster_id) == Cluster.uuid',
        order_by='NodeGroup.id', viewonly=True, lazy='raise')
    # The template as the cluster's own: whoever may see the cluster may read
    # it, hidden or not.
    template: orm.Mapped['ClusterTemplate | None'] = orm.relationship(
        primaryjoin='foreign(Cluster.cluster_template_id)'
                    ' == ClusterTemplate.uuid',
        viewonly=True, uselist=False, lazy='raise')

    @property
    def default_workers(self) -> 'NodeGroup | None':
        """The group that is meant where none is named.

        A cluster that an older release did not finish may have none.
        """
        return next((group for group in self.nodegroups if group.is_default
                     and group.role != 'master'), None)


class NodeGroup(Row, Base):
    """A group of equal nodes of one cluster."""

    __tablename__ = 'nodegroup'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_nodegroup0uuid'),
        sa.UniqueConstraint('cluster_id', 'name',
                            name='uniq_nodegroup0cluster_id0name'))

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36))
    name: orm.Mapped[str]
    cluster_id: orm.Mapped[str]
    project_id: orm.Mapped[str]
    docker_volume_size: orm.Mapped[int | None]
    labels: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    flavor_id: orm.Mapped[str | None]
    image_id: orm.Mapped[str | None]
    node_addresses: orm.Mapped[list | None] = orm.mapped_column(
        columns.Json(list))
    node_count: orm.Mapped[int | None] = orm.mapped_column(
        columns.Count(null=1))
    max_node_count: orm.Mapped[int | None]
    min_node_count: orm.Mapped[int | None] = orm.mapped_column(
        columns.Count(null=0))
    role: orm.Mapped[str | None]
    is_default: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    stack_id: orm.Mapped[str | None]
    status: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    status_reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    version: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    node_labels: orm.Mapped[dict | None] = orm.mapped_column(
        columns.Json(dict))
    node_taints: orm.Mapped[list | None] = orm.mapped_column(
        columns.Json(list))


class ClusterTemplate(Row, Base):
    """What clusters have in common."""

    __tablename__ = 'cluster_template'
    __table_args__ = (sa.UniqueConstraint('uuid', name='uniq_baymodel0uuid'),
                      sa.Index('cluster_template_project_id_idx',
                               'project_id'))

    uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    name: orm.Mapped[str | None]
    flavor_id: orm.Mapped[str | None]
    keypair_id: orm.Mapped[str | None]
    image_id: orm.Mapped[str | None]
    external_network_id: orm.Mapped[str | None]
    dns_nameserver: orm.Mapped[str | None]
    apiserver_port: orm.Mapped[int | None]
    project_id: orm.Mapped[str | None]
    user_id: orm.Mapped[str | None]
    docker_volume_size: orm.Mapped[int | None]
    fixed_network: orm.Mapped[str | None]
    master_flavor_id: orm.Mapped[str | None]
    cluster_distro: orm.Mapped[str | None]
    coe: orm.Mapped[str | None]
    http_proxy: orm.Mapped[str | None]
    https_proxy: orm.Mapped[str | None]
    no_proxy: orm.Mapped[str | None]
    registry_enabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    network_driver: orm.Mapped[str | None]
    labels: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    tls_disabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    public: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    server_type: orm.Mapped[str | None] = orm.mapped_column(
        default='vm', server_default='vm')
    volume_driver: orm.Mapped[str | None]
    insecure_registry: orm.Mapped[str | None]
    docker_storage_driver: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(512))
    master_lb_enabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    fixed_subnet: orm.Mapped[str | None]
    floating_ip_enabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=True), default=True)
    hidden: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    tags: orm.Mapped[str | None]
    driver: orm.Mapped[str | None]


class X509KeyPair(Row, Base):
    """A certificate with its key, when the database is the store."""

    __tablename__ = 'x509keypair'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_x509keypair0uuid'),
        sa.Index('x509keypair_cluster_idx', 'cluster_uuid'))

    uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    certificate: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    private_key: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    project_id: orm.Mapped[str | None]
    user_id: orm.Mapped[str | None]
    intermediates: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    private_key_passphrase: orm.Mapped[str | None] = orm.mapped_column(
        sa.Text)
    # NULL in rows of earlier releases.
    cluster_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))


class Quota(Row, Base):
    """How many of a resource a project may have."""

    __tablename__ = 'quotas'
    __table_args__ = (
        sa.UniqueConstraint('project_id', 'resource',
                            name='uniq_quotas0project_id0resource'),)

    project_id: orm.Mapped[str | None]
    resource: orm.Mapped[str | None]
    hard_limit: orm.Mapped[int]


class QuotaLock(Base):
    """One row for each project: who updates it is the only taker."""

    __tablename__ = 'quota_lock'

    project_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    taken: orm.Mapped[int] = orm.mapped_column(default=0)


class MagnumService(Row, Base):
    """A conductor's heartbeat."""

    __tablename__ = 'magnum_service'
    __table_args__ = (
        sa.UniqueConstraint('host', 'binary',
                            name='uniq_magnum_service0host0binary'),)

    report_count: orm.Mapped[int] = orm.mapped_column(default=0)
    host: orm.Mapped[str | None]
    binary: orm.Mapped[str | None]
    disabled: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)
    disabled_reason: orm.Mapped[str | None]
    last_seen_up: orm.Mapped[datetime.datetime | None]
    forced_down: orm.Mapped[bool | None] = orm.mapped_column(
        columns.Flag(null=False), default=False)


class Federation(Row, Base):
    """A federation of clusters; no driver builds one."""

    __tablename__ = 'federation'
    __table_args__ = (
        sa.UniqueConstraint('uuid', name='uniq_federation0uuid'),)

    project_id: orm.Mapped[str | None]
    uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    name: orm.Mapped[str | None]
    hostcluster_id: orm.Mapped[str | None]
    member_ids: orm.Mapped[list | None] = orm.mapped_column(columns.Json(list))
    status: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    status_reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    properties: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))


class Operation(Base):
    """One requested change to a cluster, and how far it has come.

    Written by `magnum.operations.journal` only.
    """

    __tablename__ = 'operation'
    __table_args__ = (sa.UniqueConstraint('uuid', name='uniq_operation0uuid'),
                      sa.UniqueConstraint('running_on',
                                          name='uniq_operation0running_on'),
                      sa.Index('operation_ready_idx', 'state', 'not_before'),
                      sa.Index('operation_cluster_idx', 'cluster_uuid'),
                      sa.Index('operation_finished_idx', 'finished_at'))

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36))
    kind: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    cluster_uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36))
    # Whose cluster that is, or was; NULL, which the release before writes, is
    # the project of whoever asked.
    cluster_project_id: orm.Mapped[str | None]
    # The group that it is about; NULL: the whole cluster.
    nodegroup_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    # What it keeps to itself: the cluster's uuid, or `cluster/nodegroup`.
    # NULL, which the release before writes, is the cluster.
    lane: orm.Mapped[str | None] = orm.mapped_column(sa.String(73))
    # What was asked: ids and plain values, never a secret.
    args: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    # {uuid of a row: {column: [before, after]}}; never a secret.
    changes: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    # How far the current step has come, in the step's own words.
    progress: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16),
                                               default='ACTIVE')
    # The name of the step to run next; NULL is the first.
    step: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    # The steps that are over, each with `attempt` as it was at its end.
    history: orm.Mapped[list | None] = orm.mapped_column(
        columns.Json(list))
    cancelled: orm.Mapped[bool] = orm.mapped_column(default=False)
    # Why it failed or was cancelled; before its end, what it waits for.
    error: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    # One word for programs: QUOTA_EXCEEDED, ...
    error_code: orm.Mapped[str | None]

    owner: orm.Mapped[str | None]
    # Goes up with every claim: who holds an older value has lost the lease.
    attempt: orm.Mapped[int] = orm.mapped_column(default=0)
    # Claims in a row that came to nothing: work that kills its conductors.
    lapses: orm.Mapped[int] = orm.mapped_column(default=0)
    # Temporary refusals in a row: how long to wait before the next try.
    refusals: orm.Mapped[int] = orm.mapped_column(default=0)
    # When anyone may claim it next: the end of the lease, or of a wait.
    not_before: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime().with_variant(
            mysql.DATETIME(fsp=6), 'mysql', 'mariadb'))
    # How long it may take from its first claim on; NULL: for ever.
    timeout_seconds: orm.Mapped[int | None]
    # Past it the operation fails, naming the step it waited in.
    deadline: orm.Mapped[datetime.datetime | None]
    # The cluster, or the group with a lane of its own, while it is being
    # worked on, else NULL: the unique index makes "one running operation in
    # each lane" the database's own rule.
    running_on: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))

    # The request's token, encrypted; emptied when the operation ends.
    sealed_token: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    request_id: orm.Mapped[str | None]
    user_id: orm.Mapped[str | None]
    project_id: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        default=utcnow)
    started_at: orm.Mapped[datetime.datetime | None]
    finished_at: orm.Mapped[datetime.datetime | None]


class IdempotencyKey(Base):
    """A request that may be sent again, and what it was answered with.

    Written by `magnum.db.idempotency` only.
    """

    __tablename__ = 'idempotency_key'
    __table_args__ = (sa.Index('idempotency_key_expires_idx', 'expires_at'),)

    # Of project and key: as it is a digest, upper and lower case differ.
    digest: orm.Mapped[str] = orm.mapped_column(sa.String(64),
                                                primary_key=True)
    # Of all that makes two requests the same.
    request_digest: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    # The request that is being worked on, or was.
    owner: orm.Mapped[str] = orm.mapped_column(sa.String(36))
    # When the key is forgotten, or the work on it given up.
    expires_at: orm.Mapped[datetime.datetime]
    # NULL until the request has been granted.
    status: orm.Mapped[int | None]
    headers: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
    body: orm.Mapped[str | None] = orm.mapped_column(
        sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb'))


class Poll(Base):
    """What is looked at by the clock, and when it is due.

    Written by `magnum.db.polls` only.
    """

    __tablename__ = 'poll'
    __table_args__ = (sa.Index('poll_due_idx', 'kind', 'next_at'),)

    kind: orm.Mapped[str] = orm.mapped_column(sa.String(16),
                                              primary_key=True)
    # The uuid of a cluster, or the id of a project.
    subject: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    # While it is claimed: when another may claim it.
    next_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime().with_variant(
            mysql.DATETIME(fsp=6), 'mysql', 'mariadb'))
    # Who looks at it now.
    owner: orm.Mapped[str | None]


class Condition(Base):
    """One thing that was found about a cluster, and since when it is so."""

    __tablename__ = 'cluster_condition'

    cluster_uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36),
                                                      primary_key=True)
    type: orm.Mapped[str] = orm.mapped_column(sa.String(32),
                                              primary_key=True)
    # True, False or Unknown, as in Kubernetes.
    status: orm.Mapped[str] = orm.mapped_column(sa.String(8))
    code: orm.Mapped[str]
    message: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    since: orm.Mapped[datetime.datetime] = orm.mapped_column()
    # {uuid of a row: its status before}, of rows whose status tells of it.
    previous: orm.Mapped[dict | None] = orm.mapped_column(columns.Json(dict))
