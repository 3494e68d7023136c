# SPDX-License-Identifier: Apache-2.0
"""Alembic's way in: which database, compared with which models.

The engine is the one given by `magnum.db.schema`, else the configured one.
"""

from alembic import context

from magnum.db import models
from magnum.db import session


def run():
    engine = context.config.attributes.get('engine') or session.engine()
    with engine.connect() as connection:
        # Each step is recorded when it is done, so that an interrupted
        # upgrade goes on where it stopped.
        context.configure(connection=connection,
                          target_metadata=models.Base.metadata,
                          transaction_per_migration=True,
                          compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
