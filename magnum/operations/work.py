# SPDX-License-Identifier: Apache-2.0
"""One claimed operation, with all that its steps need to know."""

import dataclasses
import functools

from sqlalchemy import orm

from magnum.certificates import authority
from magnum.db import changes
from magnum.db import models
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.operations import desired


@dataclasses.dataclass
class Work:
    """Rows as they were when the step began; detached, so only to be read."""

    operation: models.Operation
    cluster: models.Cluster
    nodegroups: list[models.NodeGroup]
    template: models.ClusterTemplate

    @functools.cached_property
    def driver(self) -> base.Driver:
        return drivers.for_template(self.template)

    @functools.cached_property
    def cloud(self) -> openstack.Cloud:
        """The cloud as the one who asked."""
        if not self.operation.sealed_token:
            raise errors.AuthorisationEnded('the request left no token')
        return openstack.token_cloud(
            identity.unseal(self.operation.sealed_token))

    @functools.cached_property
    def service_cloud(self) -> openstack.Cloud:
        """The cloud as this service, looking at the cluster's project."""
        return openstack.service_cloud(self.cluster.project_id)

    def observe(self) -> base.Observed:
        """What there is of the infrastructure.

        Looking must not end with the token of the one who asked, who may have
        logged out meanwhile.
        """
        try:
            return self.driver.observe(self.cloud, self.spec())
        except errors.AuthorisationEnded:
            return self.driver.observe(self.service_cloud, self.spec())

    def spec(self, **more) -> base.ClusterSpec:
        """What is wanted, without secrets: enough to observe or destroy."""
        args = self.operation.args or {}
        drawn = desired.spec(self.cluster, self.template, self.nodegroups,
                             image_properties=args.get('image_properties'),
                             **more)
        if 'node_count' not in args:
            return drawn
        # The size that *this* operation is about: the row already has that of
        # the last one in the queue, and each must take away its own nodes.
        return dataclasses.replace(drawn, nodegroups=tuple(
            dataclasses.replace(
                group, node_count=args['node_count'],
                nodes_to_remove=tuple(args.get('nodes_to_remove') or ()))
            if group.uuid == args['nodegroup'] else group
            for group in drawn.nodegroups))

    def full_spec(self) -> base.ClusterSpec:
        """What is wanted, with the keys and the trust that nodes get."""
        return self.spec(trust=self._trust(),
                         authorities=authority.authorities(self.cluster))

    def _trust(self) -> base.Trust | None:
        cluster = self.cluster
        if not cluster.trustee_user_id:
            return None
        return base.Trust(
            auth_url=identity.node_auth_url(),
            trustee_user_id=cluster.trustee_user_id,
            trustee_username=cluster.trustee_username or '',
            trustee_password=cluster.trustee_password or '',
            trustee_domain_id=identity.trustee_domain_id(),
            trust_id=identity.trust_id_for_nodes(cluster.trust_id))


def load(session: orm.Session, operation: models.Operation) -> Work | None:
    """The work of an operation; None when its cluster is gone."""
    cluster = changes.load_cluster(session, operation.cluster_uuid)
    if cluster is None:
        return None
    nodegroups, template = cluster.nodegroups, cluster.template
    session.expunge_all()
    return Work(operation, cluster, list(nodegroups),
                template or models.ClusterTemplate(server_type='vm'))
