# SPDX-License-Identifier: Apache-2.0
"""One claimed operation, with all that its steps need to know."""

import dataclasses
import datetime
import functools

from oslo_log import log
from sqlalchemy import orm

from magnum import accounts
from magnum.certificates import authority
from magnum.db import clusters
from magnum.db import models
from magnum.db import operations
from magnum.db import templates
from magnum import drivers
from magnum.drivers import base
from magnum.drivers import fallback
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import journal
from magnum import specs

LOG = log.getLogger(__name__)


@dataclasses.dataclass
class Work:
    """The rows in the operation's turn; detached, so only to be read."""

    operation: models.Operation
    cluster: models.Cluster
    nodegroups: list[models.NodeGroup]
    template: models.ClusterTemplate
    # What of the same cluster comes after it, oldest first.
    queued: list[models.Operation] = dataclasses.field(default_factory=list)
    # When the creation of a cluster without a stack last asked for one and
    # got no answer.
    unanswered: datetime.datetime | None = None

    has_template: bool = True

    @functools.cached_property
    def driver(self) -> base.Driver:
        """The cluster's driver; a cluster without one can be deleted.

        When the template has gone it is the one that the cluster had when the
        operation was asked for.
        """
        name = (self.operation.args or {}).get('driver')
        try:
            if name and not self.has_template:
                return drivers.by_name(name)
            return drivers.for_template(self.template)
        except errors.DriverNotFound as e:
            if self.operation.kind != 'delete_cluster':
                raise
            LOG.warning('Cluster %s is deleted without its driver: %s',
                        self.cluster.uuid, e)
            return fallback.Driver()

    @property
    def has_account(self) -> bool:
        """Whether the cluster acts by an account of its own."""
        return bool((self.operation.args or {}).get('has_account')
                    or accounts.has(self.cluster))

    @functools.cached_property
    def cloud(self) -> openstack.Cloud:
        """The cloud as the one who builds and changes the cluster."""
        if accounts.has(self.cluster):
            return accounts.cloud_of(self.cluster)
        return self.requester

    def apply(self, spec: specs.ClusterSpec | None = None) -> base.Applied:
        """Set the infrastructure moving towards what is wanted, or `spec`.

        A cluster whose own account was taken away is changed as whoever asks.
        """
        try:
            cloud = self.cloud
        except errors.AuthorisationEnded as e:
            if not accounts.has(self.cluster):
                raise
            LOG.warning('Cluster %s is changed as the requester: %s',
                        self.cluster.uuid, e)
            cloud = self.requester
        return self.driver.apply(cloud, spec or self.full_spec())

    @functools.cached_property
    def requester(self) -> openstack.Cloud:
        """The cloud as the one who asked."""
        if not self.operation.sealed_token:
            raise errors.AuthorisationEnded('the token of the request is no '
                                            'longer stored')
        return openstack.token_cloud(
            identity.unseal(self.operation.sealed_token))

    @functools.cached_property
    def service_cloud(self) -> openstack.Cloud:
        """The cloud as this service, looking at the cluster's project."""
        return openstack.service_cloud(self.cluster.project_id)

    def advance_upgrade(self) -> str | None:
        """Make the next move of an upgrade; what is done now, or None.

        An upgrade may outlast the token of whoever asked.
        """
        access = None
        if self.cluster.api_address and self.cluster.magnum_cert_ref:
            access = authority.access(self.cluster)
        spec = dataclasses.replace(self.full_spec(), access=access)
        try:
            return self.driver.advance_upgrade(self.cloud, spec)
        except errors.AuthorisationEnded:
            return self.driver.advance_upgrade(self.service_cloud, spec)

    def observe(self) -> base.Observed:
        """What there is of the infrastructure.

        Looking must not end with the token of the one who asked, who may have
        logged out meanwhile.
        """
        try:
            return self.driver.observe(self.cloud, self.spec())
        except errors.AuthorisationEnded:
            return self.driver.observe(self.service_cloud, self.spec())

    def destroy(self, nodegroup_uuid: str | None = None) -> None:
        """Set the removal of the cluster, or of one group, in motion.

        A delete must not fail because it had to wait for its turn, while the
        one who asked logged out.
        """
        spec = self.spec()
        try:
            self._destroy(self.cloud, spec, nodegroup_uuid)
        except errors.AuthorisationEnded:
            self._destroy(self.service_cloud, spec, nodegroup_uuid)

    def _destroy(self, cloud: openstack.Cloud, spec: specs.ClusterSpec,
                 nodegroup_uuid: str | None) -> None:
        if nodegroup_uuid is None:
            self.driver.destroy(cloud, spec)
            return
        group = spec.group(nodegroup_uuid)
        if group is not None:
            self.driver.destroy_nodegroup(cloud, spec, group)

    def spec(self, **more) -> specs.ClusterSpec:
        """What is wanted, without secrets: enough to observe or destroy."""
        args = self.operation.args or {}
        drawn = desired.spec(self.cluster, self.template, self.nodegroups,
                             image_properties=args.get('image_properties'),
                             **more)
        about = changes.nodegroup_of(self.operation)
        leaving = tuple(args.get('nodes_to_remove') or ())
        return dataclasses.replace(
            drawn, only=about, max_batch_size=args.get('max_batch_size'),
            public_key=args.get('public_key'),
            nodegroups=tuple(
                dataclasses.replace(group, nodes_to_remove=leaving)
                if group.uuid == about else group
                for group in drawn.nodegroups))

    def full_spec(self) -> specs.ClusterSpec:
        """What is wanted, with the keys and the trust that nodes get."""
        return self.spec(trust=self._trust(),
                         authorities=authority.authorities(self.cluster))

    def _trust(self) -> specs.Trust | None:
        cluster = self.cluster
        if not cluster.trustee_user_id:
            return None
        return specs.Trust(
            auth_url=identity.node_auth_url(),
            trustee_user_id=cluster.trustee_user_id,
            trustee_username=cluster.trustee_username or '',
            trustee_password=identity.open_password(
                cluster.trustee_password),
            trustee_domain_id=identity.trustee_domain_id(),
            trust_id=identity.trust_id_for_nodes(cluster.trust_id),
            project_id=(cluster.project_id if identity.is_delegating()
                        and accounts.has(cluster) else ''))


def load(session: orm.Session, operation: models.Operation) -> Work | None:
    """The work of an operation, with the rows as they are in its turn.

    None when its cluster is gone.  A template that is gone is an empty one.
    """
    cluster = clusters.load(session, operation.cluster_uuid)
    if cluster is None:
        return None
    nodegroups, template = list(cluster.nodegroups), cluster.template
    queued = journal.queued_behind(session, operation)
    unanswered = None
    if operation.kind == 'delete_cluster' and cluster.stack_id is None:
        unanswered = _unanswered(session, cluster.uuid)
    session.expunge_all()
    later = changes.later(operation, queued)
    changes.rewound([cluster], later)
    if (template is not None
            and template.uuid != cluster.cluster_template_id):
        template = templates.load(session, cluster.cluster_template_id)
    return Work(operation, cluster, changes.rewound(nodegroups, later),
                template or models.ClusterTemplate(server_type='vm'), queued,
                unanswered, has_template=template is not None)


def _unanswered(session: orm.Session,
                cluster_uuid: str) -> datetime.datetime | None:
    times = [operation.progress['unanswered'] for operation
             in operations.ended(session, cluster_uuid, 'create_cluster')
             if (operation.progress or {}).get('unanswered')]
    return datetime.datetime.fromisoformat(max(times)) if times else None
