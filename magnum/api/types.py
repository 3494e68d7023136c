# SPDX-License-Identifier: Apache-2.0
"""What a body may hold: WSME types, read and written strictly.

A resource is a WSME type with an `Attribute` for each of its keys.  The types
are the single truth of the API's schema: requests are checked by them,
patches are, answers are built from them, and the published description of
the API is made from them.

A datatype's `validate` takes what JSON gave and returns the value as it is
stored, or raises ValueError with the rest of a sentence that begins with the
attribute's name.  Numbers and flags may come as text, because web forms send
nothing else; null is handled by the attribute.
"""

import datetime
import json
import re
import uuid

from wsme import types as wtypes

from magnum import errors
from magnum import node_text

MAX_INTEGER = 2 ** 31 - 1

TRUE = ('1', 't', 'true', 'on', 'y', 'yes')
FALSE = ('0', 'f', 'false', 'off', 'n', 'no')

# Long enough for lists of flags or networks.  The labels of a template and of
# a cluster, merged, fit into the column of 64 kB.
LONGEST_LABEL_KEY, LONGEST_LABEL, LONGEST_LABELS = 255, 4096, 32000

NAME = r'[a-zA-Z][a-zA-Z0-9_.-]*'

# How an attribute may be used in the body of a POST.
WRITABLE, IGNORED, READONLY = 'writable', 'ignored', 'readonly'


def _shown(value):
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + '...'


def text(value):
    """`value` if it is text that any database and any client can hold."""
    if not isinstance(value, str):
        raise ValueError(f'must be a string, not {_shown(value)}')
    if '\0' in value or any('\ud800' <= char <= '\udfff' for char in value):
        raise ValueError('holds characters that cannot be stored')
    return value


class Text(wtypes.StringType):
    """A string; `pattern` must match all of it."""

    def validate(self, value):
        text(value)
        if self.min_length and len(value) < self.min_length:
            raise ValueError(
                'must not be empty' if self.min_length == 1 else
                f'must have at least {self.min_length} characters')
        if self.max_length and len(value) > self.max_length:
            raise ValueError(f'must have at most {self.max_length} '
                             f'characters')
        if self.pattern and not self.pattern.fullmatch(value):
            raise ValueError(f'must match {self.pattern.pattern}, unlike '
                             f'{_shown(value)}')
        return value


class NodeText(Text):
    """Text that reaches nodes, under a rule of `node_text`."""

    def __init__(self, rule, min_length=1):
        super().__init__(min_length=min_length, max_length=255,
                         pattern=rule.pattern)
        self.rule = rule

    def validate(self, value):
        if not self.pattern.fullmatch(text(value)):
            raise ValueError(f'must be {self.rule.expected}, not '
                             f'{_shown(value)}')
        return super().validate(value)


class Integer(wtypes.IntegerType):
    """A number without a fraction, or the digits of one."""

    def __init__(self, minimum=0, maximum=MAX_INTEGER):
        super().__init__(minimum, maximum)

    def validate(self, value):
        if isinstance(value, str) and re.fullmatch('[0-9]{1,18}', value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f'must be an integer, not {_shown(value)}')
        if value < self.minimum:
            raise ValueError(f'must be at least {self.minimum}, not '
                             f'{_shown(value)}')
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f'must be at most {self.maximum}, not '
                             f'{_shown(value)}')
        return value


class Boolean(wtypes.UserType):
    """true or false, or a word that says so in any case."""

    basetype = bool
    name = 'boolean'

    def validate(self, value):
        if isinstance(value, bool):
            return value
        if isinstance(value, int | str):
            word = str(value).lower()
            if word in TRUE:
                return True
            if word in FALSE:
                return False
        raise ValueError(f'must be true or false, not {_shown(value)}')


class Enum(wtypes.Enum):
    """One of several words; told in the order they are given here."""

    def __init__(self, *words):
        super().__init__(str, *words)
        self.words = words

    def validate(self, value):
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f'must be one of {", ".join(self.words)}, not '
                             f'{_shown(value)}')
        return value


class Uuid(wtypes.UserType):
    """A uuid; stored in lower case with hyphens."""

    basetype = str
    name = 'uuid'

    def validate(self, value):
        try:
            return str(uuid.UUID(text(value)))
        except ValueError:
            raise ValueError(
                f'must be a uuid, not {_shown(value)}') from None


def _check_labels(labels):
    """`labels` if they are not too long to be stored and read."""
    for key, value in labels.items():
        if len(key) > LONGEST_LABEL_KEY:
            raise ValueError(f'the key {_shown(key)} must have at most '
                             f'{LONGEST_LABEL_KEY} characters')
        if len(value) > LONGEST_LABEL:
            raise ValueError(f'the value of {_shown(key)} must have at most '
                             f'{LONGEST_LABEL} characters')
    size = len(json.dumps(labels))
    if size > LONGEST_LABELS:
        raise ValueError(f'must have at most {LONGEST_LABELS} characters in '
                         f'all, written as JSON, not {size}')
    return labels


class Labels(wtypes.UserType):
    """An object of plain values; all are stored as text, Python's way."""

    basetype = {str: str}
    name = 'labels'

    def validate(self, value):
        if not isinstance(value, dict):
            raise ValueError(f'must be an object, not {_shown(value)}')
        for key, item in value.items():
            if not isinstance(item, str | int | float):
                raise ValueError(f'the value of {_shown(key)} must be a '
                                 f'string, number or boolean, not '
                                 f'{_shown(item)}')
        return _check_labels({text(key): text(str(item))
                              for key, item in value.items()})

    def dump(self, value):
        # Older releases may have stored numbers; clients expect text.
        return {key: item if isinstance(item, str) else str(item)
                for key, item in value.items()}


class StringMap(wtypes.UserType):
    """An object of strings."""

    basetype = {str: str}
    name = 'strings'

    def validate(self, value):
        if not isinstance(value, dict):
            raise ValueError(f'must be an object, not {_shown(value)}')
        return {text(key): text(item) for key, item in value.items()}


class StringLabels(StringMap):
    """Labels, all of them strings."""

    def validate(self, value):
        return _check_labels(super().validate(value))


class StringList(wtypes.UserType):
    """An array of strings."""

    basetype = [str]
    name = 'list'

    def validate(self, value):
        if not isinstance(value, list):
            raise ValueError(f'must be an array, not {_shown(value)}')
        return [text(item) for item in value]


class MapList(wtypes.UserType):
    """An array of objects of strings."""

    basetype = [{str: str}]
    name = 'maps'

    def validate(self, value):
        if not isinstance(value, list):
            raise ValueError(f'must be an array, not {_shown(value)}')
        return [StringMap().validate(item) for item in value]


class NameServers(wtypes.UserType):
    """IP addresses with commas between them; kept as sent."""

    basetype = str
    name = 'nameservers'
    # Whether there may be more than one.
    many = True

    def validate(self, value):
        try:
            node_text.name_servers(text(value))
        except ValueError as e:
            raise ValueError(f'{e}, not {_shown(value)}') from None
        if len(value) > 255:
            raise ValueError('must have at most 255 characters')
        return value


class Time(wtypes.UserType):
    """A moment; stored as naive UTC, told with its offset."""

    basetype = datetime.datetime
    name = 'time'

    def validate(self, value):
        raise ValueError('cannot be set')

    def dump(self, value):
        return value.replace(tzinfo=datetime.UTC).isoformat()


class Nested(wtypes.UserType):
    """A resource, or an array of them, inside of another."""

    basetype = dict
    name = 'nested'

    def __init__(self, kind, many=False):
        self.kind = kind
        self.many = many

    def validate(self, value):
        raise ValueError('cannot be set')


class Anything(wtypes.UserType):
    """Whatever JSON can hold: the value of an attribute of any type."""

    basetype = str
    name = 'anything'

    def validate(self, value):
        raise ValueError('cannot be set')


class Links(wtypes.UserType):
    """Where the resource is found."""

    basetype = [{str: str}]
    name = 'links'

    def validate(self, value):
        raise ValueError('cannot be set')


STRING = Text()
SHORT = Text(min_length=1, max_length=255)
LONG = Text(max_length=255)
WORD = NodeText(node_text.word)
PROXY = NodeText(node_text.proxy)
RESOURCE_NAME = Text(min_length=1, max_length=242, pattern=NAME)
COUNT = Integer()
SIZE = Integer(minimum=1)
# A month.  Some clients count in seconds where these are minutes: so half a
# day of theirs fits, too.
MINUTES = Integer(maximum=43200)
BOOLEAN = Boolean()
UUID = Uuid()
LABELS = Labels()
STRING_MAP = StringMap()
STRINGS = StringList()
TIME = Time()
LINKS = Links()
ANYTHING = Anything()


class Attribute(wtypes.wsattr):
    """One key of a resource.

    :param write: WRITABLE, IGNORED (checked, then dropped) or READONLY.
    :param required: must be in the body of a POST.
    :param default: its value when not given, and after a patch's `remove`.
    :param nullable: null in a body means "not given"; else it is refused.
    :param keeps_null: null is a value of its own, other than the default.
    :param empty_means_unset: the empty string means "not given", too.
    :param removable: a patch may remove it.
    :param patchable: a patch may name it at all.
    :param accepts_text: a patch may give its whole value as text.
    :param optional: it may be absent from responses.
    :param never_null: never null in a response.  Defaults to true for
        attributes that are required or have a default.
    """

    def __init__(self, datatype, write=WRITABLE, required=False, default=None,
                 nullable=True, empty_means_unset=False, removable=True,
                 patchable=True, accepts_text=False, optional=False,
                 never_null=None, keeps_null=False):
        super().__init__(datatype, mandatory=required,
                         readonly=write == READONLY)
        self.kind = datatype
        self.write = write
        self.required = required
        self.initial = default
        self.nullable = nullable
        self.empty_means_unset = empty_means_unset
        self.removable = removable
        self.patchable = patchable
        self.accepts_text = accepts_text
        self.optional = optional
        self.keeps_null = keeps_null
        self.never_null = (required or default is not None
                           if never_null is None else never_null)
        self.dump = getattr(datatype, 'dump', None)

    def read(self, value):
        """The value as stored, of what a body holds."""
        if value is None or (self.empty_means_unset and value == ''):
            if not self.nullable:
                raise errors.InvalidParameter(self.name, 'must not be null.')
            return None if self.keeps_null else self.unset()
        return self.check(value)

    def check(self, value):
        """The value as stored; null is none."""
        try:
            return self.kind.validate(value)
        except ValueError as e:
            raise errors.InvalidParameter(self.name, f'{e}.') from None

    def unset(self):
        """What it is when not given; each time a new map, if it is one."""
        return self.initial() if isinstance(self.initial, type) else (
            self.initial)


class Resource(wtypes.Base):
    """The base of all bodies that are objects."""


class Identity(Resource):
    """What is answered where the work has only begun."""

    uuid = Attribute(UUID, write=READONLY, never_null=True)


def attributes(kind):
    """The attributes of a resource, by name."""
    found = kind.__dict__.get('_by_name')
    if found is None:
        found = {attribute.name: attribute
                 for attribute in wtypes.list_attributes(kind)}
        kind._by_name = found
    return found


def read(kind, document):
    """Every writable attribute of `kind`, from the body of a request.

    :raises InvalidParameter: the body does not fit the type.
    """
    if not isinstance(document, dict):
        raise errors.Invalid('The body of the request must be a JSON object.')
    known = attributes(kind)
    for name, value in document.items():
        attribute = known.get(name)
        if attribute is None:
            raise errors.InvalidParameter(_shown(name), 'unknown attribute.')
        if attribute.write == READONLY:
            raise errors.InvalidParameter(name, 'it cannot be set.')
        if attribute.write == IGNORED and value is not None:
            attribute.check(value)
    values = {}
    for name, attribute in known.items():
        if attribute.write != WRITABLE:
            continue
        if name in document:
            values[name] = attribute.read(document[name])
        else:
            values[name] = attribute.unset()
        if attribute.required and values[name] is None and not (
                attribute.keeps_null and name in document):
            raise errors.InvalidParameter(name, 'it is required.')
    return values


def show(kind, source, only=None, **computed):
    """The representation of a row.

    :param only: the names of a short form.
    :param computed: what is not a column of the row; without these an
        optional attribute is left out.
    """
    shown = {}
    for name, attribute in attributes(kind).items():
        if only is not None and name not in only:
            continue
        if name in computed:
            value = computed[name]
        elif attribute.optional:
            continue
        else:
            value = getattr(source, name)
        if value is not None and attribute.dump is not None:
            value = attribute.dump(value)
        shown[name] = value
    return shown
