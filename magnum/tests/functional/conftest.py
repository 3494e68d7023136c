# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the functional tests."""

from magnum.tests import told
from magnum.tests import wsgi

api = wsgi.api
api_anywhere = wsgi.api_anywhere


def pytest_terminal_summary(terminalreporter):
    if told.stories:
        terminalreporter.write_line(told.summary())
