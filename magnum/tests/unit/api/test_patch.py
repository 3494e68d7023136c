# SPDX-License-Identifier: Apache-2.0

import pytest

from magnum.api import patch
from magnum.api import types
from magnum import errors


class Thing(types.Resource):
    uuid = types.Attribute(types.UUID, write=types.READONLY)
    name = types.Attribute(types.SHORT, removable=False)
    size = types.Attribute(types.SIZE, default=3)
    flag = types.Attribute(types.BOOLEAN, default=True)
    labels = types.Attribute(types.LABELS, default=dict, accepts_text=True)
    fixed = types.Attribute(types.LABELS, patchable=False)
    note = types.Attribute(types.LONG)


def thing():
    return {'name': 'n', 'size': 1, 'flag': False, 'labels': {'a': '1'},
            'fixed': {'x': 'y'}, 'note': None}


def patched(*operations):
    changes = patch.parse(Thing, list(operations))
    return patch.apply(Thing, changes, thing())


def replace(path, value):
    return {'op': 'replace', 'path': path, 'value': value}


def add(path, value):
    return {'op': 'add', 'path': path, 'value': value}


def remove(path):
    return {'op': 'remove', 'path': path}


def test_nothing_asked_is_nothing_changed():
    assert patched() == thing()


@pytest.mark.parametrize('operation', [add, replace])
@pytest.mark.parametrize('value', [7, '7'])
def test_add_and_replace_are_one_and_digits_are_numbers(operation, value):
    assert patched(operation('/size', value)) == {**thing(), 'size': 7}


@pytest.mark.parametrize('value', [
    {'b': True}, '{"b": true}', "{'b': True}", {'b': 'True'}])
def test_a_map_may_come_in_four_ways(value):
    assert patched(replace('/labels', value))['labels'] == {'b': 'True'}


def test_one_key_of_a_map_is_added_replaced_and_removed():
    assert patched(add('/labels/b', 2), add('/labels/a', 'z'),
                   replace('/labels/b', False), add('/labels/c', 'c'),
                   remove('/labels/c'))['labels'] == {'a': 'z', 'b': 'False'}


def test_removing_gives_the_default_or_null():
    assert patched(remove('/size'), remove('/flag'), remove('/labels'),
                   remove('/note')) == {
        'name': 'n', 'size': 3, 'flag': True, 'labels': {},
        'fixed': {'x': 'y'}, 'note': None}


def test_a_remove_may_hold_a_null_value():
    assert patched({**remove('/size'), 'value': None})['size'] == 3


def test_the_document_itself_is_left_alone():
    document = thing()
    patch.apply(Thing, patch.parse(Thing, [add('/labels/b', 'x')]), document)
    assert document == thing()


def test_what_an_older_release_stored_may_stay_as_it_is():
    document = {**thing(), 'size': 0}
    changes = patch.parse(Thing, [replace('/name', 'm')])
    assert patch.apply(Thing, changes, document)['size'] == 0


@pytest.mark.parametrize('operations', [
    {}, 'text', None, 5, [[]], ['x'], [{}], [{'op': 'add'}],
    [{'path': '/name', 'value': 'x'}],
    [{'op': ['add'], 'path': '/name', 'value': 'x'}],
    [{'op': 'test', 'path': '/name', 'value': 'x'}],
    [replace('name', 'x')], [replace('/', 'x')], [replace('', 'x')],
    [replace('/labels/a.b', 'x')], [replace('/name\n', 'x')],
    [replace(5, 'x')], [replace(None, 'x')],
    [replace('/name', None)], [{'op': 'add', 'path': '/name'}],
    [{**replace('/name', 'x'), 'from': '/a'}],
    [replace('/uuid', 'x')], [remove('/links')], [remove('/id')],
    [add('/created_at', 'x')], [replace('/user_id', 'x')],
    [replace('/fixed', {})], [add('/fixed/x', 'y')], [remove('/fixed/x')],
    [remove('/name')]])
def test_what_is_no_patch_is_refused_at_once(operations):
    with pytest.raises(errors.Invalid):
        patch.parse(Thing, operations)


@pytest.mark.parametrize('operation', [
    add('/color', 'red'), add('/color/a', 'red'), replace('/size', 'big'),
    replace('/size', 0), replace('/size', 1.5), replace('/size', [1]),
    replace('/flag', 'maybe'), replace('/name', ''), replace('/name', 'x'
                                                             * 256),
    replace('/labels/z', 'x'), remove('/labels/z'), add('/labels/a/b', 'x'),
    add('/labels/a', {}), add('/name/x', 'y'), add('/note/x', 'y'),
    replace('/labels', 'a=b'), replace('/labels', 'null'),
    replace('/labels', '"a"'), replace('/labels', "['a']"),
    replace('/labels', '{"a": null}'), replace('/labels', '{1: "a"}'),
    replace('/labels', '{"a": ' * 5000), replace('/labels', '(' * 5000),
    replace('/labels', '{"a": "' + 'x' * 100000 + '"}'),
    replace('/labels', "__import__('os')")])
def test_what_does_not_fit_is_refused(operation):
    with pytest.raises(errors.Invalid):
        patched(operation)


def test_the_differences_are_what_really_changed():
    before = thing()
    after = patch.apply(Thing, patch.parse(Thing, [
        replace('/name', 'n'), replace('/size', '1'), add('/note', 'x')]),
        before)
    assert patch.differences(before, after) == {'note'}
