# SPDX-License-Identifier: Apache-2.0
"""Add to key pairs the cluster that they belong to

So that all of a cluster's key pairs can be removed with it.  NULL in rows of
earlier releases, which are found by the cluster's references to them.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'c85e2f7b3d14'
down_revision = 'a47d1e5c90b2'


def upgrade():
    repeatable.add_columns('x509keypair', sa.Column('cluster_uuid',
                                                    sa.String(36)))
    repeatable.create_index('x509keypair_cluster_idx', 'x509keypair',
                            'cluster_uuid')
