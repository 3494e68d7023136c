# SPDX-License-Identifier: Apache-2.0
"""One row by uuid or name, a page of rows, and whose rows are seen.

A row that the caller may not know of is the same as none: `NotFound`.  Whose
rows are seen is decided here, by `visible`: the project's own, without a
project the user's own, and with `all_projects` (administrators) all.
"""

from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_utils import uuidutils
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import text
from magnum import errors


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


def visible(context: contexts.RequestContext, model: Any,
            all_projects: bool) -> sa.ColumnElement[bool]:
    if all_projects:
        return sa.true()
    if context.project_id is not None:
        return model.project_id == context.project_id
    if context.user_id is not None:
        return model.user_id == context.user_id
    return sa.false()


def one(session: orm.Session, query: sa.Select, model: Any, ident: str,
        kind: str, plural: str) -> Any:
    if uuidutils.is_uuid_like(ident):
        query = query.where(text.equals_exactly(model.uuid, ident))
    else:
        query = query.where(text.equals_exactly(model.name, ident)
                            ).order_by(model.id).limit(2)
    rows = session.scalars(query).unique().all()
    if not rows:
        raise errors.NotFound(kind, ident)
    if len(rows) > 1:
        raise errors.Conflict(f'Multiple {plural} exist with same name. '
                              f'Please use the uuid instead of the name '
                              f'"{ident}".')
    return rows[0]


def page(session: orm.Session, query: sa.Select, model: Any, page: Page,
         visible: sa.ColumnElement[bool], kind: str,
         marked_by: Any = None) -> Sequence[Any]:
    """A page in the order of (sort key, id); NULLs come before all values."""
    key = _plain(getattr(model, page.sort_key))
    ascending = page.sort_dir == 'asc'
    if page.marker is not None:
        marked = (text.equals_exactly(model.uuid, page.marker)
                  if marked_by is None else marked_by == page.marker)
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
