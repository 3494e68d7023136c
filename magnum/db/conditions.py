# SPDX-License-Identifier: Apache-2.0
"""What was found about clusters, and since when it is so.

A row is written only when something has changed, so that `since` tells when
the status did.
"""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db import statements

Condition = models.Condition

INFRASTRUCTURE = 'InfrastructureInSync'
CONTROL_PLANE = 'ControlPlaneReachable'
NODES = 'NodesReady'
CERTIFICATES = 'CertificatesValid'


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a look at a cluster says; `status` is True, False or Unknown.

    `previous`: the statuses of rows before they were changed to tell of it.
    """

    status: str
    code: str
    message: str | None = None
    previous: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def is_known(self, condition: models.Condition | None) -> bool:
        """Whether that row says the same."""
        return condition is not None and all(
            getattr(condition, field.name) == getattr(self, field.name)
            for field in dataclasses.fields(self))


def of(session: orm.Session, cluster_uuids: Collection[str]
       ) -> dict[str, dict[str, models.Condition]]:
    """The conditions of clusters, by uuid and type."""
    found: dict[str, dict[str, models.Condition]] = {
        uuid: {} for uuid in cluster_uuids}
    for row in session.scalars(
            sa.select(Condition)
            .where(Condition.cluster_uuid.in_(sorted(cluster_uuids)))):
        found.setdefault(row.cluster_uuid, {})[row.type] = row
    return found


def write(session: orm.Session, cluster_uuid: str,
          findings: Mapping[str, Finding]) -> None:
    """Store findings, by type.

    Whoever calls it keeps others from doing the same.
    """
    for kind, finding in sorted(findings.items()):
        values, now = dataclasses.asdict(finding), models.utcnow()
        # First: MariaDB takes values in turn, and the next is the status.
        since = ('since', sa.case(
            (Condition.status == finding.status, Condition.since),
            else_=now))
        if not statements.execute(
                session, sa.update(Condition)
                .where(Condition.cluster_uuid == cluster_uuid,
                       Condition.type == kind)
                .ordered_values(since, *values.items())):
            session.add(Condition(cluster_uuid=cluster_uuid, type=kind,
                                  since=now, **values))
            session.flush()


def forget(session: orm.Session, cluster_uuid: str) -> None:
    """Remove what was found about a cluster."""
    statements.execute(session, sa.delete(Condition).where(
        Condition.cluster_uuid == cluster_uuid))
