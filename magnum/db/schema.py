# SPDX-License-Identifier: Apache-2.0
"""Which revision a database is at, and bringing it to another.

Three starting points are taken: an empty database, one of releases 18.0.0 to
22.0.0, and one of release 23.0.0 (with or without its trust columns).  All
others are refused before anything is changed.
"""

import pathlib

from alembic import command
from alembic import config as alembic_config
from alembic import script
from alembic import util
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session
from magnum import errors

# The last revision of older releases: too old for the chain, which starts
# with that of 18.0.0 to 22.0.0.
OLDER = {
    '7da8489d6a68': '13.0.0 to 17.0.2',
    'f1d8b0ab8b8d': '12.0.0 to 12.1.1',
    '95096e2334ee': '10.1.0 to 11.2.x',
    'c04e925e65c2': '9.1.0 to 10.0.0',
    '47380964133d': '9.0.0',
    '87e62e3c7abc': '8.0.0 to 8.2.1',
    '9a1539f1cd2c': '6.0.0 to 7.2.0',
    '2581ebaf0cb2': 'before 6.0.0',
}

# Alembic's own table: one row.
_RECORD = sa.table('alembic_version', sa.column('version_num'))


class CannotMigrate(errors.MagnumError):
    """The database is not one that this chain can start from, or reach."""


def current(engine: sa.Engine | None = None) -> str | None:
    """The recorded revision; None when none is recorded."""
    with (engine or session.engine()).connect() as connection:
        if not sa.inspect(connection).has_table(_RECORD.name):
            return None
        revisions = connection.scalars(sa.select(_RECORD.c.version_num)).all()
    if len(revisions) > 1:
        raise CannotMigrate(
            f'The database records several revisions: '
            f'{", ".join(sorted(revisions))}. Leave the one that it is at in '
            f'table alembic_version.')
    return revisions[0] if revisions else None


def head() -> str:
    """The newest revision that this release knows."""
    return _scripts().get_current_head()


def history() -> list[tuple[str, str]]:
    """All revisions with their titles, newest first."""
    return [(s.revision, s.doc) for s in _scripts().walk_revisions()]


def upgrade(revision: str = 'head', engine: sa.Engine | None = None) -> None:
    """Bring the database to `revision`; done already is a success.

    May be repeated after an interruption.

    :raises CannotMigrate: nothing was changed.
    """
    # A large table takes its time.
    session.be_patient()
    refuse_strangers(engine)
    _run(command.upgrade, engine, revision)


def stamp(revision: str, engine: sa.Engine | None = None) -> None:
    """Record `revision` without changing the schema."""
    # `purge` so that a database with a foreign revision can be stamped too.
    _run(command.stamp, engine, revision, purge=True)


def write_revision(message: str | None, autogenerate: bool) -> None:
    """Write a new file of the chain, for developers; alembic tells where."""
    _run(command.revision, None, message=message, autogenerate=autogenerate)


def refuse_strangers(engine: sa.Engine | None = None) -> None:
    """Raise CannotMigrate unless the chain knows the database's revision."""
    revision = current(engine)
    if revision is None:
        return _refuse_unrecorded(engine)
    if revision in (known for known, _ in history()):
        return None
    if revision in OLDER:
        raise CannotMigrate(
            f'The database is at revision {revision} (release '
            f'{OLDER[revision]}). Upgrade it to a release from 18.0.0 to '
            f'22.0.0 first, with that release\'s magnum-db-manage.')
    raise CannotMigrate(
        f'The database is at revision {revision}, which this release does '
        f'not know. If it is older, upgrade to a release from 18.0.0 to '
        f'22.0.0 first; if it is newer, run the release that wrote it.')


def _refuse_unrecorded(engine):
    """Take what is empty, or what our own first step left half done."""
    present = set(sa.inspect(engine or session.engine()).get_table_names())
    ours = sorted(present & set(models.Base.metadata.tables))
    # The table of revisions is made before the first step runs: without it
    # the tables came from elsewhere.
    if ours and 'alembic_version' not in present:
        raise CannotMigrate(
            f'The database has tables ({", ".join(ours)}) but records no '
            f'revision. If it is from release 18.0.0 to 22.0.0, record '
            f'that with "magnum-db-manage stamp c0f832afc4fd" first.')


def _config(engine=None):
    config = alembic_config.Config()
    location = pathlib.Path(__file__).with_name('migrations')
    config.set_main_option('script_location',
                           str(location).replace('%', '%%'))
    config.attributes['engine'] = engine
    return config


def _scripts():
    return script.ScriptDirectory.from_config(_config())


def _run(function, engine, *args, **kwargs):
    try:
        function(_config(engine), *args, **kwargs)
    except util.CommandError as e:
        raise CannotMigrate(str(e)) from e
