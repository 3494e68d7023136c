# SPDX-License-Identifier: Apache-2.0
"""What the requests of several kinds of operation have in common."""

from typing import Any

from sqlalchemy import orm

from magnum import context
from magnum.db import changes
from magnum.db import models
from magnum import errors
from magnum import identity
from magnum.operations import desired

# The infrastructure has its own time-out; ours is for what hangs beyond it.
GRACE_SECONDS = 600
DELETE_SECONDS = 2 * 3600

# What a cluster must be like for its size to change: a resize that comes
# while another is at work queues behind it.
RESIZABLE = models.SETTLED | {'UPDATE_FAILED', 'UPDATE_IN_PROGRESS'}


def requester(context: context.RequestContext) -> dict[str, Any]:
    """Who asks, for the journal; the token is sealed."""
    return {'sealed_token': identity.seal(context.auth_token),
            'request_id': context.request_id, 'user_id': context.user_id,
            'project_id': context.project_id}


def timeout_seconds(cluster: models.Cluster) -> float:
    """How long an operation on the cluster may take."""
    return desired.timeout_minutes(cluster) * 60 + GRACE_SECONDS


def begin(session: orm.Session, operation: str, cluster: models.Cluster,
          allowed: frozenset[str], status: str) -> None:
    """Give the cluster its new status, if the one it has now allows it.

    :raises WrongStatus: it does not; nothing was changed.
    """
    if not changes.begin_cluster(session, cluster.uuid, allowed, status):
        now = changes.load_cluster(session, cluster.uuid)
        if now is None:
            raise errors.NotFound('Cluster', cluster.uuid)
        raise errors.WrongStatus(operation, 'cluster', cluster.uuid,
                                 now.status)
