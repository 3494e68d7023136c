# SPDX-License-Identifier: Apache-2.0
"""How many clusters a project may have."""

from oslo_config import cfg
from oslo_db import exception as db_exception
from sqlalchemy import orm

from magnum.db import clusters
from magnum.db import quotas
from magnum.db import session as db
from magnum import errors

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('max_clusters_per_project', default=20,
               help='Clusters that a project without a quota of its own may '
                    'have.'),
]

CONF.register_opts(OPTS, group='quotas')


def limit(session: orm.Session, project_id: str) -> int:
    """The most clusters that the project may have."""
    hard_limit = quotas.hard_limit(session, project_id, 'Cluster')
    return (CONF.quotas.max_clusters_per_project if hard_limit is None
            else hard_limit)


def check(session: orm.Session, project_id: str) -> None:
    """Refuse early what `take` would refuse; holds nothing."""
    most = limit(session, project_id)
    if clusters.count(session, project_id) >= most:
        raise errors.QuotaExceeded('clusters', most)


def take(session: orm.Session, project_id: str) -> None:
    """Count one more cluster against the project's quota.

    Must come first in its transaction, after `prepare`.  Holds the project's
    row until the transaction ends, so that two requests cannot both take the
    last place.

    :raises QuotaExceeded: the limit is reached; nothing was changed.
    """
    quotas.hold_project(session, project_id)
    check(session, project_id)


@db.retried
def prepare(project_id: str) -> None:
    """See to it that the project has a row to hold, in its own transaction.

    Inserting it in `take` would make simultaneous first requests of a project
    deadlock on the index gap.
    """
    try:
        with db.writer() as session:
            quotas.ensure_project(session, project_id)
    except db_exception.DBDuplicateEntry:
        # Another request was faster: the row is there, which is all we want.
        pass
