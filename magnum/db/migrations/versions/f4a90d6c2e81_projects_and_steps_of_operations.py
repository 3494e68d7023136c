# SPDX-License-Identifier: Apache-2.0
"""Add whose cluster an operation is about, and which steps are over

Only columns that may be NULL, so that conductors and APIs of the release
before can go on reading and writing the table during a rolling upgrade.  NULL
in `cluster_project_id` is the project of whoever asked.
"""

from alembic import op
import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'f4a90d6c2e81'
down_revision = 'f41b7d92c6e0'


def upgrade():
    repeatable.add_columns(
        'operation',
        sa.Column('cluster_project_id', sa.String(255)),
        sa.Column('history', sa.Text))
    lacking = ('cluster_project_id IS NULL AND EXISTS (SELECT 1 FROM cluster'
               ' WHERE cluster.uuid = operation.cluster_uuid'
               ' AND cluster.project_id IS NOT NULL)')
    if op.get_bind().exec_driver_sql(
            f'SELECT id FROM operation WHERE {lacking}').first():
        op.execute(
            'UPDATE operation SET cluster_project_id ='
            ' (SELECT cluster.project_id FROM cluster'
            ' WHERE cluster.uuid = operation.cluster_uuid)'
            f' WHERE {lacking}')
