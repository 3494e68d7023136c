# SPDX-License-Identifier: Apache-2.0
"""Clusters: what the API shows, and what operations read and write.

A row that the caller may not know of is the same as none: `NotFound`.

Changing a status is an UPDATE with the old value in its WHERE.  Whoever
changes a cluster touches its row first: the row's lock, held until the
transaction ends, puts requests and closing operations in one order, and what
is read after it is what was committed before it.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import conditions
from magnum.db import models
from magnum.db import pages
from magnum.db import polls
from magnum.db import statements
from magnum import errors

# PyMySQL takes longer to read what a column is than to read its value, so that
# only what is shown is loaded where nothing else is done with a cluster.
_UNSHOWN = (
    orm.defer(models.Cluster.trust_id),
    orm.defer(models.Cluster.trustee_username),
    orm.defer(models.Cluster.trustee_password),
    orm.defer(models.Cluster.ca_cert_ref),
    orm.defer(models.Cluster.etcd_ca_cert_ref),
    orm.defer(models.Cluster.front_proxy_ca_cert_ref),
    orm.defer(models.Cluster.magnum_cert_ref),
    orm.defer(models.Cluster.protected))
_IN_LISTS = (
    *_UNSHOWN, orm.defer(models.Cluster.trustee_user_id),
    orm.selectinload(models.Cluster.nodegroups).load_only(
        models.NodeGroup.role, models.NodeGroup.node_count,
        models.NodeGroup.node_addresses))
_SHOWN = (
    *_UNSHOWN,
    orm.joinedload(models.Cluster.nodegroups).load_only(
        models.NodeGroup.role, models.NodeGroup.node_count,
        models.NodeGroup.node_addresses, models.NodeGroup.name,
        models.NodeGroup.status, models.NodeGroup.status_reason),
    orm.joinedload(models.Cluster.template).load_only(
        models.ClusterTemplate.labels))

# Earlier releases may have written the same map in other ways.
_HEALTH_TEXT = sa.type_coerce(models.Cluster.health_status_reason, sa.Text)


def find(session: orm.Session, context: contexts.RequestContext,
         ident: str, all_projects: bool = False,
         template: bool = False) -> models.Cluster:
    """One cluster by uuid or name, with its nodegroups, in one statement.

    :param template: with its template, whoever may see that.
    """
    query = sa.select(models.Cluster).options(
        orm.joinedload(models.Cluster.nodegroups))
    if template:
        query = query.options(orm.joinedload(models.Cluster.template))
    return _one(session, query, context, ident, all_projects)


def shown(session: orm.Session, context: contexts.RequestContext, ident: str,
          all_projects: bool = False) -> models.Cluster:
    """The same cluster as `find`, but only what is shown of it."""
    return _one(session, sa.select(models.Cluster).options(*_SHOWN), context,
                ident, all_projects)


def _one(session: orm.Session, query: sa.Select,
         context: contexts.RequestContext, ident: str,
         all_projects: bool) -> models.Cluster:
    return pages.one(
        session,
        query.where(pages.visible(context, models.Cluster, all_projects)),
        models.Cluster, ident, 'Cluster', 'clusters')


def page(session: orm.Session, context: contexts.RequestContext,
         page: pages.Page, all_projects: bool = False,
         template: bool = False) -> Sequence[models.Cluster]:
    """A page of clusters with their nodegroups; one statement for each.

    They are for being shown: where their keys are, what nodegroups have of
    their own, and all of a template but its labels is not loaded.
    """
    visible = pages.visible(context, models.Cluster, all_projects)
    query = sa.select(models.Cluster).options(*_IN_LISTS).where(visible)
    if template:
        query = query.options(orm.selectinload(models.Cluster.template)
                              .load_only(models.ClusterTemplate.labels))
    return pages.page(session, query, models.Cluster, page, visible, 'Cluster')


def stats(session: orm.Session,
          project_id: str | None = None) -> tuple[int, int]:
    """How many clusters, and nodes in them; of all projects when None."""
    clusters = sa.select(sa.func.count(models.Cluster.id))
    # From the clusters, whose projects have an index, to their groups.
    nodes = sa.select(sa.func.coalesce(
        sa.func.sum(sa.func.coalesce(models.NodeGroup.node_count, 1)),
        0)).select_from(models.Cluster).join(
            models.NodeGroup,
            models.NodeGroup.cluster_id == models.Cluster.uuid)
    if project_id is not None:
        own = models.Cluster.project_id == project_id
        clusters, nodes = clusters.where(own), nodes.where(own)
    row = session.execute(sa.select(clusters.scalar_subquery(),
                                    nodes.scalar_subquery())).one()
    return int(row[0]), int(row[1])


def load(session: orm.Session, uuid: str) -> models.Cluster | None:
    """A cluster with its groups and its template, whoever asks."""
    return session.scalars(
        sa.select(models.Cluster).where(models.Cluster.uuid == uuid)
        .options(orm.joinedload(models.Cluster.nodegroups),
                 orm.joinedload(models.Cluster.template))
        .execution_options(populate_existing=True)).unique().one_or_none()


def count_of(project_id: str) -> sa.ColumnElement[int]:
    """How many clusters the project has, in any status; for a statement."""
    return (sa.select(sa.func.count(models.Cluster.id))
            .where(models.Cluster.project_id == project_id)
            .scalar_subquery())


def touch(session: orm.Session, uuid: str) -> bool:
    """Hold the cluster's row until the transaction ends; False: no row."""
    return bool(statements.execute(
        session, sa.update(models.Cluster).where(models.Cluster.uuid == uuid)
        .values(updated_at=models.utcnow())))


def begin(session: orm.Session, uuid: str, allowed: Collection[str],
          status: str) -> bool:
    """Give the cluster a new status if it has one of `allowed`."""
    return bool(statements.execute(
        session, sa.update(models.Cluster)
        .where(models.Cluster.uuid == uuid, models.Cluster.status.in_(allowed))
        .values(status=status, status_reason=None)))


def status(session: orm.Session, uuid: str) -> str | None:
    """The cluster's status now; None: there is no such cluster."""
    row = session.execute(sa.select(models.Cluster.status)
                          .where(models.Cluster.uuid == uuid)).first()
    return None if row is None else row.status or ''


def set_columns(session: orm.Session, uuid: str,
                columns: Mapping[str, Any]) -> None:
    """Write columns, whatever the row has now."""
    if columns:
        statements.execute(
            session, sa.update(models.Cluster)
            .where(models.Cluster.uuid == uuid).values(**columns))


def close(session: orm.Session, uuid: str, expected: str, status: str,
          reason: str | None) -> None:
    """Give the cluster its final status, unless another change is on."""
    statements.execute(
        session, sa.update(models.Cluster)
        .where(models.Cluster.uuid == uuid, models.Cluster.status == expected)
        .values(status=status, status_reason=reason))


def mark_for_deletion(session: orm.Session, uuid: str,
                      force: bool = False) -> bool:
    """The cluster and its groups are on their way out.

    :param force: in spite of its protection.
    :returns: False if there is no such cluster, or it is protected.
    """
    going = {'status': 'DELETE_IN_PROGRESS', 'status_reason': None}
    statements.execute(
        session, sa.update(models.NodeGroup)
        .where(models.NodeGroup.cluster_id == uuid).values(**going))
    query = sa.update(models.Cluster).where(models.Cluster.uuid == uuid)
    if not force:
        query = query.where(sa.or_(models.Cluster.protected.is_(None),
                                   models.Cluster.protected == sa.false()))
    return bool(statements.execute(session, query.values(**going)))


def protect(session: orm.Session, uuid: str, protected: bool) -> None:
    """Protect a cluster against deletion, or do so no longer.

    :raises WrongStatus: it is being deleted.
    """
    cluster = models.Cluster
    if statements.execute(
            session, sa.update(cluster)
            .where(cluster.uuid == uuid,
                   sa.or_(cluster.status.is_(None),
                          cluster.status != 'DELETE_IN_PROGRESS'))
            # What GET of the cluster answers stays the same.
            .values(protected=protected, updated_at=cluster.updated_at)):
        return
    now = status(session, uuid)
    if now is None:
        raise errors.NotFound('Cluster', uuid)
    raise errors.WrongStatus('Protecting', 'cluster', uuid, now)


def write(session: orm.Session, cluster: models.Cluster,
          columns: Mapping[str, Any]) -> None:
    """Write what of `columns` differs from `cluster`, a row read before."""
    statements.write(session, cluster, columns)


def set_health(session: orm.Session, uuid: str, status: str | None,
               reason: Mapping[str, str] | None) -> None:
    """Store the health that was reported.

    The cluster's status stays: no work comes of it.
    """
    set_columns(session, uuid, {'health_status': status,
                                'health_status_reason': dict(reason or {})})


def uuids(session: orm.Session, statuses: Collection[str]) -> set[str]:
    """The clusters that have one of these statuses."""
    return set(session.scalars(sa.select(models.Cluster.uuid).where(
        models.Cluster.status.in_(statuses))))


def projects(session: orm.Session, statuses: Collection[str]) -> set[str]:
    """The projects that have stacks of clusters of these statuses."""
    return set(session.scalars(
        sa.select(models.Cluster.project_id).distinct()
        .where(models.Cluster.status.in_(statuses),
               models.Cluster.project_id.is_not(None),
               models.Cluster.stack_id.is_not(None))))


def of_projects(session: orm.Session, project_ids: Collection[str],
                statuses: Collection[str]) -> Sequence[models.Cluster]:
    """The clusters of projects that have these statuses, and stacks."""
    return session.scalars(
        sa.select(models.Cluster)
        .where(models.Cluster.project_id.in_(sorted(project_ids)),
               models.Cluster.status.in_(statuses),
               models.Cluster.stack_id.is_not(None))
        .options(orm.selectinload(models.Cluster.nodegroups),
                 orm.selectinload(models.Cluster.template))).all()


class Watched(NamedTuple):
    """A cluster as somebody looks at it, to change it only if it is still so.

    `reason` is the text of its `health_status_reason`, as it was written.
    """

    cluster: models.Cluster
    reason: str | None


def watched(session: orm.Session,
            uuids: Collection[str]) -> list[Watched]:
    """These clusters with their groups and templates."""
    rows = session.execute(
        sa.select(models.Cluster, _HEALTH_TEXT.label('health_text'))
        .where(models.Cluster.uuid.in_(sorted(uuids)))
        .options(orm.selectinload(models.Cluster.nodegroups),
                 orm.selectinload(models.Cluster.template)))
    return [Watched(*row) for row in rows]


def report(session: orm.Session, seen: Watched,
           columns: Mapping[str, Any]) -> bool:
    """Write columns unless the status or the health has changed meanwhile."""
    changed = {key: value for key, value in columns.items()
               if getattr(seen.cluster, key) != value}
    return not changed or bool(statements.execute(
        session, sa.update(models.Cluster)
        .where(models.Cluster.uuid == seen.cluster.uuid,
               models.Cluster.status == seen.cluster.status,
               models.Cluster.health_status.is_not_distinct_from(
                   seen.cluster.health_status),
               _HEALTH_TEXT.is_not_distinct_from(seen.reason))
        .values(**changed)))


def delete(session: orm.Session, uuid: str) -> None:
    """Remove the rows of a cluster of which nothing else is left."""
    polls.forget(session, polls.HEALTH, uuid)
    statements.execute(
        session, sa.delete(models.NodeGroup)
        .where(models.NodeGroup.cluster_id == uuid))
    statements.execute(
        session, sa.delete(models.Cluster).where(models.Cluster.uuid == uuid))
    # Last: whoever writes one holds one of the rows above.
    conditions.forget(session, uuid)
