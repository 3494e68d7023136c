# SPDX-License-Identifier: Apache-2.0
"""Changes of the schema that may be repeated.

MariaDB and SQLite commit every change at once: a step that was interrupted
has been done in part, and its revision was not recorded.  So each change here
first looks whether it was made already.
"""

from alembic import op
import sqlalchemy as sa


def create_table(name: str, *items: sa.Column | sa.Constraint) -> None:
    if not _inspector().has_table(name):
        op.create_table(name, *items)


def add_columns(table: str, *columns: sa.Column) -> None:
    present = {c['name'] for c in _inspector().get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def create_index(name: str, table: str, *columns: str) -> None:
    present = {i['name'] for i in _inspector().get_indexes(table)}
    if name not in present:
        op.create_index(name, table, list(columns))


def _inspector() -> sa.Inspector:
    # A new one each time: an inspector remembers what it saw.
    return sa.inspect(op.get_bind())
