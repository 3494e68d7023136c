# SPDX-License-Identifier: Apache-2.0
"""Databases for tests: SQLite always, MariaDB and PostgreSQL where offered.

`MAGNUM_TEST_MYSQL_URL` and `MAGNUM_TEST_POSTGRESQL_URL` are administrative
URLs: scratch databases are created and dropped there.  A test that asks for
`database` runs once for each dialect that is available, on an empty, migrated
database that `magnum.db.session` is connected to; `sqlite_database` is the
same on SQLite alone.  The value of both is the URL.
"""

import contextlib
import os
import shutil
import uuid

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import schema
from magnum.db import session

CONF = cfg.CONF

DIALECTS = ('sqlite', 'mysql', 'postgresql')


def why_not(dialect):
    """Why there is no database of this dialect; None when there is one."""
    name = f'MAGNUM_TEST_{dialect.upper()}_URL'
    if dialect == 'sqlite' or os.environ.get(name):
        return None
    return f'{name} is not set'


AVAILABLE = [d for d in DIALECTS if why_not(d) is None]


@contextlib.contextmanager
def scratch(dialect, directory):
    """An empty database for the time of the block; its URL."""
    name = f'magnum_test_{uuid.uuid4().hex[:12]}'
    if dialect == 'sqlite':
        yield f'sqlite:///{directory}/{name}.sqlite'
        return
    url = sa.make_url(os.environ[f'MAGNUM_TEST_{dialect.upper()}_URL'])
    admin = sa.create_engine(url, isolation_level='AUTOCOMMIT',
                             poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE {name}'))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        force = ' WITH (FORCE)' if dialect == 'postgresql' else ''
        with admin.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE {name}{force}'))


@contextlib.contextmanager
def connected(url):
    """`magnum.db.session` works on the database at `url` in the block."""
    session.reset()
    CONF.set_override('connection', url, group='database')
    try:
        yield url
    finally:
        session.reset()
        CONF.clear_override('connection', group='database')


@pytest.fixture(scope='session')
def migrated(tmp_path_factory):
    """A function from a dialect to the URL of a migrated database."""
    urls = {}
    with contextlib.ExitStack() as stack:
        def url_for(dialect):
            if dialect not in urls:
                url = stack.enter_context(
                    scratch(dialect, tmp_path_factory.mktemp(dialect)))
                engine = sa.create_engine(url, poolclass=sa.NullPool)
                schema.upgrade(engine=engine)
                urls[dialect] = url
            return urls[dialect]
        yield url_for


@pytest.fixture(params=AVAILABLE)
def database(request, migrated, tmp_path):
    with connected(_empty(request.param, migrated, tmp_path)) as url:
        yield url


@pytest.fixture
def sqlite_database(migrated, tmp_path):
    with connected(_empty('sqlite', migrated, tmp_path)) as url:
        yield url


def _empty(dialect, migrated, directory):
    url = migrated(dialect)
    if dialect == 'sqlite':
        shutil.copy(sa.make_url(url).database, directory / 'magnum.sqlite')
        return f'sqlite:///{directory}/magnum.sqlite'
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table in models.Base.metadata.tables.values():
            connection.execute(table.delete())
    return url
