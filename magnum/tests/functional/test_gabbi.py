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


@pytest.mark.parametrize('path', STORIES, ids=lambda path: str(
    path.relative_to(DIRECTORY).with_suffix('')))
def test_the_story_goes_as_told(path, api, record_property):
    story = yaml.safe_load(path.read_text())
    suite = suitemaker.test_suite_from_dict(
        unittest.defaultTestLoader, path.stem, story, str(path.parent),
        str(uuid.uuid4()), None, None, lambda: api.app,
        handlers=[handler() for handler in HANDLERS])
    result = unittest.TestResult()
    suite.run(result)
    record_property('requests', result.testsRun)
    broken = result.errors + result.failures + [
        (test, 'succeeded unexpectedly')
        for test in result.unexpectedSuccesses]
    if broken:
        test, trace = broken[0]
        pytest.fail(f'{test.test_data["name"]}\n{trace}', pytrace=False)
    assert not _left_behind(), 'the story must end with an empty database'


def _left_behind():
    with db.reader() as session:
        return [model.__tablename__ for model in LEFT_BEHIND
                if session.scalar(sa.select(sa.func.count(model.id)))]
