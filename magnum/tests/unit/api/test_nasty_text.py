# SPDX-License-Identifier: Apache-2.0
"""What reads a client's text takes a time that its length bounds.

Ten thousand characters of each shape, wherever a regular expression of the
API meets them; one that backtracks badly would take minutes or for ever.
"""

import time

import pytest
import webob

from magnum.api import dispatch
from magnum.api import middleware
from magnum.api import patch
from magnum.api import types
from magnum.api import versions
from magnum import errors

SIZE = 10_000
UNITS = ['a', '-', '.', ' ', '1', '/', '~', '~1', ';', 'q=', '; q', ';q=',
         'a-', 'a.', '. ', '. A', '--a', ', ', '\n', '\t ', '"', '\\"', '(',
         '=,', 'a/b;', '*/*,', '1.', '. \n']
SHAPES = [start + unit * (SIZE // len(unit)) + end
          for unit in UNITS for start in ('', 'a', '/')
          for end in ('', '!', '\0')]


def version(text):
    versions.parse(f'{versions.SERVICE} {text}')


def accept(text):
    dispatch._accepts_json(webob.Request.blank('/', headers={
        'Accept': ''.join(char for char in text if char.isprintable())}))


def told(text):
    middleware.error_response({}, errors.Invalid(text))


def changes(text):
    patch.parse(types.Identity, [
        {'op': 'replace', 'path': f'/{text}', 'value': text}])


READERS = [types.RESOURCE_NAME.validate, types.COUNT.validate,
           types.BOOLEAN.validate, types.UUID.validate,
           types.NameServers().validate, types.STRING.validate, version,
           versions.parse, accept, told, changes, dispatch.find]


@pytest.mark.parametrize('read', READERS)
def test_no_shape_of_text_takes_long(read):
    begun = time.process_time()
    for text in SHAPES:
        try:
            read(text)
        except (ValueError, errors.MagnumError):
            pass
    # It is well below a second for all of them.
    assert time.process_time() - begun < 30
