# SPDX-License-Identifier: Apache-2.0
"""Cluster templates: the project's own, and the public ones."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import models
from magnum.db import pages
from magnum.db import statements
from magnum import errors


def find(session: orm.Session, context: contexts.RequestContext,
         ident: str,
         all_projects: bool = False) -> models.ClusterTemplate:
    """One template by uuid or name, if the caller may make clusters of it."""
    query = sa.select(models.ClusterTemplate).where(
        _template_visible(context, all_projects))
    return pages.one(session, query, models.ClusterTemplate, ident,
                'ClusterTemplate', 'ClusterTemplates')


def page(session: orm.Session,
         context: contexts.RequestContext, page: pages.Page,
         all_projects: bool = False
         ) -> Sequence[models.ClusterTemplate]:
    """A page of templates: the project's, and the public ones."""
    visible = _template_visible(context, all_projects)
    query = sa.select(models.ClusterTemplate).where(visible)
    return pages.page(session, query, models.ClusterTemplate, page, visible,
                 'ClusterTemplate')


def in_use(session: orm.Session, uuid: str) -> bool:
    """Whether any cluster, of any project, was made from the template."""
    return bool(session.scalar(sa.select(_used(uuid))))


def add(session: orm.Session,
        row: models.ClusterTemplate) -> None:
    """Store a new template.

    :raises AlreadyExists: its uuid is taken.
    """
    if row.id is not None and session.scalar(
            sa.select(models.ClusterTemplate.id)
            .where(models.ClusterTemplate.uuid == row.uuid)):
        # An earlier try stored it, and only its answer was lost.
        return
    row.id = None
    try:
        session.add(row)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists('ClusterTemplate', row.uuid) from None


def hold(session: orm.Session, context: contexts.RequestContext, uuid: str,
         *more: sa.ColumnElement[Any]) -> Sequence[Any]:
    """Keep a template as it is until the transaction ends; its row now.

    :param more: what else to read in the same statement.
    :raises NotFound: it has gone, or the caller may not see it any more.
    """
    lock(session, uuid)
    found = session.execute(
        sa.select(models.ClusterTemplate, *more)
        .where(models.ClusterTemplate.uuid == uuid,
               _template_visible(context, all_projects=False))
        .execution_options(populate_existing=True)).first()
    if found is None:
        raise errors.NotFound('ClusterTemplate', uuid)
    return found


def lock(session: orm.Session, uuid: str) -> None:
    """Let nobody change or delete the template before the transaction ends.

    The databases read the clusters that use a template as they were when the
    statement began, so it is not enough that the statement that deletes or
    changes the template asks for them.
    """
    statements.execute(
        session, sa.update(models.ClusterTemplate)
        .where(models.ClusterTemplate.uuid == uuid)
        .values(updated_at=models.ClusterTemplate.updated_at))


def load(session: orm.Session,
         uuid: str | None) -> models.ClusterTemplate | None:
    """A template as it is now, whoever asks."""
    return session.scalar(sa.select(models.ClusterTemplate)
                          .where(models.ClusterTemplate.uuid == uuid))


def differences(before: models.ClusterTemplate,
                now: models.ClusterTemplate) -> list[str]:
    """The columns that say what clusters are like and have changed."""
    return sorted(
        column for column in models.ClusterTemplate.__table__.columns.keys()
        if column not in ('name', 'tags', 'updated_at')
        and getattr(before, column) != getattr(now, column))


def update(session: orm.Session, uuid: str,
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


def delete(session: orm.Session, uuid: str) -> bool:
    """Delete a template unless a cluster uses it; whether it is gone.

    The caller has locked it.
    """
    return bool(statements.execute(
        session, sa.delete(models.ClusterTemplate)
        .where(models.ClusterTemplate.uuid == uuid, ~_used(uuid)))
                ) or not in_use(session, uuid)


def _template_visible(context: contexts.RequestContext,
                      all_projects: bool) -> sa.ColumnElement[bool]:
    model = models.ClusterTemplate
    if all_projects:
        return sa.true()
    public: sa.ColumnElement[bool] = model.public == sa.true()
    if not context.is_admin:
        # Templates older than the column hold NULL: not hidden.
        public = public & sa.or_(model.hidden == sa.false(),
                                 model.hidden.is_(None))
    return sa.or_(pages.visible(context, model, False), public)


def _used(uuid: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(models.Cluster.cluster_template_id == uuid)
