# SPDX-License-Identifier: Apache-2.0
"""The types of bodies and parameters, as JSON Schema (draft 2020-12).

    request_schema(kind)     what a request may hold where the type stands
    response_schema(kind)    what a response holds there
    body(...), patch(...), answer(...)    the same for whole resources

Requests are read more generously than responses are written - digits for a
number, words for a flag - and the schemas say so, each time from the types
that do the reading.
"""

import functools

from magnum.api import patch as patches
from magnum.api import types

# Longer digit strings are rejected.
_MAX_DIGITS = 18
_OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
_ADDRESS = rf'({_OCTET}\.){{3}}{_OCTET}'
_GROUP = '[0-9A-Fa-f]{1,4}'
# All eight groups; or fewer, with the colons at the end, or between others.
_LONG_ADDRESS = '|'.join((
    f'({_GROUP}:){{7}}{_GROUP}', f'::({_GROUP}(:{_GROUP}){{0,6}})?',
    *(f'({_GROUP}:){{{before}}}:({_GROUP}(:{_GROUP}){{0,{6 - before}}})?'
      for before in range(1, 7)), f'({_GROUP}:){{7}}:'))
_ANY_ADDRESS = f' *({_ADDRESS}|{_LONG_ADDRESS}) *'
_ADDRESSES = f'{_ANY_ADDRESS}(,{_ANY_ADDRESS})*'

_STRINGS = {'type': 'object', 'additionalProperties': {'type': 'string'}}

LINK = _STRINGS | {'properties': {'href': {'type': 'string'},
                                  'rel': {'type': 'string'}},
                   'required': ['href', 'rel']}


def reference(name):
    """A schema that stands among the components of the description."""
    return {'$ref': f'#/components/schemas/{name}'}


@functools.singledispatch
def request_schema(kind):
    """What a request may hold where `kind` stands."""
    raise NotImplementedError(f'{kind!r} has no schema.')


@functools.singledispatch
def response_schema(kind):
    """What responses hold where `kind` stands; rows may be older than it."""
    raise NotImplementedError(f'{kind!r} has no schema.')


@request_schema.register
def _(kind: types.Text):
    limits = {'minLength': kind.min_length, 'maxLength': kind.max_length,
              'pattern': kind.pattern and f'^{kind.pattern.pattern}$'}
    return {'type': 'string'} | {
        name: limit for name, limit in limits.items() if limit}


@request_schema.register
def _(kind: types.Integer):
    limits = {'minimum': kind.minimum, 'maximum': kind.maximum}
    number = {'type': 'integer'} | {
        name: limit for name, limit in limits.items() if limit is not None}
    return {'anyOf': [number, {'type': 'string', 'pattern': _digits(
        kind.minimum, kind.maximum)}]}


def _digits(low, high):
    """A pattern of the texts that stand for the numbers from low to high."""
    if high is None:
        high = 10 ** _MAX_DIGITS - 1
    zeros = _MAX_DIGITS - len(str(high))
    return f'^0{{0,{zeros}}}({"|".join(_ranges(low, high))})$'


def _ranges(low, high):
    while low <= high:
        # As many last digits as may be anything, from here on.
        free = 1
        while low % free == 0 and free * 10 <= low and (
                low % (free * 10) == 0) and low + free * 10 - 1 <= high:
            free *= 10
        while low + free - 1 > high:
            free //= 10
        digit = low // free % 10
        last = min(9, digit + (high - low + 1) // free - 1)
        front = low // free // 10
        anything = len(str(free)) - 1
        yield (f'{front or ""}[{digit}-{last}]'
               + (f'[0-9]{{{anything}}}' if anything else ''))
        low += (last - digit + 1) * free


@request_schema.register
def _(kind: types.Boolean):
    words = '|'.join(
        ''.join(f'[{char}{char.upper()}]' if char.isalpha() else char
                for char in word)
        for word in (*types.TRUE, *types.FALSE))
    return {'anyOf': [{'type': 'boolean'},
                      {'type': 'integer', 'enum': [0, 1]},
                      {'type': 'string', 'pattern': f'^({words})$'}]}


@request_schema.register
def _(kind: types.NameServers):
    return {'type': 'string', 'maxLength': 255,
            'pattern': f'^{_ADDRESSES if kind.many else _ADDRESS}$'}


@request_schema.register
def _(kind: types.Labels):
    return _labels('string', 'number', 'boolean')


@request_schema.register
def _(kind: types.StringLabels):
    return _labels('string')


def _labels(*kinds):
    return {'type': 'object',
            'propertyNames': {'maxLength': types.LONGEST_LABEL_KEY},
            'additionalProperties': {'type': list(kinds),
                                     'maxLength': types.LONGEST_LABEL}}


@response_schema.register(types.Text)
@response_schema.register(types.NameServers)
def _(kind):
    return {'type': 'string'}


@response_schema.register
def _(kind: types.Integer):
    return {'type': 'integer'}


@response_schema.register
def _(kind: types.Boolean):
    return {'type': 'boolean'}


@response_schema.register
def _(kind: types.Labels):
    return _STRINGS


@response_schema.register
def _(kind: types.Time):
    return {'type': 'string', 'format': 'date-time'}


@response_schema.register
def _(kind: types.Links):
    return {'type': 'array', 'items': LINK}


@response_schema.register
def _(kind: types.Anything):
    return {'description': 'Of the type that the attribute has.'}


@response_schema.register
def _(kind: types.Nested):
    one = reference(kind.kind.__name__)
    return {'type': 'array', 'items': one} if kind.many else one


@request_schema.register(types.Enum)
@response_schema.register(types.Enum)
def _(kind):
    return {'type': 'string', 'enum': list(kind.words)}


@request_schema.register(types.Uuid)
@response_schema.register(types.Uuid)
def _(kind):
    return {'type': 'string', 'format': 'uuid'}


@request_schema.register(types.StringMap)
@response_schema.register(types.StringMap)
def _(kind):
    return _STRINGS


@request_schema.register(types.StringList)
@response_schema.register(types.StringList)
def _(kind):
    return {'type': 'array', 'items': {'type': 'string'}}


@request_schema.register(types.MapList)
@response_schema.register(types.MapList)
def _(kind):
    return {'type': 'array', 'items': _STRINGS}


def body(resource):
    """The body of a request that gives the attributes of a resource."""
    attributes = {name: attribute for name, attribute
                  in types.attributes(resource).items()
                  if attribute.write != types.READONLY}
    return {
        'type': 'object',
        'properties': {name: _given(attribute)
                       for name, attribute in attributes.items()},
        'required': [name for name, attribute in attributes.items()
                     if attribute.required],
        'additionalProperties': False}


def _given(attribute):
    also = []
    if attribute.empty_means_unset:
        also.append({'type': 'string', 'maxLength': 0})
    needed = attribute.required and attribute.initial is None
    if attribute.nullable and not needed:
        also.append({'type': 'null'})
    schema = request_schema(attribute.kind)
    if also:
        schema = {'anyOf': [*schema.get('anyOf', [schema]), *also]}
    if attribute.write == types.IGNORED:
        return schema | {'description': 'Checked, and then ignored.'}
    if attribute.initial is not None:
        return schema | {'default': attribute.unset()}
    return schema


def patch(resource):
    """The body of a request that changes the attributes of a resource."""
    attributes = {name: attribute for name, attribute
                  in types.attributes(resource).items()
                  if attribute.patchable and name not in patches.UNTOUCHABLE}
    changes = [_change(['add', 'replace'], {'const': f'/{name}'},
                       _replacing(attribute))
               for name, attribute in attributes.items()]
    changes.append(_change(
        ['remove'], {'enum': [f'/{name}' for name, attribute
                              in attributes.items() if attribute.removable]}))
    maps = [name for name, attribute in attributes.items()
            if isinstance(attribute.kind, types.Labels | types.StringMap)]
    if maps:
        below = {'pattern': rf'^/({"|".join(maps)})(/[\w-]+)+$'}
        changes += [_change(['add', 'replace'], below,
                            {'type': ['string', 'number', 'boolean']}),
                    _change(['remove'], below)]
    return {'type': 'array', 'items': {'anyOf': changes}}


def _change(operations, path, value=None):
    return {'type': 'object',
            'properties': {'op': {'enum': operations},
                           'path': {'type': 'string'} | path,
                           # Of a removal it is not looked at.
                           'value': {} if value is None else value},
            'required': ['op', 'path', *(() if value is None else ['value'])],
            'additionalProperties': False}


def _replacing(attribute):
    schema = request_schema(attribute.kind)
    if not attribute.accepts_text:
        return schema
    return {'anyOf': [schema, {
        'type': 'string', 'description': 'The whole value, as JSON text.'}]}


def answer(resource, only=None):
    """What an answer holds of a resource; or the short form of it."""
    attributes = {name: attribute for name, attribute
                  in types.attributes(resource).items()
                  if only is None or name in only}
    return {
        'type': 'object',
        'properties': {
            name: response_schema(attribute.kind) if attribute.never_null
            else _or_null(response_schema(attribute.kind))
            for name, attribute in attributes.items()},
        'required': [name for name, attribute in attributes.items()
                     if not attribute.optional],
        'additionalProperties': False}


def _or_null(schema):
    if 'type' not in schema:
        return schema
    if 'enum' in schema:
        return schema | {'type': [schema['type'], 'null'],
                         'enum': [*schema['enum'], None]}
    return schema | {'type': [schema['type'], 'null']}
