# SPDX-License-Identifier: Apache-2.0
"""Add the keys of requests that may be sent again

A new table; no row that exists is touched.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from magnum.db.migrations import repeatable

revision = 'f41b7d92c6e0'
down_revision = 'c85e2f7b3d14'


def upgrade():
    repeatable.create_table(
        'idempotency_key',
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('request_digest', sa.String(64), nullable=False),
        sa.Column('owner', sa.String(36), nullable=False),
        sa.Column('expires_at', sa.DateTime, nullable=False),
        sa.Column('status', sa.Integer),
        sa.Column('headers', sa.Text),
        # An answer may hold more than the 64 kB of MariaDB's TEXT.
        sa.Column('body', sa.Text().with_variant(
            mysql.MEDIUMTEXT(), 'mysql', 'mariadb')),
        sa.PrimaryKeyConstraint('digest'))
    repeatable.create_index('idempotency_key_expires_idx', 'idempotency_key',
                            'expires_at')
