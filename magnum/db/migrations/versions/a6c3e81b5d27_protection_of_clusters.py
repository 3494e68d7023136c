# SPDX-License-Identifier: Apache-2.0
"""Add whether a cluster is protected against deletion

NULL in rows of earlier releases is no.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'a6c3e81b5d27'
down_revision = 'f4b80c6e2a91'


def upgrade():
    repeatable.add_columns('cluster', sa.Column('protected', sa.Boolean))
