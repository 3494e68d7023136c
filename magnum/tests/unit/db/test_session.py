# SPDX-License-Identifier: Apache-2.0
"""How the database is reached."""

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.db import session

CONF = cfg.CONF


@pytest.fixture
def parameters(monkeypatch):
    """A function: the parameters for a URL and what the operator added."""
    def of(url, given='', patient=False):
        monkeypatch.setattr(session, '_patient', patient)
        CONF.set_override('connection', url, group='database')
        CONF.set_override('connection_parameters', given, group='database')
        return session._parameters()

    yield of
    CONF.clear_override('connection', group='database')
    CONF.clear_override('connection_parameters', group='database')


@pytest.mark.parametrize('url, given, patient, expected', [
    ('mysql+pymysql://u:p@h/m?charset=utf8', '', False,
     'connect_timeout=10&read_timeout=60&write_timeout=60'),
    ('mysql+pymysql://u:p@h/m?read_timeout=7', '', False,
     'connect_timeout=10&write_timeout=60'),
    ('mysql+pymysql://u:p@h/m', 'read_timeout=7&connect_timeout=3', False,
     'read_timeout=7&connect_timeout=3&write_timeout=60'),
    ('mysql+pymysql://u:p@h/m', '', True, 'connect_timeout=10'),
    ('postgresql+psycopg2://u:p@h/m', '', False,
     'connect_timeout=10&keepalives_idle=15&keepalives_interval=5'
     '&keepalives_count=3&tcp_user_timeout=30000'),
    ('sqlite:////tmp/m.sqlite', '', False, '')])
def test_connections_have_time_limits_unless_the_operator_sets_some(
        parameters, url, given, patient, expected):
    assert parameters(url, given, patient) == expected


def test_the_limits_are_understood_by_the_database(database):
    with session.reader() as reader:
        assert reader.connection().exec_driver_sql('SELECT 1').scalar() == 1


@pytest.mark.parametrize('unit_of_work', [session.reader, session.writer])
def test_a_connection_that_cannot_be_made_is_one_that_was_lost(
        database, unit_of_work):
    """psycopg2 has words for a time-out that oslo.db does not know."""
    engine = session.engine()

    def fail(dialect, record, arguments, named):
        raise dialect.loaded_dbapi.OperationalError('timeout expired')

    engine.dispose()
    sa.event.listen(engine, 'do_connect', fail)
    with pytest.raises(session.UNREACHABLE):
        with unit_of_work() as opened:
            opened.execute(sa.text('SELECT 1'))
