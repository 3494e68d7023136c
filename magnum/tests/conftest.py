# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all tests may ask for."""

from magnum.tests import databases

migrated = databases.migrated
database = databases.database
sqlite_database = databases.sqlite_database
