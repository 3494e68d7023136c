# SPDX-License-Identifier: Apache-2.0
"""How many clusters a project may have."""

import dataclasses
from typing import Any

from oslo_config import cfg
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import clusters
from magnum.db import quotas
from magnum import errors

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('max_clusters_per_project', default=20,
               help='Number of clusters that a project without a quota of its '
                    'own is limited to.'),
]

CONF.register_opts(OPTS, group='quotas')


@dataclasses.dataclass(frozen=True)
class Room:
    """The project's own limit, if it has one, and what it has taken."""

    hard_limit: int | None
    taken: int

    @property
    def limit(self) -> int:
        return (CONF.quotas.max_clusters_per_project
                if self.hard_limit is None else self.hard_limit)


def figures(project_id: str) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of a `Room`, for a statement that reads more."""
    return (quotas.hard_limit_of(project_id, 'Cluster'),
            clusters.count_of(project_id))


def room(session: orm.Session, project_id: str) -> Room:
    """What is left of the project's quota; holds nothing."""
    return Room(*session.execute(sa.select(*figures(project_id))).one())


def check(room: Room) -> None:
    """Refuse one cluster more than the project may have.

    :raises QuotaExceeded: the limit is reached.
    """
    if room.taken >= room.limit:
        raise errors.QuotaExceeded('cluster', room.limit)


def hold(session: orm.Session, project_id: str) -> None:
    """Let nobody else count the project's clusters until the end.

    Must come first in its transaction: two requests cannot both take the last
    place when each reads the figures after it.
    """
    quotas.hold_project(session, project_id)
