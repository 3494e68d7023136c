# SPDX-License-Identifier: Apache-2.0
"""Types of columns: what is stored, and what a NULL of older rows means."""

import json
from typing import Any

import sqlalchemy as sa


class Json(sa.TypeDecorator):
    """A JSON object or list in a TEXT column; NULL reads as an empty one.

    Written with Python's default separators, as release 22.0.0 did, and never
    as NULL.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, empty: type = dict):
        super().__init__()
        self.empty = empty

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        return json.dumps(self.empty() if value is None else value)

    def process_result_value(self, value: str | None,
                             dialect: sa.Dialect) -> Any:
        return json.loads(value) if value else self.empty()


class Flag(sa.TypeDecorator):
    """A boolean that older rows hold NULL for; `null` is its meaning."""

    impl = sa.Boolean
    cache_ok = True

    def __init__(self, null: bool = False):
        super().__init__()
        self.null = null

    def process_result_value(self, value: bool | None,
                             dialect: sa.Dialect) -> bool:
        return self.null if value is None else bool(value)


class Count(sa.TypeDecorator):
    """An integer that older rows hold NULL for; `null` is its meaning."""

    impl = sa.Integer
    cache_ok = True

    def __init__(self, null: int):
        super().__init__()
        self.null = null

    def process_result_value(self, value: int | None,
                             dialect: sa.Dialect) -> int:
        return self.null if value is None else value
