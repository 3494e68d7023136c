# SPDX-License-Identifier: Apache-2.0
"""What a nodegroup may be like."""

import pytest

from magnum import errors
from magnum.operations import rules


@pytest.mark.parametrize('counts', [
    (1, 0, None), (0, 0, 0), (3, 3, 3), (9, None, 0), (9, 5, None)])
def test_sizes_within_their_limits_pass(counts):
    rules.check_counts(*counts)


@pytest.mark.parametrize('counts', [
    (1, 2, None), (3, 0, 2), (3, 4, 2), (0, 1, 0)])
def test_sizes_outside_their_limits_are_conflicts(counts):
    with pytest.raises(errors.Conflict):
        rules.check_counts(*counts)


@pytest.mark.parametrize('key', [
    'free', 'kubernetes.io', 'example.org/a', 'notk8s.io/a',
    'kubelet.kubernetes.io/a', 'node.kubernetes.io/a',
    'kubernetes.io/hostname', 'topology.kubernetes.io/zone',
    'failure-domain.beta.kubernetes.io/region', 'beta.kubernetes.io/os'])
def test_free_labels_pass(key):
    rules.check_node_settings('worker', {key: 'x'}, [])


@pytest.mark.parametrize('key', [
    'kubernetes.io/role', 'k8s.io/a', 'a.k8s.io/b', '.k8s.io/b',
    'node-role.kubernetes.io/worker', 'a.node.kubernetes.io/b',
    'topology.kubernetes.io/rack', 'kubernetes.io/arch/x'])
def test_labels_of_kubernetes_are_conflicts(key):
    with pytest.raises(errors.Conflict, match='reserved'):
        rules.check_node_settings('worker', {'free': 'x', key: 'x'}, None)


@pytest.mark.parametrize('taint', [
    {}, {'key': 'a'}, {'key': '', 'effect': 'NoSchedule'},
    {'effect': 'NoSchedule'}, {'key': 'a', 'effect': 'noschedule'},
    {'key': 'a', 'effect': 'NoSchedule', 'more': 'x'}])
def test_taints_that_are_none_are_conflicts(taint):
    with pytest.raises(errors.Conflict):
        rules.check_node_settings('worker', None, [taint])


def test_masters_take_no_settings_but_empty_ones():
    taint = {'key': 'a', 'effect': 'NoExecute'}
    rules.check_node_settings('master', {}, [])
    rules.check_node_settings('worker', {'a': ''}, [taint])
    for settings in (({'a': 'b'}, None), (None, [taint])):
        with pytest.raises(errors.Conflict, match='Masters'):
            rules.check_node_settings('master', *settings)


DOMAIN = '.'.join(['d' * 62] * 4)


@pytest.mark.parametrize('key', [
    'a', 'A.b_c-9', 'k' * 63, f'{DOMAIN}/{"k" * 63}', 'example.org/a'])
@pytest.mark.parametrize('value', ['', 'a', 'A.b_c-9', 'v' * 63])
def test_words_of_kubernetes_pass(key, value):
    rules.check_node_settings('worker', {key: value}, [
        {'key': key, 'value': value, 'effect': 'NoSchedule'}])


@pytest.mark.parametrize(('key', 'value'), [
    *((key, 'x') for key in (
        '', '/a', 'a/', '-a', 'a-', 'a b', 'a,b', 'a=b', 'a\n', 'k' * 64,
        'Example.org/a', f'{"d" * 254}/a', f'{DOMAIN}.x.y/a', 'a..b/c',
        'a/b/c', 'node.kubernetes.io/a/b', 'ü', 'a"', '_/a')),
    *(('a', value) for value in (
        'b,node-role.kubernetes.io/control-plane=x', '-b', 'b.', 'b c',
        'b\n', 'b=c', 'v' * 64, '"', "'", 'a/b', 'ü', 'v' * 10000 + '!'))])
def test_other_words_are_conflicts(key, value):
    with pytest.raises(errors.Conflict, match='node label') as caught:
        rules.check_node_settings('worker', {key: value}, None)
    assert len(str(caught.value)) < 400
    with pytest.raises(errors.Conflict, match='taint'):
        rules.check_node_settings('worker', None, [
            {'key': key, 'value': value, 'effect': 'NoSchedule'}])


def test_there_is_a_limit_and_no_taint_twice():
    twin = {'key': 'a', 'value': 'b', 'effect': 'NoSchedule'}
    with pytest.raises(errors.Conflict, match='same key and effect'):
        rules.check_node_settings('worker', None, [twin, {**twin,
                                                          'value': 'c'}])
    rules.check_node_settings('worker', None, [
        twin, {**twin, 'effect': 'NoExecute'}])
    with pytest.raises(errors.Conflict, match='limited to 64'):
        rules.check_node_settings('worker', {f'k{n}': '' for n in range(65)},
                                  None)
