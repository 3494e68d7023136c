# SPDX-License-Identifier: Apache-2.0
"""${message}

Say here why, and what becomes of the rows that exist.
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
from magnum.db.migrations import repeatable

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


# May be repeated after an interruption: use `repeatable` where it serves.
def upgrade():
    ${upgrades if upgrades else "pass"}
