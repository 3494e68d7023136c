# SPDX-License-Identifier: Apache-2.0
"""Renew the credential by which a cluster's nodes act in the cloud.

The cluster's status tells nothing of it: clusters do not change by it.
"""

from magnum import context
from magnum.db import clusters
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import requests
from magnum.operations import steps
from magnum import rpc

# The cluster's user gets a new password, which then goes to the nodes.
KIND = kinds.Kind(
    name='rotate_credential', action='UPDATE', nodegroups=kinds.no_group,
    steps=(steps.DELEGATE, steps.APPLY, steps.SETTLE))


def request(context: context.RequestContext,
            cluster: models.Cluster) -> None:
    """Write down that a cluster's credential is to be renewed.

    :raises Invalid: the cluster's status does not allow it, or its driver
        cannot do it.
    """
    requests.check_status('Rotating the credential of', cluster,
                          requests.RESIZABLE)
    requests.check_power(cluster, 'rotate_credential', 'renew credentials')
    _store(context, cluster)
    rpc.hint()


@db.retried
def _store(context: context.RequestContext, cluster: models.Cluster) -> None:
    with db.writer() as session:
        clusters.touch(session, cluster.uuid)
        now = clusters.load(session, cluster.uuid)
        if now is None:
            raise errors.NotFound('Cluster', cluster.uuid)
        requests.check_status('Rotating the credential of', now,
                              requests.RESIZABLE)
        journal.record(session, KIND.name, cluster.uuid,
                       timeout_seconds=requests.timeout_seconds(cluster),
                       **requests.requester(context))
