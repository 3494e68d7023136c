# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the functional tests."""

from magnum.tests import wsgi

api = wsgi.api
