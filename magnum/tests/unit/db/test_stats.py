# SPDX-License-Identifier: Apache-2.0
"""Counting the clusters and nodes of a project reads no others."""

import pytest
import sqlalchemy as sa

from magnum.db import clusters
from magnum.db import session as db
from magnum.tests import factories


@pytest.fixture
def rows(database):
    for project in 'ppq':
        cluster = factories.cluster(project_id=project)
        factories.store(cluster, *factories.nodegroups(cluster),
                        factories.nodegroup(cluster, node_count=4))
    # Of a cluster that was deleted behind this service's back.
    factories.store(factories.nodegroup(factories.cluster()))


def test_clusters_and_nodes_are_counted(rows):
    assert db.read(clusters.stats) == (3, 18)
    assert db.read(clusters.stats, 'p') == (2, 12)
    assert db.read(clusters.stats, 'none') == (0, 0)


def test_rows_of_other_projects_are_not_read(sqlite_database):
    statements = []

    def note(connection, cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    sa.event.listen(db.engine(), 'before_cursor_execute', note)
    try:
        db.read(clusters.stats, 'p')
    finally:
        sa.event.remove(db.engine(), 'before_cursor_execute', note)
    [(statement, parameters)] = [
        pair for pair in statements if 'count(' in pair[0]]
    with db.engine().connect() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(
            f'EXPLAIN QUERY PLAN {statement}', parameters)]
    assert not [step for step in plan if step.startswith('SCAN')
                and 'CONSTANT' not in step], plan
