# SPDX-License-Identifier: Apache-2.0
"""magnum-db-manage: upgrade the database, and renew the keys of secrets."""

import contextlib
import logging
import sys

from cryptography import fernet
from oslo_config import cfg
from oslo_db import exception as db_exception
from sqlalchemy import exc

from magnum import config
from magnum.db import schema
from magnum import errors
from magnum import reseal
from magnum import seals

CONF = cfg.CONF

# So many rows are named, the others only counted.
SHOWN = 5


def _upgrade():
    schema.upgrade(CONF.command.revision)


def _version():
    print(f'Current DB revision is {schema.current()}')


def _stamp():
    schema.stamp(CONF.command.revision)


def _revision():
    schema.write_revision(CONF.command.message, CONF.command.autogenerate)


def _history():
    current = schema.current()
    for revision, title in schema.history():
        mark = ' (current)' if revision == current else ''
        print(f'{revision}{mark}  {title}')


def _new_key():
    print(fernet.Fernet.generate_key().decode())


def _reseal():
    """1 when an old key is still needed, or is missing."""
    seals.check()
    check = CONF.command.check
    is_done = True
    for count in reseal.survey() if check else reseal.run():
        rest = (f'{count.old} to encrypt again' if check
                else f'{count.resealed} encrypted again')
        print(f'{count.column}: {count.current} encrypted with the first key, '
              f'{rest}, {_lost(count.lost)}')
        is_done = is_done and not (count.old or count.lost)
    return 0 if is_done else 1


def _lost(ids):
    shown = ', '.join(map(str, ids[:SHOWN]))
    more = ', ...' if len(ids) > SHOWN else ''
    return (f'{len(ids)} that no key decrypts'
            + (f' (rows {shown}{more})' if ids else ''))


def _add_parsers(subparsers):
    parser = subparsers.add_parser(
        'upgrade', help='create the schema, or bring it to a revision')
    parser.add_argument('revision', nargs='?', default='head')
    parser.set_defaults(function=_upgrade)

    parser = subparsers.add_parser('version', help='print the revision')
    parser.set_defaults(function=_version)

    parser = subparsers.add_parser(
        'stamp', help='record a revision and change nothing else')
    parser.add_argument('revision')
    parser.set_defaults(function=_stamp)

    parser = subparsers.add_parser(
        'history', help='list the revisions, newest first')
    parser.set_defaults(function=_history)

    parser = subparsers.add_parser(
        'new-key', help='print a new key for secrets in the database')
    parser.set_defaults(function=_new_key)

    parser = subparsers.add_parser(
        'reseal', help='encrypt all secrets again with the first key')
    parser.add_argument('--check', action='store_true',
                        help='change nothing; say what an old key is still '
                             'needed for, and exit with 1 if there is any')
    parser.set_defaults(function=_reseal)

    parser = subparsers.add_parser(
        'revision', help='write a new migration (for developers)')
    parser.add_argument('-m', '--message', help='what it does')
    parser.add_argument('--autogenerate', action='store_true',
                        help='fill it in by comparing models and database')
    parser.set_defaults(function=_revision)


COMMAND = cfg.SubCommandOpt('command', title='Commands',
                            handler=_add_parsers)


def main(argv=None):
    CONF.clear()
    CONF.register_cli_opt(COMMAND)
    try:
        config.parse(sys.argv[1:] if argv is None else argv,
                     prog='magnum-db-manage',
                     description='Manage the database of Magnum: its schema, '
                                 'and the keys that encrypt secrets in it.')
        config.setup_logging()
        with _progress_shown():
            return CONF.command.function() or 0
    except (errors.MagnumError, db_exception.DBError,
            exc.SQLAlchemyError) as e:
        print(f'magnum-db-manage: {e}', file=sys.stderr)
        return 1
    finally:
        CONF.clear()
        CONF.unregister_opt(COMMAND)


@contextlib.contextmanager
def _progress_shown():
    """Each step on standard error, in the words deployment tools know."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(
        '%(levelname)-5.5s [%(name)s] %(message)s'))
    logger = logging.getLogger('alembic')
    logger.setLevel(logging.INFO)
    # Otherwise the service's log repeats it on standard error.
    logger.propagate = bool(CONF.log_file or CONF.log_dir)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
