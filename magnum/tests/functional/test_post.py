# SPDX-License-Identifier: Apache-2.0
"""How much code and database one POST of a cluster takes.

Whoever wants to know what happens has to read these files and functions.  The
figures may fall, and rise for a reason only.  To see them, and all names:

    .venv/bin/python -m pytest -q -rP magnum/tests/functional/test_post.py

The database is SQLite, which needs an INSERT for each node group; the others
take both in one.  A quarter of the API's functions are the driver's, which
builds the user data to measure it: what is too long is refused at once, not
when Heat has been asked.  Checks and look-ups have files of their own, and so
have the kinds of labels, which all drivers share.
"""

import contextlib
import dataclasses
import pathlib
import sys
import threading

from keystonemiddleware import auth_token
from oslo_config import cfg
import pytest
import sqlalchemy as sa
import webob

import magnum
from magnum.api import app
from magnum.db import session as db
from magnum.tests import conducting
from magnum.tests.fakes import heat
from magnum.tests.fakes import world as worlds
from magnum.tests import wsgi

CONF = cfg.CONF

PRODUCT = pathlib.Path(magnum.__file__).parent
TESTS = PRODUCT / 'tests'

# (files, functions, statements, transactions) at most: those of today, and a
# little room.
API = (48, 186, 10, 2)
WHOLE = (67, 340, 42, 14)

# Sent to no other database.  A transaction's begin counts as such already.
ONLY_SQLITE = ('BEGIN', str(db._WRITE_NOTHING))

# The same when it was first counted, and what was hoped for.
BEFORE = {'API': (30, 142, 18, 4), 'until Heat': (44, 218, 97, 22)}
HOPED = {'API': (25, 100, 8, 2), 'until Heat': (36, 150, 60, None)}


@dataclasses.dataclass
class Account:
    """What ran in a block, and what the database was asked."""

    functions: set = dataclasses.field(default_factory=set)
    statements: list = dataclasses.field(default_factory=list)
    transactions: int = 0
    is_complete: bool = False

    @property
    def files(self):
        return {code.co_filename for code in self.functions}

    @property
    def figures(self):
        return (len(self.files), len(self.functions), len(self.statements),
                self.transactions)

    def __str__(self):
        lines = []
        for path in sorted(self.files):
            names = sorted(code.co_qualname for code in self.functions
                           if code.co_filename == path)
            lines.append(f'  {pathlib.Path(path).relative_to(PRODUCT)}: '
                         f'{len(names)}: {", ".join(names)}')
        lines += [f'  {" ".join(statement.split())[:150]}'
                  for statement in self.statements]
        return '\n'.join(lines)


@contextlib.contextmanager
def counted():
    """Count what is ours, in all threads; functions that have a name."""
    found = Account()

    def call(frame, event, _):
        code = frame.f_code
        if (event == 'call' and not found.is_complete
                and '<' not in code.co_name and _is_ours(code)):
            found.functions.add(code)

    def statement(connection, cursor, text, *_):
        if not found.is_complete and not text.startswith(ONLY_SQLITE):
            found.statements.append(text)

    def began(connection):
        found.transactions += not found.is_complete

    hooks = [(db.engine(), 'before_cursor_execute', statement),
             (db.engine(), 'begin', began)]
    for hook in hooks:
        sa.event.listen(*hook)
    threading.setprofile(call)
    sys.setprofile(call)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        for hook in hooks:
            sa.event.remove(*hook)


def _is_ours(code):
    path = pathlib.Path(code.co_filename)
    return path.is_relative_to(PRODUCT) and not path.is_relative_to(TESTS)


@pytest.fixture
def world(sqlite_database, monkeypatch):
    """The real driver, delegation and certificates; fakes around them."""
    monkeypatch.setattr(auth_token.AuthProtocol, 'fetch_token',
                        lambda self, token, **kwargs: wsgi.token_body(token))
    if not CONF._args:
        CONF([], project='magnum', default_config_files=[],
             default_config_dirs=[])
    with worlds.configured():
        made = worlds.build(monkeypatch)
        made.outside.keystone.admit('member', *wsgi.CALLERS['member'])
        yield made


def post(world):
    application = app.build()

    def send(name):
        request = webob.Request.blank(
            '/v1/clusters', method='POST', headers={
                'X-Auth-Token': 'member',
                'OpenStack-API-Version': 'container-infra latest'},
            json={'name': name, 'cluster_template_id': 't'})
        answer = request.get_response(application)
        assert answer.status_int == 202, answer.text

    # The first request of a process loads and compiles what all others use.
    send('first')
    conducting.work()
    with counted() as found:
        send('second')
    return found


def built(world, monkeypatch):
    """What a conductor does until it asks Heat for the stack."""
    create = heat.Stacks.create

    def ask(stacks, **wish):
        asked.append(wish)
        found.is_complete = True
        return create(stacks, **wish)

    monkeypatch.setattr(heat.Stacks, 'create', ask)
    asked = []
    with counted() as found:
        conducting.run()
    assert asked
    return found


def table(title, figures, most, account):
    print(f'{"":24}{"files":>14}{"functions":>14}{"statements":>14}'
          f'{"transactions":>14}')
    for name, row in ((f'{title}, before', BEFORE[title]),
                      ('hoped for', HOPED[title]), ('now', figures),
                      ('at most', most)):
        print(f'{name:24}' + ''.join(f'{number or "":>14}'
                                     for number in row))
    print(account)


def test_the_figures_of_the_api(world):
    found = post(world)
    table('API', found.figures, API, found)
    assert all(figure <= most for figure, most in zip(
        found.figures, API, strict=True)), found.figures


def test_the_figures_until_heat_is_asked(world, monkeypatch):
    found, more = post(world), built(world, monkeypatch)
    found.functions |= more.functions
    found.statements += more.statements
    found.transactions += more.transactions
    table('until Heat', found.figures, WHOLE, found)
    assert all(figure <= most for figure, most in zip(
        found.figures, WHOLE, strict=True)), found.figures
