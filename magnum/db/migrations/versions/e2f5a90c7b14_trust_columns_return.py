# SPDX-License-Identifier: Apache-2.0
"""Add the trust columns where release 23.0.0 dropped them

Their content is lost: a cluster that has none gets a trustee and a trust of
its own with the next operation that needs them.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'e2f5a90c7b14'
down_revision = 'b3e1cf4a2d5e'


def upgrade():
    repeatable.add_columns(
        'cluster',
        *(sa.Column(name, sa.String(255))
          for name in ('trust_id', 'trustee_username', 'trustee_user_id',
                       'trustee_password')))
