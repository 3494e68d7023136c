# SPDX-License-Identifier: Apache-2.0
"""Removing rows whose time is over.

Every conductor does it, and none waits for another: a batch is one short
transaction that finds what is over and deletes it by its key, so that a row
that another has removed is no harm.
"""

from oslo_config import cfg

from magnum.db import idempotency
from magnum.db import operations
from magnum.db import quotas
from magnum.db import services
from magnum.db import session as db

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('keep_days', default=30, min=0, max=36500,
               help='Days for which operations that have ended can be looked '
                    'at through the API. Then conductors remove them, except '
                    'the newest operation of each cluster that still exists. '
                    'With 0 they are kept for ever.'),
]

CONF.register_opts(OPTS, group='journal')

# How often, and how many rows of each table at once.
PURGE_SECONDS = 600
PURGE_ROWS = 500

# Between two batches, so that other work comes in between.
PAUSE_SECONDS = 1


def purge() -> float:
    """Remove a batch from each table; the seconds until the next one."""
    removed = [db.write(idempotency.purge, PURGE_ROWS),
               db.write(quotas.purge_locks, PURGE_ROWS),
               db.write(services.purge, PURGE_ROWS)]
    if CONF.journal.keep_days:
        removed.append(db.write(operations.purge, CONF.journal.keep_days,
                                PURGE_ROWS))
    return PAUSE_SECONDS if PURGE_ROWS in removed else PURGE_SECONDS
