# SPDX-License-Identifier: Apache-2.0
"""JSON patches: what may be asked, and what comes of it.

A body is checked by `parse` before anything is looked up; `apply` gives the
document as it is to be.  A patch applies completely or not at all.

Two generations of clients are served.  Older ones know no value but text, so
that numbers and flags come as words and whole maps as literals, in Python's
notation or JSON's; newer ones send what they mean.  And both use `add` and
`replace` as if they were one, and remove what is not there.
"""

import ast
import copy
import json
import re
from typing import Any
from typing import NamedTuple

from magnum.api import types
from magnum import errors

OPERATIONS = ('add', 'replace', 'remove')

# Nobody changes these, of any resource.
UNTOUCHABLE = frozenset({'created_at', 'id', 'links', 'updated_at', 'uuid',
                         'project_id', 'user_id'})

_PATH = re.compile(r'(/[\w-]+)+')
_MAX_LITERAL = 64 * 1024


class Change(NamedTuple):
    """One operation; `keys` leads from the attribute to what is changed."""

    op: str
    name: str
    keys: tuple[str, ...]
    value: Any

    @property
    def path(self):
        return '/' + '/'.join((self.name, *self.keys))


def parse(kind, document):
    """The changes that the body of a PATCH asks for.

    :raises Invalid: it is no patch, or touches what must not be touched.
    """
    if not isinstance(document, list):
        raise errors.Invalid('The body of the request must be a JSON array '
                             'of operations.')
    return [_change(types.attributes(kind), item) for item in document]


def apply(kind, changes, document):
    """`document` with the changes made, checked against the type.

    Only what is touched is checked, so that a resource of an older release
    can be changed although it would not be accepted today.

    :param document: the attributes as they are, by name.
    :raises Invalid: the patch does not fit the document or the type.
    """
    known = types.attributes(kind)
    result = dict(document)
    for change in changes:
        attribute = known.get(change.name)
        if attribute is None or change.name not in document:
            raise errors.Invalid(f'{change.path} cannot be changed: there is '
                                 f'no such attribute.')
        if change.keys:
            result[change.name] = _nested(change, result[change.name])
        elif change.op == 'remove':
            result[change.name] = attribute.unset()
        else:
            result[change.name] = _whole(attribute, change.value)
    for name in {change.name for change in changes}:
        if result[name] is not None:
            result[name] = known[name].check(result[name])
    return result


def differences(before, after):
    """The names of what a patch has really changed."""
    return {name for name, value in after.items() if before[name] != value}


def _change(known, item):
    if not isinstance(item, dict):
        raise errors.Invalid('Each operation of a patch must be an object.')
    for key in item:
        if key not in ('op', 'path', 'value'):
            raise errors.InvalidParameter(f'patch key {key!r}',
                                          'it is unknown.')
    op, path = item.get('op'), item.get('path')
    if op not in OPERATIONS:
        raise errors.InvalidParameter(
            'op', f'it must be one of {", ".join(OPERATIONS)}.')
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise errors.InvalidParameter(
            'path', f'it must be like /name or /labels/key, not {path!r}.')
    if op != 'remove' and item.get('value') is None:
        raise errors.InvalidParameter(
            'value', f'operation {op} of {path} needs one that is not null.')
    name, *keys = path[1:].split('/')
    attribute = known.get(name)
    if name in UNTOUCHABLE or (attribute and not attribute.patchable):
        raise errors.Invalid(f'{path} cannot be changed.')
    if op == 'remove' and not keys and attribute and not attribute.removable:
        raise errors.Invalid(f'{path} cannot be removed.')
    return Change(op, name, tuple(keys), item.get('value'))


def _whole(attribute, value):
    if not attribute.accepts_text or not isinstance(value, str):
        return value
    if len(value) <= _MAX_LITERAL:
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(value)
            except (ValueError, SyntaxError, TypeError, MemoryError,
                    RecursionError):
                continue
            if isinstance(found, dict | list):
                return found
    raise errors.InvalidParameter(
        attribute.name, 'it must be a map or list, written in JSON.')


def _nested(change, value):
    """A copy of `value` with what lies deeper in it changed."""
    result = copy.deepcopy(value)
    parent = result
    for key in change.keys[:-1]:
        parent = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        raise errors.Invalid(f'{change.path} does not exist: it cannot be '
                             f'changed.')
    last = change.keys[-1]
    if change.op != 'add' and last not in parent:
        raise errors.Invalid(f'{change.path} does not exist: it cannot be '
                             f'{change.op}d.')
    if change.op == 'remove':
        del parent[last]
    else:
        parent[last] = change.value
    return result
