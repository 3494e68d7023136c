# SPDX-License-Identifier: Apache-2.0
"""The database engine, and units of work on it.

    with session.reader() as s: ...      no write, nothing to commit
    with session.writer() as s: ...      commits at the end, or rolls back

A whole unit of work that may be repeated is a function decorated with
`retried`: deadlocks (Galera's certification failures are ones) and lost
connections then cost a repeat instead of an error.  Where it is one function
of `magnum.db`, there is a short form:

    row = session.read(clusters.find, context, ident)
    session.write(quotas.delete, project_id, resource)
"""

import contextlib
import functools
import os
import re
import threading

from oslo_config import cfg
from oslo_db import api as db_api
from oslo_db import exception as db_exc
from oslo_db import options as db_options
from oslo_db.sqlalchemy import enginefacade
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc
from sqlalchemy import orm

import magnum
from magnum import errors

CONF = cfg.CONF

STATE_OPTS = [
    # Old files say $pybasedir in the values of other options.
    cfg.StrOpt('pybasedir', default=os.path.dirname(magnum.__file__),
               sample_default='<directory of the installed package>',
               help='Directory of the installed package. The values of other '
                    'options may refer to it, as $pybasedir.'),
    cfg.StrOpt('state_path', default='/var/lib/magnum',
               help='Directory of the default SQLite database.'),
]

CONF.register_opts(STATE_OPTS)
db_options.set_defaults(CONF, connection='sqlite:///$state_path/magnum.sqlite')


class PoolExhausted(db_exc.DBError):
    """All connections of this process were in use for too long."""


# The database does not answer, or not this process.
UNREACHABLE = (db_exc.DBConnectionError, PoolExhausted)

_WRITE_NOTHING = sa.text('DELETE FROM alembic_version WHERE 0')

# psycopg2 sends values as part of the statement, a line of which PostgreSQL
# puts into its message.
_QUOTATION = re.compile(r'(?<=\n)LINE \d+: .*', re.DOTALL)

_lock = threading.Lock()
_maker = None
_expected = 0
_patient = False

# Of connections that a firewall swallows: the kernel alone would wait for a
# quarter of an hour.  Reading takes longer than MariaDB's own wait for a lock,
# which is 50 s.
_TIME_LIMITS = {
    'pymysql': {'connect_timeout': 10, 'read_timeout': 60,
                'write_timeout': 60},
    'mysqldb': {'connect_timeout': 10, 'read_timeout': 60,
                'write_timeout': 60},
    'psycopg2': {'connect_timeout': 10, 'keepalives_idle': 15,
                 'keepalives_interval': 5, 'keepalives_count': 3,
                 'tcp_user_timeout': 30000}}
_FOR_STATEMENTS = ('read_timeout', 'write_timeout')


def _sessions():
    global _maker
    with _lock:
        if _maker is None:
            facade = enginefacade.transaction_context()
            # The API's threads are real ones: nobody waits for us to yield.
            facade.configure(
                **{**dict(CONF.database), **_pool(),
                   'connection_parameters': _parameters()},
                thread_checkin=False)
            engine = facade.writer.get_engine()
            # What a statement that fails, or is traced, was given is in many
            # cases secret; neither the log nor an exception may have it.
            engine.hide_parameters = True
            _maker = orm.sessionmaker(engine, expire_on_commit=False)
    return _maker


# Of all engines, because only then it comes before oslo.db, which logs errors
# and makes its own of their messages.
@sa.event.listens_for(sa.Engine, 'handle_error')
def _hide_statement(context):
    """Cut off what PostgreSQL quotes of a statement, values included."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        text, *rest = getattr(error, 'args', None) or (None,)
        if isinstance(text, str):
            error.args = (_QUOTATION.sub('', text), *rest)


def expect_connections(number):
    """Say how many threads of this process may use the database at once.

    Counts for an engine that is made later.
    """
    global _expected
    with _lock:
        _expected = number


def _pool():
    """Room for all that are expected, unless the operator has given more."""
    size = CONF.database.max_pool_size
    # 0 and -1 stand for "without limit"; None for the library's own.
    size = 5 if size is None else size
    overflow = CONF.database.max_overflow
    if not size or overflow == -1:
        return {}
    return {'max_pool_size': size,
            'max_overflow': max(overflow or 0, _expected - size)}


def _parameters():
    """The parameters of connections, with time limits where none are set."""
    given = CONF.database.connection_parameters
    url = sa.make_url(CONF.database.connection)
    known = url.update_query_string(given, append=True).query
    limits = _TIME_LIMITS.get(url.get_dialect().driver, {})
    if _patient:
        limits = {key: value for key, value in limits.items()
                  if key not in _FOR_STATEMENTS}
    more = [f'{key}={value}' for key, value in limits.items()
            if key not in known]
    return '&'.join([given, *more] if given else more)


def be_patient():
    """Let statements of this process take as long as they need."""
    global _patient
    if not _patient:
        _patient = True
        reset()


def fail_at_once():
    """Do not wait for a database that is away, and do not make others wait.

    The library would hold whoever connects first, and all threads behind it,
    for [database] max_retries times ten seconds.
    """
    CONF.set_override('max_retries', 0, group='database')


def check_address():
    """Refuse an address that this process could never connect to.

    :raises InfrastructureFailed: in one line, without the password.
    """
    where = '[database] connection'
    try:
        url = sa.make_url(CONF.database.connection)
    except sa_exc.ArgumentError:
        raise errors.InfrastructureFailed(
            f'{where} is no address of a database.') from None
    try:
        url.get_dialect().import_dbapi()
    except sa_exc.NoSuchModuleError:
        raise errors.InfrastructureFailed(
            f'{where}: there is no such kind of database as '
            f'{url.drivername}.') from None
    except ImportError as e:
        raise errors.InfrastructureFailed(
            f'{where}: {url.drivername} needs the Python module {e.name}, '
            f'which is not installed.') from None


def engine():
    return _sessions().kw['bind']


def reset():
    """Forget the engine, as after a fork or between tests."""
    global _maker
    with _lock:
        if _maker is not None:
            _maker.kw['bind'].dispose()
        _maker = None


@contextlib.contextmanager
def _translated():
    """Turn what oslo.db passes on unchanged into errors of the database."""
    try:
        yield
    except sa_exc.TimeoutError as e:
        raise PoolExhausted(e) from e
    except sa_exc.OperationalError as e:
        if e.statement is not None:
            raise
        # It happened while connecting, such as psycopg2's "timeout expired".
        raise db_exc.DBConnectionError(e) from e


@contextlib.contextmanager
def reader():
    # A transaction that is begun before the session is ends once; a session's
    # own is rolled back by the session and again by the pool.
    with _translated(), engine().connect() as connection:
        connection.begin()
        with _sessions()(bind=connection,
                         join_transaction_mode='rollback_only') as session:
            yield session


@contextlib.contextmanager
def writer(begins_with_write=False):
    """A session that commits at the end, or rolls back.

    :param begins_with_write: the caller reads nothing before it has written.
    """
    with _translated(), _sessions().begin() as session:
        if (session.get_bind().dialect.name == 'sqlite'
                and not begins_with_write):
            # It cannot turn a reader into a writer while there is another:
            # be one from the start, by a write of nothing.
            session.execute(_WRITE_NOTHING)
        yield session


def retried(function, also_lost=True):
    """Repeat a unit of work that met a deadlock or lost its connection."""
    return functools.wraps(function)(
        db_api.wrap_db_retry(max_retries=8, retry_interval=0.05,
                             inc_retry_interval=True, max_retry_interval=2,
                             jitter=True, retry_on_deadlock=True,
                             retry_on_disconnect=also_lost)(function))


def undeadlocked(function):
    """Repeat a unit of work that met a deadlock.

    For those who come again by themselves when the database is away.
    """
    return retried(function, also_lost=False)


@retried
def read(query, *arguments, **named):
    """What a function makes of a session to read with; it may be repeated."""
    with reader() as session:
        return query(session, *arguments, **named)


@retried
def write(change, *arguments, **named):
    """What a function returns that changes rows; it may be repeated."""
    with writer() as session:
        return change(session, *arguments, **named)
