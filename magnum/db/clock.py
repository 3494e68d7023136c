# SPDX-License-Identifier: Apache-2.0
"""The clock of the database, so that conductors need not agree on the time."""

import datetime

import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy import orm
from sqlalchemy.sql import functions


class utc_now(functions.FunctionElement):
    """The database's clock: UTC, better than seconds, not transaction time."""

    type = sa.DateTime()
    inherit_cache = True


@compiler.compiles(utc_now, 'mysql')
@compiler.compiles(utc_now, 'mariadb')
def _utc_now_mysql(element, compiler, **kw):
    return 'UTC_TIMESTAMP(6)'


@compiler.compiles(utc_now, 'postgresql')
def _utc_now_postgresql(element, compiler, **kw):
    return "TIMEZONE('utc', CLOCK_TIMESTAMP())"


@compiler.compiles(utc_now, 'sqlite')
def _utc_now_sqlite(element, compiler, **kw):
    return "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"


def now(session: orm.Session) -> datetime.datetime:
    """The time now, in UTC, by the clock of the database."""
    return session.scalar(sa.select(utc_now()))
