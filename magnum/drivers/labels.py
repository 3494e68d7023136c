# SPDX-License-Identifier: Apache-2.0
"""Labels: what a driver knows of each, and what can be made of such a table.

A driver has one table, name by name (`Driver.labels`).  From it come the
check of what users send, the JSON Schema that the API serves, and the page in
the documentation.

Labels are free text: those that are not in the table are kept and ignored.
An empty value counts as not given.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import ipaddress
import re
from typing import Any

from oslo_utils import strutils

from magnum import errors

SCHEMA = 'https://json-schema.org/draft/2020-12/schema'
OTHERS = {'description': 'Kept, and not used by the driver.',
          'type': ['string', 'number', 'boolean']}


@dataclasses.dataclass(frozen=True)
class Kind:
    """What values a label may have.

    `read` makes a value of text, and raises ValueError where `expected` does
    not describe it.  `schema` is the JSON Schema of what clients may send, the
    empty text among it.

    Whoever may make a cluster chooses the text, so the time that `read` takes
    must not grow faster than it.
    """

    name: str
    expected: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Label:
    """One row of the table.

    `default` None: decided elsewhere, as `otherwise` says.  `mutable`: a
    cluster heeds it after its creation, too.  `since`: the release of this
    service whose driver was the first to know it.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    otherwise: str = ''
    mutable: bool = False
    since: str = '24.0.0'

    @property
    def default_text(self) -> str:
        """What holds where the label is not given, for people."""
        return self.otherwise or as_text(self.default)

    def is_same(self, before: str | None, after: str | None) -> bool:
        """Whether two texts that are given are the same value."""
        try:
            return bool(before and after
                        and self.kind.read(before) == self.kind.read(after))
        except ValueError:
            return False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its values."""
        more = {'x-type': self.kind.name, 'x-mutable': self.mutable,
                'x-since': self.since}
        if self.otherwise:
            text = f'{self.help} Default: {self.otherwise}.'
            return {'description': text, **self.kind.schema, **more}
        native = isinstance(self.default, bool | int)
        return {'description': self.help, **self.kind.schema,
                'default': self.default if native else as_text(self.default),
                **more}


Table = Mapping[str, Label]


def table(*labels: Label) -> Table:
    return {label.name: label for label in labels}


def read(known: Table, labels: Mapping[str, Any],
         defaults: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The value of every label in the table.

    :param defaults: the texts of those that go before the table's own.
    :raises InvalidParameter: a value is not of the label's kind.
    """
    values = {}
    for name, label in known.items():
        given = str(labels.get(name) or '').strip()
        if given:
            values[name] = _value(label, given)
        elif defaults and name in defaults:
            values[name] = _value(label, defaults[name])
        else:
            values[name] = label.default
    return values


def check(known: Table, labels: Mapping[str, Any]) -> None:
    """Refuse what is not of its label's kind.

    :raises InvalidParameter: a value is not.
    """
    for name, value in labels.items():
        given = str(value or '').strip()
        if given and name in known:
            _value(known[name], given)


def unused(known: Collection[str], labels: Collection[str]) -> Iterator[str]:
    """A sentence for each label that is not in the table.

    Where there is no table, nobody can tell.
    """
    if known:
        for name in sorted(set(labels) - set(known)):
            yield (f'Label {_shown(name)} is kept, but the driver does '
                   f'not use it.')


def defaults(known: Table) -> dict[str, str]:
    """The text of every default that is fixed."""
    return {name: as_text(label.default) for name, label in known.items()
            if label.default is not None}


def schema(known: Table) -> dict[str, Any]:
    """The JSON Schema of an object of labels."""
    return {'$schema': SCHEMA, 'type': 'object',
            'properties': {name: label.schema
                           for name, label in known.items()},
            'additionalProperties': OTHERS}


def as_text(value: Any) -> str:
    """A label's value as text, which is read back as the same."""
    if value is None:
        return ''
    return (','.join(map(str, value)) if isinstance(value, list | tuple)
            else str(value))


def _value(label: Label, given: str) -> Any:
    try:
        return label.kind.read(given)
    except ValueError as e:
        why = f' ({e})' if str(e) else ''
        raise errors.InvalidParameter(
            'labels', f'label {label.name} is "{_shown(given)}", expected: '
                      f'{label.kind.expected}{_shown(why, 200)}') from None


def _shown(value: str, length: int = 80) -> str:
    return value if len(value) <= length else value[:length - 3] + '...'


# The kinds.  Patterns are read by Python and by clients' JSON Schema alike.

def pattern(name: str, expected: str, allowed: str,
            read: Callable[[str], Any] = str) -> Kind:
    """Text of one shape."""
    def checked(value: str) -> Any:
        if not re.fullmatch(allowed, value, re.ASCII):
            raise ValueError
        return read(value)

    return Kind(name, expected, checked,
                {'type': 'string', 'pattern': f'^({allowed})?$'})


def number(low: int = 0, high: int = 999_999_999) -> Kind:
    def checked(value: str) -> int:
        if not (re.fullmatch('[0-9]{1,9}', value)
                and low <= int(value) <= high):
            raise ValueError
        return int(value)

    return Kind('number', f'a whole number from {low} to {high}', checked,
                {'type': ['integer', 'string'], 'minimum': low,
                 'maximum': high, 'pattern': '^[0-9]{0,9}$'})


def choice(*words: str) -> Kind:
    def checked(value: str) -> str:
        if value not in words:
            raise ValueError
        return value

    return Kind('choice', ', '.join(words[:-1]) + f' or {words[-1]}', checked,
                {'enum': [*words, '']})


def _boolean(value: str) -> bool:
    try:
        return strutils.bool_from_string(value, strict=True)
    except ValueError:
        raise ValueError from None


def _words() -> Iterator[str]:
    for word in (*strutils.TRUE_STRINGS, *strutils.FALSE_STRINGS):
        yield from dict.fromkeys((word, word.capitalize(), word.upper()))


def _comma_separated(value: str) -> list[str]:
    return [part.strip() for part in value.split(',') if part.strip()]


def _word(value: str) -> str:
    if not re.fullmatch(_WORD, value):
        raise ValueError
    return value


def _cidrs(value: str) -> list[str]:
    return [str(ipaddress.ip_network(part))
            for part in _comma_separated(value)]


def _flags(value: str) -> str:
    # One by one: a pattern of all of them could be read in too many ways.
    given = value.split()
    if not all(_FLAG.fullmatch(flag) for flag in given):
        raise ValueError
    return ' '.join(given)


# Printable, and nothing that a shell would read.
_FLAG_TEXT = r'--[A-Za-z0-9][A-Za-z0-9-]*(=[!#%&(-\[\]-_a-~]*)?'
_FLAG = re.compile(_FLAG_TEXT)
_WORD = r'[A-Za-z0-9._:/@+-]*'

TEXT = Kind('text', 'text', str, {'type': ['string', 'number', 'boolean']})
# Text that ends in a shell's, a template's or a flag's hands.
WORD = pattern('word', 'letters, digits and any of . _ : / @ + -', _WORD)
WORDS = pattern(
    'words', 'words of letters, digits and any of . _ : / @ + -, with commas',
    r'[A-Za-z0-9._:/@+,\s-]*',
    lambda value: ','.join(_word(part.strip()) for part in value.split(',')))
FLAGS = Kind('flags', 'flags such as "--v=2 --max-pods=50", without quotes',
             _flags, {'type': 'string',
                      'pattern': rf'^\s*({_FLAG_TEXT}(\s+|$))*$'})
BOOLEAN = Kind('boolean', 'true or false (or 1, 0, yes, no, on, off, t, f, y '
                          'or n)', _boolean,
               {'enum': [True, False, 1, 0, *_words(), '']})
NETWORK = pattern('network', 'a network such as 10.0.0.0/24',
                  '[0-9.]{7,15}(/[0-9.]{1,15})?',
                  lambda value: str(ipaddress.IPv4Network(value)))
# Python takes any text for the zone of an address.
NETWORKS = pattern('networks', 'networks such as 192.0.2.0/24, with commas',
                   r'[0-9A-Fa-f:./,\s]*', _cidrs)
