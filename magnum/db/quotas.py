# SPDX-License-Identifier: Apache-2.0
"""Quotas, and the row by which a project's takers wait for each other."""

from collections.abc import Sequence

from oslo_db import exception as db_exc
import sqlalchemy as sa
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


def hard_limit(session: orm.Session, project_id: str,
               resource: str) -> int | None:
    """The project's own quota; None: it has none."""
    return session.scalar(
        sa.select(models.Quota.hard_limit)
        .where(models.Quota.project_id == project_id,
               models.Quota.resource == resource))


def ensure_project(session: orm.Session, project_id: str) -> None:
    """Insert the row that `hold_project` holds, if it is not there."""
    if session.get(models.QuotaLock, project_id) is None:
        session.add(models.QuotaLock(project_id=project_id))


def hold_project(session: orm.Session, project_id: str) -> None:
    """Be the only one to count the project's clusters, until the end."""
    statements.execute(session, sa.update(models.QuotaLock)
             .where(models.QuotaLock.project_id == project_id)
             .values(taken=models.QuotaLock.taken + 1))


def _is_quota(project_id: str,
              resource: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (text.equals_exactly(models.Quota.project_id, project_id),
            text.equals_exactly(models.Quota.resource, resource))


def _no_quota(project_id: str, resource: str) -> errors.NotFound:
    return errors.NotFound(
        'Quota', f'for project {project_id} and resource {resource}')
