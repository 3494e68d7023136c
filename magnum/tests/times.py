# SPDX-License-Identifier: Apache-2.0
"""A plug-in of pytest: how long each part of the tests took.

Loaded by `-p magnum.tests.times`, as tools/check does.
"""

import collections

_seconds = collections.Counter()
_tests = collections.Counter()


def pytest_runtest_logreport(report):
    part = report.nodeid.split('/')[2]
    for dialect in ('mysql', 'postgresql'):
        if f'[{dialect}' in report.nodeid:
            part = f'on {dialect}'
    _seconds[part] += report.duration
    _tests[part] += report.when == 'call'


def pytest_terminal_summary(terminalreporter):
    for part, seconds in _seconds.items():
        terminalreporter.write_line(
            f'{part:<14} {_tests[part]:>5} tests {seconds:>7.1f} s')
