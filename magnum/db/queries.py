# SPDX-License-Identifier: Apache-2.0
"""All reading of what the API shows, and the writing of plain resources.

A row that the caller may not know of is the same as none: `NotFound`.  Whose
rows are seen is decided here, by `_visible`: the project's own, without a
project the user's own, and with `everyone` (administrators) all.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import cast

from oslo_db import exception as db_exc
from oslo_utils import uuidutils
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import exact
from magnum.db import models
from magnum import errors


# Of what a list loads by the hundred, the columns that a list shows.
_IN_LISTS = (
    orm.defer(models.Cluster.trust_id),
    orm.defer(models.Cluster.trustee_username),
    orm.defer(models.Cluster.trustee_user_id),
    orm.defer(models.Cluster.trustee_password),
    orm.defer(models.Cluster.ca_cert_ref),
    orm.defer(models.Cluster.etcd_ca_cert_ref),
    orm.defer(models.Cluster.front_proxy_ca_cert_ref),
    orm.defer(models.Cluster.magnum_cert_ref),
    orm.selectinload(models.Cluster.nodegroups).load_only(
        models.NodeGroup.role, models.NodeGroup.node_count,
        models.NodeGroup.node_addresses))


@dataclasses.dataclass(frozen=True)
class Page:
    """Which part of a list, and in which order.

    `marker` is the uuid (of a quota: the id) of the last row of the page
    before this one.
    """

    limit: int
    marker: Any = None
    sort_key: str = 'id'
    sort_dir: str = 'asc'


def cluster(session: orm.Session, context: contexts.RequestContext,
            ident: str, everyone: bool = False,
            template: bool = False) -> models.Cluster:
    """One cluster by uuid or name, with its nodegroups, in one statement.

    :param template: with its template, whoever may see that.
    """
    query = sa.select(models.Cluster).options(
        orm.joinedload(models.Cluster.nodegroups))
    if template:
        query = query.options(orm.joinedload(models.Cluster.template))
    query = query.where(_visible(context, models.Cluster, everyone))
    return _one(session, query, models.Cluster, ident, 'Cluster', 'clusters')


def clusters(session: orm.Session, context: contexts.RequestContext,
             page: Page, everyone: bool = False,
             template: bool = False) -> Sequence[models.Cluster]:
    """A page of clusters with their nodegroups; one statement for each.

    They are for being shown: where their keys are, what nodegroups have of
    their own, and all of a template but its labels is not loaded.
    """
    visible = _visible(context, models.Cluster, everyone)
    query = sa.select(models.Cluster).options(*_IN_LISTS).where(visible)
    if template:
        query = query.options(orm.selectinload(models.Cluster.template)
                              .load_only(models.ClusterTemplate.labels))
    return _page(session, query, models.Cluster, page, visible, 'Cluster')


def cluster_template(session: orm.Session, context: contexts.RequestContext,
                     ident: str,
                     everyone: bool = False) -> models.ClusterTemplate:
    """One template by uuid or name, if the caller may make clusters of it."""
    query = sa.select(models.ClusterTemplate).where(
        _template_visible(context, everyone))
    return _one(session, query, models.ClusterTemplate, ident,
                'ClusterTemplate', 'ClusterTemplates')


def cluster_templates(session: orm.Session,
                      context: contexts.RequestContext, page: Page,
                      everyone: bool = False
                      ) -> Sequence[models.ClusterTemplate]:
    """A page of templates: the project's, and the public ones."""
    visible = _template_visible(context, everyone)
    query = sa.select(models.ClusterTemplate).where(visible)
    return _page(session, query, models.ClusterTemplate, page, visible,
                 'ClusterTemplate')


def template_in_use(session: orm.Session, uuid: str) -> bool:
    """Whether any cluster, of any project, was made from the template."""
    return bool(session.scalar(sa.select(_used(uuid))))


def add_cluster_template(session: orm.Session,
                         row: models.ClusterTemplate) -> None:
    """Store a new template.

    :raises AlreadyExists: its uuid is taken.
    """
    try:
        session.add(row)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists('ClusterTemplate', row.uuid) from None


def update_cluster_template(session: orm.Session, uuid: str,
                            changes: Mapping[str, Any]
                            ) -> models.ClusterTemplate:
    """Change a template; the row as it is then."""
    if changes:
        session.execute(sa.update(models.ClusterTemplate)
                        .where(models.ClusterTemplate.uuid == uuid)
                        .values(**changes))
    row = session.scalar(sa.select(models.ClusterTemplate)
                         .where(models.ClusterTemplate.uuid == uuid))
    if row is None:
        raise errors.NotFound('ClusterTemplate', uuid)
    return row


def delete_cluster_template(session: orm.Session, uuid: str) -> bool:
    """Delete a template unless a cluster uses it; whether it was deleted."""
    return bool(_delete(
        session, sa.delete(models.ClusterTemplate)
        .where(models.ClusterTemplate.uuid == uuid, ~_used(uuid))))


def nodegroup(session: orm.Session, cluster: models.Cluster,
              ident: str) -> models.NodeGroup:
    """One nodegroup of the cluster, by uuid or name."""
    query = sa.select(models.NodeGroup).where(
        models.NodeGroup.cluster_id == cluster.uuid)
    return _one(session, query, models.NodeGroup, ident, 'Nodegroup',
                'nodegroups')


def nodegroups(session: orm.Session, cluster: models.Cluster, page: Page,
               role: str | None = None) -> Sequence[models.NodeGroup]:
    """A page of the cluster's nodegroups, all or those of one role."""
    own = models.NodeGroup.cluster_id == cluster.uuid
    query = sa.select(models.NodeGroup).where(own)
    if role is not None:
        query = query.where(exact.same(models.NodeGroup.role, role))
    return _page(session, query, models.NodeGroup, page, own, 'Nodegroup')


def federation(session: orm.Session, context: contexts.RequestContext,
               ident: str) -> models.Federation:
    """One federation of the caller's project, by uuid or name."""
    query = sa.select(models.Federation).where(_own(context))
    return _one(session, query, models.Federation, ident, 'Federation',
                'federations')


def federations(session: orm.Session, context: contexts.RequestContext,
                page: Page) -> Sequence[models.Federation]:
    """A page of the federations of the caller's project."""
    own = _own(context)
    query = sa.select(models.Federation).where(own)
    return _page(session, query, models.Federation, page, own, 'Federation')


def delete_federation(session: orm.Session, uuid: str) -> None:
    """Delete a federation; nothing is behind it."""
    _delete(session, sa.delete(models.Federation)
            .where(models.Federation.uuid == uuid))


def quotas(session: orm.Session, page: Page,
           project_id: str | None = None) -> Sequence[models.Quota]:
    """A page of quotas; of all projects when `project_id` is None."""
    own = (sa.true() if project_id is None
           else models.Quota.project_id == project_id)
    query = sa.select(models.Quota).where(own)
    return _page(session, query, models.Quota, page, own, 'Quota',
                 marked_by=models.Quota.id)


def quota(session: orm.Session, project_id: str,
          resource: str) -> models.Quota | None:
    """What was set for the project, or None."""
    return session.scalar(sa.select(models.Quota)
                          .where(*_is_quota(project_id, resource)))


def add_quota(session: orm.Session, row: models.Quota) -> None:
    """Store a new quota.

    :raises AlreadyExists: the project has one.
    """
    try:
        session.add(row)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists(
            'Quota', f'for project {row.project_id} and resource '
                     f'{row.resource}') from None


def update_quota(session: orm.Session, project_id: str, resource: str,
                 hard_limit: int) -> models.Quota:
    """Change a quota; the row as it is then.

    :raises NotFound: none was set.
    """
    row = quota(session, project_id, resource)
    if row is None:
        raise _no_quota(project_id, resource)
    row.hard_limit = hard_limit
    session.flush()
    return row


def delete_quota(session: orm.Session, project_id: str,
                 resource: str) -> None:
    """Delete a quota.

    :raises NotFound: none was set.
    """
    if not _delete(session, sa.delete(models.Quota)
                   .where(*_is_quota(project_id, resource))):
        raise _no_quota(project_id, resource)


def services(session: orm.Session) -> Sequence[models.MagnumService]:
    """All conductors that ever beat."""
    return session.scalars(sa.select(models.MagnumService)
                           .order_by(models.MagnumService.id)).all()


def stats(session: orm.Session,
          project_id: str | None = None) -> tuple[int, int]:
    """How many clusters, and nodes in them; of all projects when None."""
    clusters = sa.select(sa.func.count(models.Cluster.id))
    nodes = sa.select(sa.func.coalesce(
        sa.func.sum(sa.func.coalesce(models.NodeGroup.node_count, 1)),
        0)).where(
            sa.exists().where(
                models.Cluster.uuid == models.NodeGroup.cluster_id))
    if project_id is not None:
        clusters = clusters.where(models.Cluster.project_id == project_id)
        nodes = nodes.where(models.NodeGroup.project_id == project_id)
    row = session.execute(sa.select(clusters.scalar_subquery(),
                                    nodes.scalar_subquery())).one()
    return int(row[0]), int(row[1])


def _visible(context: contexts.RequestContext, model: Any,
             everyone: bool) -> sa.ColumnElement[bool]:
    if everyone:
        return sa.true()
    if context.project_id is not None:
        return model.project_id == context.project_id
    if context.user_id is not None:
        return model.user_id == context.user_id
    return sa.false()


def _template_visible(context: contexts.RequestContext,
                      everyone: bool) -> sa.ColumnElement[bool]:
    model = models.ClusterTemplate
    if everyone:
        return sa.true()
    public: sa.ColumnElement[bool] = model.public == sa.true()
    if not context.is_admin:
        # Templates older than the column hold NULL: not hidden.
        public = public & sa.or_(model.hidden == sa.false(),
                                 model.hidden.is_(None))
    return sa.or_(_visible(context, model, False), public)


def _own(context: contexts.RequestContext) -> sa.ColumnElement[bool]:
    if context.project_id is None:
        return sa.false()
    return models.Federation.project_id == context.project_id


def _delete(session: orm.Session, statement: sa.Delete) -> int:
    """How many rows there were to delete."""
    result = session.execute(
        statement.execution_options(synchronize_session=False))
    return cast(sa.CursorResult, result).rowcount


def _used(uuid: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(models.Cluster.cluster_template_id == uuid)


def _one(session: orm.Session, query: sa.Select, model: Any, ident: str,
         kind: str, plural: str) -> Any:
    column = model.uuid if uuidutils.is_uuid_like(ident) else model.name
    rows = session.scalars(query.where(exact.same(column, ident))
                           .order_by(model.id).limit(2)).unique().all()
    if not rows:
        raise errors.NotFound(kind, ident)
    if len(rows) > 1:
        raise errors.Conflict(f'Multiple {plural} exist with same name. '
                              f'Please use the uuid instead of the name '
                              f'"{ident}".')
    return rows[0]


def _page(session: orm.Session, query: sa.Select, model: Any, page: Page,
          visible: sa.ColumnElement[bool], kind: str,
          marked_by: Any = None) -> Sequence[Any]:
    """A page in the order of (sort key, id); NULLs come before all values."""
    key = _plain(getattr(model, page.sort_key))
    ascending = page.sort_dir == 'asc'
    if page.marker is not None:
        marked = (exact.same(model.uuid, page.marker) if marked_by is None
                  else marked_by == page.marker)
        marker = session.execute(
            sa.select(key, model.id).where(visible, marked)).first()
        if marker is None:
            raise errors.NotFound(kind, page.marker)
        query = query.where(_beyond(model, key, marker[0], marker[1],
                                    ascending))
    order = [key.is_not(None), key, model.id]
    if page.sort_key == 'id':
        order = [model.id]
    query = query.order_by(*(column.asc() if ascending else column.desc()
                             for column in order))
    return session.scalars(query.limit(page.limit)).all()


def _plain(column: Any) -> sa.ColumnElement:
    """The column as stored: what it reads as need not sort in that order."""
    if isinstance(column.type, sa.TypeDecorator):
        return sa.type_coerce(column, column.type.impl_instance)
    return column


def _beyond(model: Any, key: sa.ColumnElement, value: Any, id: int,
            ascending: bool) -> sa.ColumnElement[bool]:
    """What comes after the row of that sort key's value and id."""
    after_id = model.id > id if ascending else model.id < id
    if value is None:
        same = sa.and_(key.is_(None), after_id)
        return sa.or_(key.is_not(None), same) if ascending else same
    bound = sa.literal(value, key.type)
    same = sa.and_(key == bound, after_id)
    if ascending:
        return sa.or_(key > bound, same)
    return sa.or_(key < bound, same, key.is_(None))


def _is_quota(project_id: str,
              resource: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (exact.same(models.Quota.project_id, project_id),
            exact.same(models.Quota.resource, resource))


def _no_quota(project_id: str, resource: str) -> errors.NotFound:
    return errors.NotFound(
        'Quota', f'for project {project_id} and resource {resource}')
