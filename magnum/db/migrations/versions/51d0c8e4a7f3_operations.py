# SPDX-License-Identifier: Apache-2.0
"""Add the journal of operations, and the lock of a project's quota

Two new tables; no row that exists is touched.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from magnum.db.migrations import repeatable

revision = '51d0c8e4a7f3'
down_revision = 'e2f5a90c7b14'


def upgrade():
    repeatable.create_table(
        'operation',
        sa.Column('id', sa.Integer, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('kind', sa.String(64), nullable=False),
        sa.Column('cluster_uuid', sa.String(36), nullable=False),
        sa.Column('args', sa.Text),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('step', sa.String(64)),
        sa.Column('cancelled', sa.Boolean, nullable=False),
        sa.Column('error', sa.Text),
        sa.Column('owner', sa.String(255)),
        sa.Column('attempt', sa.Integer, nullable=False),
        sa.Column('lapses', sa.Integer, nullable=False),
        sa.Column('refusals', sa.Integer, nullable=False),
        # Leases are shorter than a second in tests, and compared with the
        # database's clock: whole seconds would not do.
        sa.Column('not_before', sa.DateTime().with_variant(
            mysql.DATETIME(fsp=6), 'mysql', 'mariadb'), nullable=False),
        sa.Column('deadline', sa.DateTime),
        sa.Column('running_on', sa.String(36)),
        sa.Column('sealed_token', sa.Text),
        sa.Column('request_id', sa.String(255)),
        sa.Column('user_id', sa.String(255)),
        sa.Column('project_id', sa.String(255)),
        sa.Column('created_at', sa.DateTime),
        sa.Column('started_at', sa.DateTime),
        sa.Column('finished_at', sa.DateTime),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_operation0uuid'),
        sa.UniqueConstraint('running_on', name='uniq_operation0running_on'))
    repeatable.create_index('operation_ready_idx', 'operation',
                            'state', 'not_before')
    repeatable.create_index('operation_cluster_idx', 'operation',
                            'cluster_uuid')
    repeatable.create_table(
        'quota_lock',
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('taken', sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint('project_id'))
