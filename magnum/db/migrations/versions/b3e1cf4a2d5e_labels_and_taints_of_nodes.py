# SPDX-License-Identifier: Apache-2.0
"""Add labels and taints of nodes

As release 23.0.0 does under the same revision id.  NULL, which all rows that
exist have, reads as none.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'b3e1cf4a2d5e'
down_revision = 'd7e6a4d39fe4'


def upgrade():
    repeatable.add_columns('nodegroup',
                           sa.Column('node_labels', sa.Text),
                           sa.Column('node_taints', sa.Text))
