# SPDX-License-Identifier: Apache-2.0
"""Labels of the kubeadm driver: whatever is in them, reading ends at once."""

import time

import pytest

from magnum.drivers.k8s_kubeadm_v1 import labels
from magnum import errors

LENGTH = 10000

# Shapes on which a careless pattern or parser takes for ever.
NASTY = ('--a', '--a--a=', '--a ', '--a\t', '-', '--a=', '=', ' ', '\n', ',',
         '1', '1.', 'v1.', '.', '1.1.1.1/', '10.0.0.0/8,', '::', ':', 'a',
         'a,', 'a, ', '/', '@', '\\', '"', '%', '\u0661', '\u00b2',
         '\U0001f600')
ENDS = ('', '!', ' ', '\n', '$', '--a', '\x07')

FLAGS = ('kubelet_options', 'kubeapi_options', 'kubecontroller_options',
         'kubescheduler_options', 'kubeproxy_options')


@pytest.mark.parametrize('name', labels.LABELS)
def test_no_label_takes_long_to_read(name):
    # 200 texts, where one alone once took more than the age of the universe.
    begin = time.process_time()
    for shape in NASTY:
        for end in ENDS:
            value = (shape * LENGTH)[:LENGTH] + end
            try:
                labels.read({name: value})
            except errors.InvalidParameter as e:
                assert len(str(e)) < 500
    assert time.process_time() - begin < 20


@pytest.mark.parametrize('name', FLAGS)
def test_flags_are_read_one_by_one(name):
    assert labels.read({name: ' --v=2\n --max-pods=50 --x '})[name] == (
        '--v=2 --max-pods=50 --x')


@pytest.mark.parametrize('value', [
    '--a' * 40 + '!', '-v=2', 'v=2', '--', '--=2', '---v', '--v="2"',
    "--v='2'", '--v=$(id)', '--v=`id`', '--v=a\\b', '--v=2;\n reboot',
    '--v=\x07', '--v=\u00e4'])
def test_other_text_is_no_flag(value):
    with pytest.raises(errors.InvalidParameter, match='kubelet_options'):
        labels.read({'kubelet_options': value})
