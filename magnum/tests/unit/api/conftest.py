# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the API's tests."""

from magnum.tests import wsgi

api = wsgi.api
