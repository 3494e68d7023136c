# SPDX-License-Identifier: Apache-2.0
"""The processes of this service, by their heartbeats."""

from collections.abc import Sequence
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import statements


# Of hosts that were taken away, which nobody needs to be reminded of for ever.
FORGOTTEN_AFTER = datetime.timedelta(days=7)


def every(session: orm.Session) -> Sequence[models.MagnumService]:
    """All conductors that beat within the last days."""
    return session.scalars(sa.select(models.MagnumService)
                           .order_by(models.MagnumService.id)).all()


def beat(session: orm.Session, host: str, binary: str) -> None:
    """Note that a service is alive; its row is made at the first beat."""
    now = models.utcnow()
    service = models.MagnumService
    if not statements.execute(session, sa.update(service)
                    .where(service.host == host, service.binary == binary)
                    .values(report_count=service.report_count + 1,
                            last_seen_up=now, updated_at=now)):
        session.add(service(host=host, binary=binary, report_count=1,
                            last_seen_up=now))


def purge(session: orm.Session, limit: int) -> int:
    """Remove at most `limit` rows of processes that are gone for good.

    What somebody has marked in the table himself stays.
    """
    service = models.MagnumService
    last = sa.func.coalesce(service.last_seen_up, service.updated_at,
                            service.created_at)
    gone = session.scalars(
        sa.select(service.id)
        .where(last < models.utcnow() - FORGOTTEN_AFTER,
               *(sa.or_(mark.is_(None), mark == sa.false())
                 for mark in (service.disabled, service.forced_down)))
        .limit(limit)).all()
    if not gone:
        return 0
    return statements.execute(
        session, sa.delete(service).where(service.id.in_(gone)))
