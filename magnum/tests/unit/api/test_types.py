# SPDX-License-Identifier: Apache-2.0

import datetime

import pytest

from magnum.api import clusters
from magnum.api import types
from magnum import errors


class Thing(types.Resource):
    name = types.Attribute(types.RESOURCE_NAME, required=True)
    size = types.Attribute(types.SIZE, default=1)
    public = types.Attribute(types.BOOLEAN, default=False)
    labels = types.Attribute(types.LABELS, default=dict)
    kind = types.Attribute(types.Enum('a', 'b'), default='a', nullable=False)
    note = types.Attribute(types.LONG, empty_means_unset=True)
    state = types.Attribute(types.STRING, write=types.IGNORED)
    made = types.Attribute(types.TIME, write=types.READONLY)
    extra = types.Attribute(types.STRING, write=types.READONLY, optional=True)


def test_what_is_not_given_has_its_default():
    assert types.read(Thing, {'name': 'n'}) == {
        'name': 'n', 'size': 1, 'public': False, 'labels': {}, 'kind': 'a',
        'note': None}


def test_null_means_not_given():
    assert types.read(Thing, {'name': 'n', 'size': None, 'public': None,
                              'labels': None, 'state': None})['size'] == 1


def test_a_default_that_can_change_is_made_each_time():
    first, second = (types.read(Thing, {'name': 'n'}) for _ in range(2))
    assert first['labels'] is not second['labels']


@pytest.mark.parametrize(('given', 'read'), [
    (True, True), (0, False), (1, True), ('YES', True), ('off', False),
    ('True', True), ('f', False)])
def test_flags_come_in_many_words(given, read):
    assert types.BOOLEAN.validate(given) is read


def test_labels_become_text_as_python_writes_it():
    assert types.LABELS.validate({'a': 1, 'b': True, 'c': 1.5, 'd': ''}) == {
        'a': '1', 'b': 'True', 'c': '1.5', 'd': ''}


@pytest.mark.parametrize('document', [
    {'name': 'n', 'size': '0'}, {'name': 'n', 'size': '-1'},
    {'name': 'n', 'size': 1.0}, {'name': 'n', 'size': True},
    {'name': 'n', 'size': 2 ** 31}, {'name': 'n', 'size': '٣'},
    {'name': 'n', 'size': '9' * 5000}, {'name': 'n', 'size': ''},
    {'name': 'n', 'public': 'maybe'}, {'name': 'n', 'public': 2},
    {'name': 'n', 'public': 1.0}, {'name': 'n', 'public': []},
    {'name': 'n', 'labels': []}, {'name': 'n', 'labels': {'a': None}},
    {'name': 'n', 'labels': {'a': '\udcff'}},
    {'name': 'n', 'kind': 'c'}, {'name': 'n', 'kind': None},
    {'name': 'n', 'kind': ['a']}, {'name': 'n', 'note': 'x' * 256},
    {'name': 'n', 'note': 'a\0b'}, {'name': 'n', 'state': 5},
    {'name': 'n', 'made': None}, {'name': 'n', 'color': None},
    {'name': 'n\n'}, {'name': ''}, {'name': 'x' * 243}, {'name': '1a'},
    {'name': None}, {'name': 5}, {}])
def test_what_does_not_fit_names_its_attribute(document):
    with pytest.raises(errors.InvalidParameter) as refusal:
        types.read(Thing, document)
    culprit = next((key for key in document if key != 'name'), 'name')
    assert culprit in refusal.value.field


@pytest.mark.parametrize('document', [[], 'text', 5, None, True])
def test_a_body_is_an_object(document):
    with pytest.raises(errors.Invalid):
        types.read(Thing, document)


def test_empty_text_can_mean_not_given():
    assert types.read(Thing, {'name': 'n', 'note': ''})['note'] is None


def test_a_word_is_one_of_those_named_in_their_order():
    with pytest.raises(ValueError, match='one of a, b, not'):
        types.Enum('a', 'b').validate('z')


@pytest.mark.parametrize('value', ['8.8.8.8', '8.8.8.8,1.1.1.1', '8.8.8.8 , '
                                   '1.1.1.1', '2001:db8::1'])
def test_name_servers_are_kept_as_sent(value):
    assert types.NameServers().validate(value) == value


@pytest.mark.parametrize('value', ['', 'x', '2001:db8::g', '8.8.8.8,', '8'])
def test_name_servers_are_addresses(value):
    with pytest.raises(ValueError):
        types.NameServers().validate(value)


def test_an_answer_has_all_attributes_but_the_optional():
    class Row:
        name, size, public, kind = 'n', 1, True, 'a'
        note = state = None
        labels = {'old': 7}
        made = datetime.datetime(2026, 1, 31, 9, 32, 42)

    assert types.show(Thing, Row, note='computed') == {
        'name': 'n', 'size': 1, 'public': True, 'kind': 'a', 'state': None,
        'note': 'computed', 'labels': {'old': '7'},
        'made': '2026-01-31T09:32:42+00:00'}
    assert types.show(Thing, Row, {'name', 'extra'}, extra='e') == {
        'name': 'n', 'extra': 'e'}


def test_a_cluster_without_a_timeout_has_60_minutes_and_null_stays_null():
    given = {'cluster_template_id': 't'}
    assert types.read(clusters.Cluster, given)['create_timeout'] == 60
    given['create_timeout'] = None
    assert types.read(clusters.Cluster, given)['create_timeout'] is None
