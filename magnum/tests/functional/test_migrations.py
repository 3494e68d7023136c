# SPDX-License-Identifier: Apache-2.0
"""Databases of all releases that are taken become the models' own.

The files in `tests/unit/db/schemas` are what `mysqldump` and SQLite say of
databases of releases 22.0.0 and 23.0.0.
"""

import pathlib
import re

from alembic import autogenerate
from alembic.runtime import migration
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import schema
from magnum.tests import databases

BASE = 'c0f832afc4fd'
STOCK_23 = 'b3e1cf4a2d5e'
SCHEMAS = pathlib.Path(__file__).parent.parent / 'unit' / 'db' / 'schemas'
TRUST = {'trust_id', 'trustee_username', 'trustee_user_id',
         'trustee_password'}


@pytest.fixture(params=databases.DIALECTS)
def engine(request, tmp_path):
    """An engine on an empty database, once for each dialect."""
    if reason := databases.why_not(request.param):
        pytest.skip(reason)
    with databases.scratch(request.param, tmp_path) as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        yield engine
        engine.dispose()


@pytest.fixture
def other(engine, tmp_path):
    """A second empty database of the same dialect."""
    with databases.scratch(engine.dialect.name, tmp_path) as url:
        yield sa.create_engine(url, poolclass=sa.NullPool)


def load(engine, release):
    """Make the database what `release` would have left."""
    path = SCHEMAS / f'schema-{release}.{engine.dialect.name}.sql'
    if not path.exists():
        return load_by_chain(engine, release)
    lines = [line for line in path.read_text().splitlines()
             if not line.startswith('--')]
    with engine.begin() as connection:
        for statement in '\n'.join(lines).split(';'):
            if statement.strip():
                connection.exec_driver_sql(statement)


def load_by_chain(engine, release):
    """For PostgreSQL, on which no older release runs."""
    if release == '22.0.0':
        return schema.upgrade(BASE, engine)
    schema.upgrade(STOCK_23, engine)
    drop_trust(engine)


def drop_trust(engine):
    with engine.begin() as connection:
        for name in sorted(TRUST):
            connection.exec_driver_sql(
                f'ALTER TABLE cluster DROP COLUMN {name}')


def differences(engine):
    """What the models have that the database has not, or the reverse."""
    with engine.connect() as connection:
        context = migration.MigrationContext.configure(
            connection, opts={'compare_type': True,
                              'compare_server_default': True})
        return autogenerate.compare_metadata(context,
                                             models.Base.metadata)


def definitions(engine):
    """Each table's own text, as the database tells it."""
    with engine.connect() as connection:
        if engine.dialect.name == 'sqlite':
            rows = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            return {name: re.sub(r'\s+', '', sql).replace('"', '')
                    for name, sql in rows}
        return {name: connection.exec_driver_sql(
                    f'SHOW CREATE TABLE `{name}`').fetchone()[1]
                for name in sa.inspect(connection).get_table_names()}


def shape(engine):
    """Columns in order with NULLs, and the unique keys, on any dialect."""
    inspector = sa.inspect(engine)
    return {name: ([(c['name'], c['nullable'], bool(c['default']))
                    for c in inspector.get_columns(name) if c['name'] != 'id'],
                   sorted((u['name'], u['column_names'])
                          for u in inspector.get_unique_constraints(name)))
            for name in inspector.get_table_names()}


def column_names(engine, table):
    return {c['name'] for c in sa.inspect(engine).get_columns(table)}


def one(engine, statement):
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement).fetchone()


def test_the_first_step_makes_the_schema_of_22_0_0(engine, other):
    schema.upgrade(BASE, engine)
    load(other, '22.0.0')
    assert schema.current(engine) == BASE
    if engine.dialect.name == 'postgresql':
        pytest.skip('no older release ran on PostgreSQL: nothing to compare')
    assert definitions(engine) == definitions(other)


def test_all_dialects_have_the_same_schema_of_22_0_0(engine, tmp_path):
    reference = sa.create_engine(f'sqlite:///{tmp_path}/reference.sqlite')
    load(reference, '22.0.0')
    schema.upgrade(BASE, engine)
    assert shape(engine) == shape(reference)


def test_the_trust_columns_are_all_that_parts_us_from_23_0_0(engine, other):
    schema.upgrade(STOCK_23, engine)
    load(other, '23.0.0')
    ours, theirs = shape(engine), shape(other)
    columns, keys = ours['cluster']
    ours['cluster'] = ([c for c in columns if c[0] not in TRUST], keys)
    assert ours == theirs


@pytest.mark.parametrize('release', [None, '22.0.0', '23.0.0'])
def test_models_and_migrated_schema_agree(engine, release):
    if release:
        load(engine, release)
    schema.upgrade(engine=engine)
    assert differences(engine) == []
    assert schema.current(engine) == schema.head()


def test_an_upgrade_that_has_nothing_to_do_succeeds(engine):
    schema.upgrade(engine=engine)
    before = shape(engine)
    schema.upgrade(engine=engine)
    assert shape(engine) == before


def test_a_cluster_of_22_0_0_keeps_its_trust(engine):
    load(engine, '22.0.0')
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO cluster (uuid, trust_id, trustee_password)"
            " VALUES ('c', 't', 'secret')")
    schema.upgrade(engine=engine)
    assert one(engine, 'SELECT uuid, trust_id, trustee_password'
                       ' FROM cluster') == ('c', 't', 'secret')


def test_a_database_of_23_0_0_gets_its_trust_columns_back(engine):
    load(engine, '23.0.0')
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cluster (uuid) VALUES ('c')")
    schema.upgrade(engine=engine)
    assert one(engine, 'SELECT uuid, trust_id, trustee_user_id'
                       ' FROM cluster') == ('c', None, None)


def test_an_upgrade_to_23_0_0_that_stopped_half_way_is_taken(engine):
    load(engine, '22.0.0')
    drop_trust(engine)
    schema.stamp('d7e6a4d39fe4', engine)
    schema.upgrade(engine=engine)
    assert differences(engine) == []


def test_rows_of_the_base_are_not_rewritten(engine):
    load(engine, '22.0.0')
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO nodegroup (uuid, name, cluster_id, project_id)"
            " VALUES ('n', 'default-worker', 'c', 'p')")
    schema.upgrade(engine=engine)
    assert one(engine, 'SELECT updated_at, labels, node_labels, node_taints'
                       ' FROM nodegroup') == (None, None, None, None)


def insert_operation(engine):
    """A row as the first release with a journal writes it."""
    with engine.begin() as connection:
        connection.execute(sa.text(
            'INSERT INTO operation (uuid, kind, cluster_uuid, args, state,'
            ' cancelled, attempt, lapses, refusals, not_before)'
            " VALUES ('o', 'create_cluster', 'c', '{}', 'ACTIVE', :no, 0, 0,"
            " 0, '2026-11-27 00:00:00')"), {'no': False})


@pytest.mark.parametrize('first', ['upgrade', 'insert'])
def test_operations_of_the_release_before_go_on(engine, first):
    schema.upgrade('9c3b7e12d6a8', engine)
    if first == 'insert':
        insert_operation(engine)
    schema.upgrade(engine=engine)
    if first == 'upgrade':
        insert_operation(engine)
    assert one(engine, 'SELECT uuid, lane, nodegroup_uuid, changes, progress,'
                       ' error_code, timeout_seconds FROM operation'
               ) == ('o', None, None, None, None, None, None)


def test_an_operation_gets_the_project_of_its_cluster(engine):
    schema.upgrade('f41b7d92c6e0', engine)
    insert_operation(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO cluster (uuid, project_id) VALUES ('c', 'p')")
    schema.upgrade(engine=engine)
    assert one(engine, 'SELECT uuid, cluster_project_id, history'
                       ' FROM operation') == ('o', 'p', None)


class Interrupted(Exception):
    pass


def interrupt(engine, at):
    """Fail the `at`-th change of the schema from now on."""
    seen = 0

    def before(connection, cursor, statement, *rest):
        nonlocal seen
        if re.match(r'\s*(CREATE|ALTER|INSERT|UPDATE)', statement):
            seen += 1
            if seen == at:
                raise Interrupted(statement)

    sa.event.listen(engine, 'before_cursor_execute', before)
    return lambda: sa.event.remove(engine, 'before_cursor_execute', before)


@pytest.mark.parametrize('release', [None, '23.0.0'])
def test_an_upgrade_may_be_interrupted_anywhere(engine, release):
    if release:
        load(engine, release)
    # Where each change stays, every try makes one and fails at the second.
    # PostgreSQL undoes the whole step: there every try gets further.
    stays = engine.dialect.name != 'postgresql'
    interruptions = 0
    for at in range(2, 60):
        go_on = interrupt(engine, 2 if stays else at)
        try:
            schema.upgrade(engine=engine)
            break
        except Interrupted:
            interruptions += 1
        finally:
            go_on()
    assert interruptions > 3
    assert schema.current(engine) == schema.head()
    assert differences(engine) == []


def record(engine, *revisions):
    with engine.begin() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)')
        for revision in revisions:
            connection.exec_driver_sql(
                f"INSERT INTO alembic_version VALUES ('{revision}')")


def test_a_release_before_18_is_sent_to_one_that_can_upgrade_it(engine):
    record(engine, '7da8489d6a68')
    with pytest.raises(schema.CannotMigrate) as refusal:
        schema.upgrade(engine=engine)
    assert '13.0.0 to 17.0.2' in str(refusal.value)
    assert '18.0.0 to 22.0.0' in str(refusal.value)
    assert sa.inspect(engine).get_table_names() == ['alembic_version']


def test_an_unknown_revision_is_named_and_refused(engine):
    record(engine, 'feedfeedfeed')
    with pytest.raises(schema.CannotMigrate, match='feedfeedfeed'):
        schema.upgrade(engine=engine)
    assert sa.inspect(engine).get_table_names() == ['alembic_version']


def test_several_revisions_are_named_and_refused(engine):
    record(engine, BASE, STOCK_23)
    with pytest.raises(schema.CannotMigrate, match=f'{STOCK_23}, {BASE}'):
        schema.upgrade(engine=engine)


def test_tables_that_nobody_recorded_are_refused(engine):
    models.Base.metadata.create_all(engine)
    with pytest.raises(schema.CannotMigrate, match=f'stamp {BASE}'):
        schema.upgrade(engine=engine)


def test_a_database_with_a_foreign_revision_can_be_stamped(engine):
    load(engine, '22.0.0')
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE alembic_version SET version_num = 'feedfeedfeed'")
    schema.stamp(BASE, engine)
    assert schema.current(engine) == BASE


def test_an_unknown_target_is_refused(engine):
    with pytest.raises(schema.CannotMigrate, match='feedfeedfeed'):
        schema.upgrade('feedfeedfeed', engine)
    with pytest.raises(schema.CannotMigrate, match='feedfeedfeed'):
        schema.stamp('feedfeedfeed', engine)
