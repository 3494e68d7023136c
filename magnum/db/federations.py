# SPDX-License-Identifier: Apache-2.0
"""Federations, which nothing is behind any more."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import models
from magnum.db import pages
from magnum.db import statements


def find(session: orm.Session, context: contexts.RequestContext,
         ident: str) -> models.Federation:
    """One federation of the caller's project, by uuid or name."""
    query = sa.select(models.Federation).where(_own(context))
    return pages.one(session, query, models.Federation, ident, 'Federation',
                'federations')


def page(session: orm.Session, context: contexts.RequestContext,
         page: pages.Page) -> Sequence[models.Federation]:
    """A page of the federations of the caller's project."""
    own = _own(context)
    query = sa.select(models.Federation).where(own)
    return pages.page(session, query, models.Federation, page, own,
                      'Federation')


def delete(session: orm.Session, uuid: str) -> None:
    """Delete a federation; nothing is behind it."""
    statements.execute(session, sa.delete(models.Federation)
            .where(models.Federation.uuid == uuid))


def _own(context: contexts.RequestContext) -> sa.ColumnElement[bool]:
    if context.project_id is None:
        return sa.false()
    return models.Federation.project_id == context.project_id
