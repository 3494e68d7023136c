# SPDX-License-Identifier: Apache-2.0
"""Node groups: what the API shows, and what operations read and write."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import pages
from magnum.db import statements
from magnum.db import text
from magnum import errors


def find(session: orm.Session, cluster: models.Cluster,
         ident: str) -> models.NodeGroup:
    """One nodegroup of the cluster, by uuid or name."""
    query = sa.select(models.NodeGroup).where(
        models.NodeGroup.cluster_id == cluster.uuid)
    return pages.one(session, query, models.NodeGroup, ident, 'Nodegroup',
                     'nodegroups')


def page(session: orm.Session, cluster: models.Cluster, page: pages.Page,
         role: str | None = None) -> Sequence[models.NodeGroup]:
    """A page of the cluster's nodegroups, all or those of one role."""
    own = models.NodeGroup.cluster_id == cluster.uuid
    query = sa.select(models.NodeGroup).where(own)
    if role is not None:
        query = query.where(text.equals_exactly(models.NodeGroup.role, role))
    return pages.page(session, query, models.NodeGroup, page, own, 'Nodegroup')


def load(session: orm.Session, uuid: str) -> models.NodeGroup | None:
    """A group as it is now."""
    return session.scalar(
        sa.select(models.NodeGroup).where(models.NodeGroup.uuid == uuid)
        .execution_options(populate_existing=True))


def add(session: orm.Session, nodegroup: models.NodeGroup) -> None:
    """Store a new group.

    :raises AlreadyExists: the cluster has one of that name.
    """
    try:
        session.add(nodegroup)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists('Nodegroup', nodegroup.name) from None


def begin(session: orm.Session, uuid: str,
          allowed: Collection[str] | None, status: str,
          columns: Mapping[str, Any] | None = None) -> bool:
    """Give the group a new status, and other columns with it.

    :param allowed: the statuses that it may have now; None: any.
    :returns: whether there is such a group.
    """
    query = sa.update(models.NodeGroup).where(models.NodeGroup.uuid == uuid)
    if allowed is not None:
        query = query.where(models.NodeGroup.status.in_(allowed))
    return bool(statements.execute(session, query.values(
        status=status, status_reason=None, **(columns or {}))))


def set_columns(session: orm.Session, uuid: str,
                columns: Mapping[str, Any]) -> None:
    """Write columns, whatever the row has now."""
    if columns:
        statements.execute(
            session, sa.update(models.NodeGroup)
            .where(models.NodeGroup.uuid == uuid).values(**columns))


def close(session: orm.Session, uuids: Collection[str],
          expected: str, status: str,
          reason: str | None) -> None:
    """Give groups their final status; without a reason theirs stays."""
    if not uuids:
        return
    values = {'status': status}
    if reason is not None:
        values['status_reason'] = reason
    statements.execute(
        session, sa.update(models.NodeGroup)
        .where(models.NodeGroup.uuid.in_(uuids),
               models.NodeGroup.status == expected)
        .values(**values))


def statuses(session: orm.Session, cluster_uuid: str
             ) -> list[tuple[str, bool, str | None]]:
    """Name, whether it is a default group, and status, of each as it is."""
    rows = session.execute(
        sa.select(models.NodeGroup.name, models.NodeGroup.is_default,
                  models.NodeGroup.status)
        .where(models.NodeGroup.cluster_id == cluster_uuid)
        .order_by(models.NodeGroup.id))
    return [(row.name, row.is_default, row.status) for row in rows]


def close_all(session: orm.Session, cluster_uuid: str, word: str,
              reason: str) -> None:
    """End whatever is in progress in the cluster's groups, unread."""
    for action in ('CREATE', 'UPDATE', 'DELETE'):
        statements.execute(
            session, sa.update(models.NodeGroup)
            .where(models.NodeGroup.cluster_id == cluster_uuid,
                   models.NodeGroup.status == f'{action}_IN_PROGRESS')
            .values(status=f'{action}_{word}', status_reason=reason))


def write(session: orm.Session, nodegroup: models.NodeGroup,
          columns: Mapping[str, Any]) -> None:
    """Write what of `columns` differs from `nodegroup`, a row read before."""
    statements.write(session, nodegroup, columns)


def delete(session: orm.Session, uuids: Collection[str]) -> None:
    """Remove the rows of groups of which nothing else is left."""
    if uuids:
        statements.execute(
            session, sa.delete(models.NodeGroup)
            .where(models.NodeGroup.uuid.in_(uuids)))
