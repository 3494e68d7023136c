# SPDX-License-Identifier: Apache-2.0
"""A conductor's real worker on a scratch database, with steps of our own."""

import contextlib
import pathlib
import tempfile

from oslo_config import cfg
from oslo_log import log
import sqlalchemy as sa

from magnum.conductor import worker
from magnum import config
from magnum.db import models
from magnum.db import schema
from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import registry
from magnum.tests import databases

CONF = cfg.CONF

# Of scratch databases.
SEAL_KEY = 'BbLw6nyGQFXCxPBcnoIW8Iw6B7Oa0jZJqDZX2FD4vCI='


def configure():
    log.register_options(CONF)
    config.set_library_defaults()
    CONF([], project='magnum', default_config_files=[])
    log.setup(CONF, 'magnum')
    for name in ('magnum', 'alembic'):
        log.getLogger(name).logger.setLevel('ERROR')


@contextlib.contextmanager
def conductor(dialect, steps, slots):
    """A started worker whose only kind of operation takes these steps."""
    registry.KINDS = kinds.table(kinds.Kind(
        name='build', action='CREATE', nodegroups=kinds.every_group,
        steps=tuple(kinds.Step(name, name, run) for name, run in steps)))
    CONF.set_override('workers', slots, group='conductor')
    with (tempfile.TemporaryDirectory() as folder,
          databases.scratch(dialect, pathlib.Path(folder)) as url,
          databases.connected(url)):
        made = worker.Worker()
        schema.upgrade()
        made.start()
        try:
            yield made
        finally:
            made.stop()


def record(worker, project, names):
    """Write down one create for each name, as the API does."""
    for name in names:
        with db.writer() as session:
            session.add(models.Cluster(uuid=name, name=name,
                                       project_id=project, labels={},
                                       status='CREATE_IN_PROGRESS'))
            session.flush()
            journal.record(session, 'build', name, project_id=project,
                           timeout_seconds=4200)
    worker.wake()


def states():
    """How many operations are in each state."""
    with db.reader() as session:
        return dict(session.execute(
            sa.select(models.Operation.state, sa.func.count())
            .group_by(models.Operation.state)).all())


def most_lapses():
    with db.reader() as session:
        return session.scalar(sa.select(sa.func.max(
            models.Operation.lapses)))
