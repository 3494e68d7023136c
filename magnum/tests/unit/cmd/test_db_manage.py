# SPDX-License-Identifier: Apache-2.0
"""What magnum-db-manage prints, and how it ends."""

from cryptography import fernet
import pytest
import sqlalchemy as sa

from magnum.cmd import db_manage
from magnum.db import schema
from magnum.db import session


@pytest.fixture
def manage(tmp_path, capsys):
    """Run the command on a database of its own: exit code, output, errors."""
    session.reset()
    (tmp_path / 'magnum.conf').write_text(
        f'[database]\nconnection = sqlite:///{tmp_path}/magnum.sqlite\n')

    def run(*arguments):
        try:
            code = db_manage.main(
                ['--config-file', str(tmp_path / 'magnum.conf'), *arguments])
        except SystemExit as e:
            code = e.code
        return (code, *capsys.readouterr())

    def keys(*values):
        (tmp_path / 'magnum.conf').write_text(
            f'[database]\nconnection = sqlite:///{tmp_path}/magnum.sqlite\n'
            '[keystone_auth]\nusername = magnum\npassword = secret\n'
            '[certificates]\n'
            + ''.join(f'encryption_keys = {value}\n' for value in values))

    run.keys = keys
    run.engine = sa.create_engine(f'sqlite:///{tmp_path}/magnum.sqlite')
    yield run
    session.reset()


def test_an_empty_database_has_no_revision(manage):
    assert manage('version')[:2] == (0, 'Current DB revision is None\n')


def test_upgrade_tells_each_step_on_standard_error(manage):
    code, output, errors = manage('upgrade')
    assert (code, output) == (0, '')
    assert ('INFO  [alembic.runtime.migration] Running upgrade'
            '  -> c0f832afc4fd, Schema of release 22.0.0\n') in errors
    assert manage('version')[1] == (
        f'Current DB revision is {schema.head()}\n')


def test_a_second_upgrade_has_nothing_to_do(manage):
    manage('upgrade')
    code, _, errors = manage('upgrade', 'head')
    assert code == 0
    assert 'Running upgrade' not in errors


def test_upgrade_stops_where_it_is_told_to(manage):
    assert manage('upgrade', 'c0f832afc4fd')[0] == 0
    assert manage('version')[1] == 'Current DB revision is c0f832afc4fd\n'


def test_stamp_records_and_changes_nothing_else(manage):
    assert manage('stamp', 'head')[0] == 0
    assert manage('version')[1] == (
        f'Current DB revision is {schema.head()}\n')
    assert sa.inspect(manage.engine).get_table_names() == ['alembic_version']


@pytest.mark.parametrize('arguments', [(), ('stamp',), ('downgrade', 'x')])
def test_what_it_does_not_understand_is_a_usage_error(manage, arguments):
    code, output, errors = manage(*arguments)
    assert (code, output) == (2, '')
    assert errors.startswith('usage: magnum-db-manage')


@pytest.mark.parametrize('command', ['stamp', 'upgrade'])
def test_an_unknown_revision_is_said_in_a_sentence(manage, command):
    code, _, errors = manage(command, 'feedfeedfeed')
    assert code == 1
    assert 'feedfeedfeed' in errors
    assert 'Traceback' not in errors


def test_a_database_that_is_too_old_is_refused(manage):
    manage('stamp', 'head')
    with manage.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE alembic_version SET version_num = '95096e2334ee'")
    code, _, errors = manage('upgrade')
    assert code == 1
    assert '18.0.0 to 22.0.0' in errors
    assert manage('version')[:2] == (
        0, 'Current DB revision is 95096e2334ee\n')


def test_history_marks_where_the_database_is(manage):
    manage('upgrade', 'b3e1cf4a2d5e')
    lines = manage('history')[1].splitlines()
    assert lines[0].startswith(schema.head())
    assert [line for line in lines if '(current)' in line] == [
        'b3e1cf4a2d5e (current)  Add labels and taints of nodes']
    assert lines[-1] == 'c0f832afc4fd  Schema of release 22.0.0'


def test_a_database_out_of_reach_is_said_in_a_sentence(tmp_path, capsys):
    session.reset()
    (tmp_path / 'magnum.conf').write_text(
        f'[database]\nconnection = sqlite:///{tmp_path}/none/x.sqlite\n')
    assert db_manage.main(['--config-file', str(tmp_path / 'magnum.conf'),
                           'version']) == 1
    assert 'unable to open database file' in capsys.readouterr().err
    session.reset()


def test_a_new_key_is_one(manage):
    code, output, _ = manage('new-key')
    assert code == 0
    assert fernet.Fernet(output.strip())
    assert manage('new-key')[1] != output


def test_reseal_says_when_an_old_key_can_go(manage):
    old, new = (fernet.Fernet.generate_key().decode() for _ in range(2))
    sealed = fernet.Fernet(old).encrypt(b'phrase').decode()
    manage('upgrade')
    with manage.engine.begin() as connection:
        connection.execute(sa.text(
            'INSERT INTO x509keypair (uuid, private_key_passphrase)'
            f" VALUES ('k', 'fernet:{sealed}')"))
    manage.keys(new)
    assert manage('reseal')[0] == 1
    manage.keys(new, old)
    code, output, _ = manage('reseal', '--check')
    assert code == 1
    assert ('x509keypair.private_key_passphrase: 0 encrypted with the first '
            'key, 1 to encrypt again, 0 that no key decrypts\n') in output
    code, output, _ = manage('reseal')
    assert code == 0
    assert '1 encrypted again' in output
    manage.keys(new)
    assert manage('reseal', '--check')[0] == 0


def test_reseal_refuses_what_is_no_key(manage):
    manage('upgrade')
    manage.keys('changeme')
    code, _, errors = manage('reseal')
    assert code == 1
    assert '[certificates] encryption_keys, value 1: ' in errors
