# SPDX-License-Identifier: Apache-2.0
"""The columns with encrypted values, a few rows at a time."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import statements
from magnum.db import text

# By the names that an operator knows them by.
COLUMNS = {
    'operation.sealed_token': models.Operation.sealed_token,
    'x509keypair.private_key_passphrase':
        models.X509KeyPair.private_key_passphrase,
    'cluster.trustee_password': models.Cluster.trustee_password}


def batch(session: orm.Session, column: Any, after: int,
          limit: int) -> Sequence[tuple[int, str]]:
    """(id, value) of the rows that have one and come after `after`."""
    return _values(session, column, column.class_.id > after,
                   column.class_.id, limit)


def newest(session: orm.Session, column: Any) -> Sequence[tuple[int, str]]:
    """(id, value) of the last row that has one, if there is any."""
    return _values(session, column, sa.true(), column.class_.id.desc(), 1)


def one(session: orm.Session, column: Any,
        row_id: int) -> Sequence[tuple[int, str]]:
    """(id, value) of that row, if it is there and has one."""
    return _values(session, column, column.class_.id == row_id,
                   column.class_.id, 1)


def _values(session: orm.Session, column: Any, which: Any, order: Any,
            limit: int) -> Sequence[tuple[int, str]]:
    rows = session.execute(
        sa.select(column.class_.id, column)
        .where(column.is_not(None), column != '', which)
        .order_by(order).limit(limit))
    return [(row[0], row[1]) for row in rows]


def swap(session: orm.Session, column: Any, row_id: int, old: str,
         new: str) -> bool:
    """Replace a value; False: it is another one by now, or gone."""
    table = column.class_
    values = {column.key: new}
    if hasattr(table, 'updated_at'):
        # For those who read the row it has not changed.
        values['updated_at'] = table.updated_at
    return bool(statements.execute(
        session, sa.update(table)
        .where(table.id == row_id, text.equals_exactly(column, old))
        .values(**values)))
