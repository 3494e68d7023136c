# SPDX-License-Identifier: Apache-2.0
"""Add what operations change, in which lane, and how far a step has come

Only columns that may be NULL, so that conductors and APIs of the release
before can go on reading and writing the table during a rolling upgrade.  NULL
in `lane` is the lane of the whole cluster.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'a47d1e5c90b2'
down_revision = '9c3b7e12d6a8'


def upgrade():
    repeatable.add_columns(
        'operation',
        sa.Column('nodegroup_uuid', sa.String(36)),
        sa.Column('lane', sa.String(73)),
        sa.Column('changes', sa.Text),
        sa.Column('progress', sa.Text),
        sa.Column('error_code', sa.String(255)),
        sa.Column('timeout_seconds', sa.Integer))
    repeatable.create_index('operation_finished_idx', 'operation',
                            'finished_at')
