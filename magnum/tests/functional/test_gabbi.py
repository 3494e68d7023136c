# SPDX-License-Identifier: Apache-2.0
"""The HTTP contract, as stories: `gabbits/<resource>/<story>.yaml`.

Each story is one test.  It begins with an empty database and leaves one; it
speaks to the real application, whose surroundings are those of
`magnum.tests.wsgi`.
"""

import pathlib
import unittest
import uuid

from gabbi import handlers
from gabbi import suitemaker
import pytest
import sqlalchemy as sa
import yaml

from magnum.db import models
from magnum.db import session as db
from magnum.tests import told

DIRECTORY = pathlib.Path(__file__).parent / 'gabbits'
STORIES = sorted(DIRECTORY.glob('*/*.yaml'))


class ForbiddenStrings(handlers.base.ResponseHandler):
    """`response_forbidden_strings`: what an answer must not hold."""

    test_key_suffix = 'forbidden_strings'
    test_key_value = []

    def action(self, test, item, value=None):
        test.assertNotIn(item, test.output)


HANDLERS = [*handlers.RESPONSE_HANDLERS, ForbiddenStrings]

LEFT_BEHIND = (models.Cluster, models.NodeGroup, models.ClusterTemplate,
               models.Quota, models.Federation)


def _name(path):
    return str(path.relative_to(DIRECTORY).with_suffix(''))


@pytest.mark.parametrize('path', STORIES, ids=_name)
def test_the_story_goes_as_told(path, api):
    app = told.Listening(api.app, _name(path))
    story = yaml.safe_load(path.read_text())
    suite = suitemaker.test_suite_from_dict(
        unittest.defaultTestLoader, path.stem, story, str(path.parent),
        str(uuid.uuid4()), None, None, lambda: app,
        handlers=[handler() for handler in HANDLERS])
    result = unittest.TestResult()
    suite.run(result)
    broken = result.errors + result.failures + [
        (test, 'succeeded unexpectedly')
        for test in result.unexpectedSuccesses]
    if broken:
        test, trace = broken[0]
        pytest.fail(f'{test.test_data["name"]}\n{trace}', pytrace=False)
    assert not _left_behind(), 'the story must end with an empty database'


def test_the_contract_lists_what_is_served_and_no_more():
    assert {(method, path) for method, path, _ in told.wanted()} == (
        told.offered())


def test_the_stories_tell_all_that_the_contract_lists():
    if {_name(path) for path in STORIES} - set(told.stories):
        pytest.skip('not all stories were told')
    assert not told.missing(), '\n'.join(told.missing())


def _left_behind():
    with db.reader() as session:
        return [model.__tablename__ for model in LEFT_BEHIND
                if session.scalar(sa.select(sa.func.count(model.id)))]
