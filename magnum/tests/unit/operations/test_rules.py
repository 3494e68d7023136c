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
    'kubelet.kubernetes.io/a', 'node.kubernetes.io/a/b',
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
