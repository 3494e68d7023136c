# SPDX-License-Identifier: Apache-2.0
"""Quotas, and the row by which a project's takers wait for each other."""

from collections.abc import Sequence
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite
from sqlalchemy import orm

from magnum.db import models
from magnum.db import pages
from magnum.db import statements
from magnum.db import text
from magnum import errors


def page(session: orm.Session, page: pages.Page,
         project_id: str | None = None) -> Sequence[models.Quota]:
    """A page of quotas; of all projects when `project_id` is None."""
    own = (sa.true() if project_id is None
           else models.Quota.project_id == project_id)
    query = sa.select(models.Quota).where(own)
    return pages.page(session, query, models.Quota, page, own, 'Quota',
                 marked_by=models.Quota.id)


def find(session: orm.Session, project_id: str,
         resource: str) -> models.Quota | None:
    """What was set for the project, or None."""
    return session.scalar(sa.select(models.Quota)
                          .where(*_is_quota(project_id, resource)))


def add(session: orm.Session, row: models.Quota) -> None:
    """Store a new quota.

    :raises AlreadyExists: the project has one.
    """
    if row.id is not None and find(session, row.project_id, row.resource):
        # An earlier try stored it, and only its answer was lost.
        return
    row.id = None
    try:
        session.add(row)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists(
            'Quota', f'for project {row.project_id} and resource '
                     f'{row.resource}') from None


def update(session: orm.Session, project_id: str, resource: str,
           hard_limit: int) -> models.Quota:
    """Change a quota; the row as it is then.

    :raises NotFound: none was set.
    """
    row = find(session, project_id, resource)
    if row is None:
        raise _no_quota(project_id, resource)
    row.hard_limit = hard_limit
    session.flush()
    return row


def delete(session: orm.Session, project_id: str,
           resource: str) -> None:
    """Delete a quota.

    :raises NotFound: none was set.
    """
    if not statements.execute(session, sa.delete(models.Quota)
                   .where(*_is_quota(project_id, resource))):
        raise _no_quota(project_id, resource)


def hard_limit_of(project_id: str,
                  resource: str) -> sa.ColumnElement[int | None]:
    """The project's own quota, NULL if it has none; for a statement."""
    return (sa.select(models.Quota.hard_limit)
            .where(models.Quota.project_id == project_id,
                   models.Quota.resource == resource)
            .limit(1).scalar_subquery())


def hold_project(session: orm.Session, project_id: str) -> None:
    """Be the only one to count the project's clusters, until the end.

    One statement, whether the project has its row already or not.
    """
    row, more = {'project_id': project_id, 'taken': 1}, {
        'taken': models.QuotaLock.taken + 1}
    name = session.get_bind().dialect.name
    if name in ('mysql', 'mariadb'):
        session.execute(mysql.insert(models.QuotaLock).values(row)
                        .on_duplicate_key_update(more))
        return
    insert: Any = {'sqlite': sqlite.insert,
                   'postgresql': postgresql.insert}[name]
    session.execute(insert(models.QuotaLock).values(row)
                    .on_conflict_do_update(index_elements=['project_id'],
                                           set_=more))


def purge_locks(session: orm.Session, limit: int) -> int:
    """Remove the rows of projects without clusters, at most `limit`.

    Whoever holds one is waited for, and who comes next makes it anew: at any
    time one transaction alone has it.
    """
    idle = session.scalars(
        sa.select(models.QuotaLock.project_id)
        .where(~sa.exists().where(models.Cluster.project_id
                                  == models.QuotaLock.project_id))
        .limit(limit)).all()
    if not idle:
        return 0
    return statements.execute(
        session, sa.delete(models.QuotaLock)
        .where(models.QuotaLock.project_id.in_(idle)))


def _is_quota(project_id: str,
              resource: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (text.equals_exactly(models.Quota.project_id, project_id),
            text.equals_exactly(models.Quota.resource, resource))


def _no_quota(project_id: str, resource: str) -> errors.NotFound:
    return errors.NotFound(
        'Quota', f'for project {project_id} and resource {resource}')
