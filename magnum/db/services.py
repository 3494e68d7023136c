# SPDX-License-Identifier: Apache-2.0
"""The processes of this service, by their heartbeats."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import statements


def every(session: orm.Session) -> Sequence[models.MagnumService]:
    """All conductors that ever beat."""
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
