# SPDX-License-Identifier: Apache-2.0
"""A conductor for tests: the real journal and runner, without the waiting.

What is due later is made due now, and operations are run one after another in
the thread of the test, so that a test sees what conductors would have made of
its requests by and by.
"""

import datetime

import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import runner

# How often operations are taken up until a test gives up on them.
TURNS = 100

LONG_AGO = datetime.datetime(2000, 1, 1)


def make_ready():
    """What waits for its time need not wait any longer."""
    with db.writer() as session:
        session.execute(sa.update(models.Operation)
                        .where(models.Operation.state == journal.ACTIVE)
                        .values(not_before=LONG_AGO))


def claim(owner='me', lease_seconds=60):
    """Claim what is ready; None: nothing is."""
    with db.reader() as session:
        ready = journal.ready(session, list(registry.KINDS))
    for operation_id, attempt in ready:
        with db.writer() as session:
            claimed = journal.claim(session, operation_id, attempt, owner,
                                    lease_seconds)
        if claimed is not None:
            return claimed
    return None


def run(stopping=lambda: False):
    """Take up one operation that is ready; None: there is none."""
    operation = claim()
    if operation is not None:
        runner.run(registry.KINDS, operation, stopping)
    return operation


def work_once():
    """Take up one operation, ready or not; whether there was one."""
    make_ready()
    return run() is not None


def work():
    """Run operations until none is left."""
    for _ in range(TURNS):
        if not work_once():
            return
    raise AssertionError(f'The work does not end: {left()}')


def left():
    """What is still to be done, for people."""
    with db.reader() as session:
        return [f'{row.kind} of {row.cluster_uuid} at step {row.step}, '
                f'attempt {row.attempt}, lapses {row.lapses}'
                for row in session.scalars(
                    sa.select(models.Operation)
                    .where(models.Operation.state == journal.ACTIVE))]
