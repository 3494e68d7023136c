# SPDX-License-Identifier: Apache-2.0
"""Comparing text letter by letter, whatever the database is.

MariaDB takes `C` and `c`, `c` and `c `, often even `c` and `ç` for the same;
which of them, depends on the collation that a column was once made with.  What
names a thing must not depend on that.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext import compiler


class equals_exactly(sa.sql.functions.FunctionElement[bool]):
    """Whether a column of text holds just that value.

    The loose comparison stays in the statement, as only that uses an index.
    """

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, column: Any, value: str):
        super().__init__(column, sa.literal(value, sa.String()))

    def self_group(self, against: Any = None) -> Any:
        # Else it is compared with 1 where there are no booleans, and MariaDB
        # finds no index for `(uuid = ...) = 1`.
        return self


@compiler.compiles(equals_exactly)
def _plainly(element: equals_exactly, to: Any, **options: Any) -> str:
    column, value = element.clauses
    return f'({to.process(column == value, **options)})'


@compiler.compiles(equals_exactly, 'mysql', 'mariadb')
def _byte_by_byte(element: equals_exactly, to: Any, **options: Any) -> str:
    column, value = (to.process(side, **options) for side in element.clauses)
    return (f'({column} = {value} AND '
            f'CAST(CONVERT({column} USING utf8mb4) AS BINARY) = '
            f'CAST(CONVERT({value} USING utf8mb4) AS BINARY))')
