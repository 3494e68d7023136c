# SPDX-License-Identifier: Apache-2.0
"""Index the columns that lists and polls look by

Release 22.0.0 has none of these indexes, and scans the tables.
"""

from magnum.db.migrations import repeatable

revision = '9c3b7e12d6a8'
down_revision = '51d0c8e4a7f3'


def upgrade():
    repeatable.create_index('cluster_project_id_idx', 'cluster', 'project_id')
    repeatable.create_index('cluster_status_idx', 'cluster', 'status')
    repeatable.create_index('cluster_template_id_idx', 'cluster',
                            'cluster_template_id')
    repeatable.create_index('cluster_template_project_id_idx',
                            'cluster_template', 'project_id')
