# SPDX-License-Identifier: Apache-2.0
"""Add what is looked at by the clock, and what was found

Two new tables; no row that exists is touched.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from magnum.db.migrations import repeatable

revision = 'f4b80c6e2a91'
down_revision = 'f4a90d6c2e81'


def upgrade():
    repeatable.create_table(
        'poll',
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('subject', sa.String(255), nullable=False),
        sa.Column('next_at', sa.DateTime().with_variant(
            mysql.DATETIME(fsp=6), 'mysql', 'mariadb'), nullable=False),
        sa.Column('owner', sa.String(255)),
        sa.PrimaryKeyConstraint('kind', 'subject'))
    repeatable.create_index('poll_due_idx', 'poll', 'kind', 'next_at')
    repeatable.create_table(
        'cluster_condition',
        sa.Column('cluster_uuid', sa.String(36), nullable=False),
        sa.Column('type', sa.String(32), nullable=False),
        sa.Column('status', sa.String(8), nullable=False),
        sa.Column('code', sa.String(255), nullable=False),
        sa.Column('message', sa.Text),
        sa.Column('since', sa.DateTime, nullable=False),
        sa.Column('previous', sa.Text),
        sa.PrimaryKeyConstraint('cluster_uuid', 'type'))
