# SPDX-License-Identifier: Apache-2.0
"""Tables of labels: what they refuse, and what is made of them."""

import importlib
import pathlib
import re

import jsonschema
import pytest

from magnum.drivers.k8s_kubeadm_v1 import labels as kubeadm
from magnum.drivers import labels
from magnum import errors

DOC = pathlib.Path(__file__).parents[4] / 'doc'

TABLE = labels.table(
    labels.Label('size', labels.number(2, 30), 4, 'How many.'),
    labels.Label('mode', labels.choice('a', 'b'), 'a', 'Which.'),
    labels.Label('on', labels.BOOLEAN, True, 'Whether.'),
    labels.Label('tag', labels.WORD, None, 'Version.', 'the newest'),
    labels.Label('nets', labels.NETWORKS, (), 'Where.'))

# Values as clients send them: text as it comes from a shell, booleans and
# numbers as JSON, both as Python and Go write them, and nothing.
SENT = ('', ' ', 'True', 'true', 'TRUE', 'False', 'false', '1', '0', 'yes',
        'maybe', True, False, 0, 1, 2, 24, 31, -1, 1.5, '24', '007', '-1',
        '31', '1.5', '9' * 10, 'a', 'b', 'A', 'vxlan', 'VXLAN', 'udp',
        'ROUND_ROBIN', 'round_robin', 'v1.31.4', '1.31.4',
        'v1.31.4-rancher1', 'v1.31', 'latest', '10.0.0.0/24', '10.0.0.0',
        '10.0.0.0/255.255.255.0', '10.0.0.0/24,fd00::/64', 'fd00::/64',
        'a b', 'a,b', 'a, b', "a'b", 'a/b:c', '--v=2', ' --v=2 --x ', '--v',
        '-v', 'v=2', '--v="2"', '--v=2;', 'ä')


def accepts(table, name, value):
    try:
        labels.check(table, {name: str(value)})
    except errors.InvalidParameter:
        return False
    return True


@pytest.mark.parametrize(('given', 'value'), [
    ({}, {'size': 4, 'mode': 'a', 'on': True, 'tag': None, 'nets': ()}),
    ({'size': '', 'on': ' '}, {'size': 4, 'on': True}),
    ({'size': ' 30 ', 'mode': 'b', 'on': 'False', 'tag': 'v1', 'other': '?'},
     {'size': 30, 'mode': 'b', 'on': False, 'tag': 'v1'}),
    ({'nets': '10.0.0.0/8, ,fd00::/64'},
     {'nets': ['10.0.0.0/8', 'fd00::/64']})])
def test_values_are_read(given, value):
    found = labels.read(TABLE, given)
    assert set(found) == set(TABLE)
    assert {name: found[name] for name in value} == value


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    ('size', '1', 'a whole number from 2 to 30'),
    ('size', '31', 'a whole number from 2 to 30'),
    ('size', 'x' * 5000, 'a whole number from 2 to 30'),
    ('mode', 'c', 'a or b'), ('on', 'maybe', 'true or false'),
    ('tag', 'a b', 'letters, digits'),
    ('nets', '10.0.0.1/8', 'with commas (10.0.0.1/8 has host bits set)')])
def test_a_refusal_names_label_value_and_what_is_allowed(name, value,
                                                         expected):
    for act in (labels.read, labels.check):
        with pytest.raises(errors.InvalidParameter) as refusal:
            act(TABLE, {name: value})
        assert refusal.value.field == 'labels'
        for word in (f'label {name} ', value[:70], expected):
            assert word in str(refusal.value)
        assert len(str(refusal.value)) < 300


def test_unknown_labels_are_named_where_there_is_a_table():
    assert not list(labels.unused({}, {'typo': '1'}))
    first, second = labels.unused(TABLE, {'z' * 300: '', 'size': '', 'a': ''})
    assert 'Label a is kept' in first
    assert 'zzz...' in second and len(second) < 200


@pytest.mark.parametrize('table', [TABLE, kubeadm.LABELS])
def test_defaults_are_values_of_their_labels(table):
    texts = labels.defaults(table)
    own = labels.read(table, {})
    assert {name: labels.as_text(own[name]) for name in texts} == texts
    for name, value in labels.read(table, {}, texts).items():
        assert labels.as_text(value) == labels.as_text(own[name])
    given = {'size': '5', 'nets': ''}
    assert labels.read(TABLE, given, {'size': '9', 'mode': 'b'}) == {
        **labels.read(TABLE, {}), 'size': 5, 'mode': 'b'}


@pytest.mark.parametrize('table', [TABLE, kubeadm.LABELS])
def test_the_schema_is_one_and_fits_the_defaults(table):
    schema = labels.schema(table)
    jsonschema.Draft202012Validator.check_schema(schema)
    values = {name: row['default']
              for name, row in schema['properties'].items()
              if 'default' in row}
    jsonschema.Draft202012Validator(schema).validate(values)
    assert all(isinstance(values[name], type(label.default))
               for name, label in table.items()
               if isinstance(label.default, bool | int))


# Of these a text may fit the shape and still be no network, or lie outside
# the range.
LOOSE = {'network', 'networks', 'number', 'words'}


@pytest.mark.parametrize('name', [*TABLE, *kubeadm.LABELS])
def test_the_schema_accepts_what_is_accepted(name):
    table = TABLE if name in TABLE else kubeadm.LABELS
    validator = jsonschema.Draft202012Validator(labels.schema(table))
    loose = table[name].kind.name in LOOSE
    for value in SENT:
        fits = validator.is_valid({name: value})
        if accepts(table, name, value) and (
                isinstance(value, str) and value == value.strip()):
            assert fits, value
        elif fits and not (loose and isinstance(value, str)):
            assert accepts(table, name, value), value


@pytest.mark.parametrize('name', kubeadm.LABELS)
def test_each_help_stands_alone(name):
    label = kubeadm.LABELS[name]
    assert re.fullmatch(r'[A-Z].{10,}\.', label.help)
    # It is read beside no other.
    assert not re.search(r'\b(its|that one|these|above|below|same|likewise)\b',
                         label.help.lower())
    assert (label.default is None) <= bool(label.otherwise)
    assert re.fullmatch(r'\d+\.0\.0', label.since)


def test_the_page_in_the_documentation_is_this_table(monkeypatch):
    monkeypatch.syspath_prepend(DOC / 'ext')
    page = importlib.import_module('label_page')
    path = DOC / 'source/user/labels.rst'
    assert path.read_text().splitlines() == list(page.page()), (
        'python doc/ext/label_page.py >doc/source/user/labels.rst')
