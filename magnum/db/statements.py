# SPDX-License-Identifier: Apache-2.0
"""Running an UPDATE or DELETE, and learning how many rows it met."""

from collections.abc import Mapping
from typing import Any
from typing import cast

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models


def execute(session: orm.Session, statement) -> int:
    result = session.execute(
        statement.execution_options(synchronize_session=False))
    return cast(sa.CursorResult, result).rowcount


def write(session: orm.Session, row: models.Cluster | models.NodeGroup,
          columns: Mapping[str, Any]) -> None:
    changed = {key: value for key, value in columns.items()
               if getattr(row, key) != value}
    if changed:
        table: Any = type(row)
        execute(session, sa.update(table).where(table.uuid == row.uuid)
                 .values(**changed))


def restate(session: orm.Session, row: models.Cluster | models.NodeGroup,
            status: str, reason: str | None) -> bool:
    """Give a row another status, unless its own has changed meanwhile.

    Holds the row until the transaction ends; False: it is another, or gone.
    """
    table: Any = type(row)
    return bool(execute(
        session, sa.update(table)
        .where(table.uuid == row.uuid, table.status == row.status,
               table.status_reason.is_not_distinct_from(row.status_reason))
        .values(status=status, status_reason=reason)))
