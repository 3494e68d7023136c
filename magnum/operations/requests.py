# SPDX-License-Identifier: Apache-2.0
"""What the requests of several kinds of operation have in common."""

from typing import Any

from sqlalchemy import orm

from magnum import context
from magnum.db import clusters
from magnum.db import models
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import identity
from magnum.operations import desired

# The infrastructure has its own time-out; ours is for what hangs beyond it.
GRACE_SECONDS = 600
DELETE_SECONDS = 2 * 3600

# What a cluster must be like for its size to change: a resize that comes
# while another is at work queues behind it.
RESIZABLE = models.SETTLED | {'UPDATE_FAILED', 'UPDATE_IN_PROGRESS'}

# All but those of clusters on their way out.
STANDING = RESIZABLE | {'CREATE_IN_PROGRESS', 'CREATE_FAILED',
                        'RESUME_FAILED', 'ROLLBACK_IN_PROGRESS',
                        'ROLLBACK_FAILED'}


def requester(context: context.RequestContext) -> dict[str, Any]:
    """Who asks, for the journal; the token is sealed."""
    return {'sealed_token': identity.seal(context.auth_token),
            'request_id': context.request_id, 'user_id': context.user_id,
            'project_id': context.project_id}


def timeout_seconds(cluster: models.Cluster) -> float:
    """How long an operation on the cluster may take."""
    return desired.timeout_minutes(cluster) * 60 + GRACE_SECONDS


def check_power(cluster: models.Cluster, power: str,
                what: str) -> base.Driver:
    """The cluster's driver, if it can do that.

    :param what: the same as `power`, in words for the user.
    :raises NotSupported: it cannot; what has to be said then is said before
        anything changes.
    """
    driver = driver_of(cluster, what)
    if power not in driver.powers:
        name = drivers.name_for(cluster.template)
        raise errors.NotSupported(f"The cluster's driver, {name}, cannot "
                                  f'{what}.')
    return driver


def driver_of(cluster: models.Cluster, what: str) -> base.Driver:
    """The cluster's driver.

    :raises NotSupported: its template is gone.
    :raises DriverNotFound: it is not installed, or not enabled, any more.
    """
    if cluster.template is None:
        raise errors.NotSupported(f'The template of cluster {cluster.uuid} '
                                  f'is gone, and with it its driver: it '
                                  f'cannot {what}.')
    return drivers.for_template(cluster.template)


def check_status(operation: str, cluster: models.Cluster,
                 allowed: frozenset[str]) -> None:
    """Refuse what does not wait for the end of another change.

    :raises Invalid: the cluster is in another status.
    """
    if cluster.status not in allowed:
        raise errors.Invalid(str(errors.WrongStatus(
            operation, 'cluster', cluster.uuid, cluster.status)))


def begin_checked(session: orm.Session, operation: str,
                  cluster: models.Cluster, allowed: frozenset[str],
                  status: str) -> None:
    """As `begin`, after `check_status` has seen an allowed status.

    :raises Invalid: another request was faster.
    """
    try:
        begin(session, operation, cluster, allowed, status)
    except errors.WrongStatus as e:
        raise errors.Invalid(str(e)) from None


def begin(session: orm.Session, operation: str, cluster: models.Cluster,
          allowed: frozenset[str], status: str) -> None:
    """Give the cluster its new status, if the one it has now allows it.

    :raises WrongStatus: it does not; nothing was changed.
    """
    if not clusters.begin(session, cluster.uuid, allowed, status):
        now = clusters.load(session, cluster.uuid)
        if now is None:
            raise errors.NotFound('Cluster', cluster.uuid)
        raise errors.WrongStatus(operation, 'cluster', cluster.uuid,
                                 now.status)
