# SPDX-License-Identifier: Apache-2.0
"""Rows of table `x509keypair`."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models


def get(session: orm.Session, uuid: str) -> models.X509KeyPair | None:
    """One row, whoever owns it."""
    return session.scalar(sa.select(models.X509KeyPair)
                          .where(models.X509KeyPair.uuid == uuid))


def present(session: orm.Session, uuids: Iterable[str]) -> set[str]:
    """Which of these rows there are."""
    return set(session.scalars(
        sa.select(models.X509KeyPair.uuid)
        .where(models.X509KeyPair.uuid.in_(list(uuids)))))


def delete(session: orm.Session, uuids: Iterable[str]) -> None:
    """Remove rows; what is gone is a success."""
    session.execute(sa.delete(models.X509KeyPair)
                    .where(models.X509KeyPair.uuid.in_(list(uuids)))
                    .execution_options(synchronize_session=False))


def delete_of_cluster(session: orm.Session, cluster_uuid: str) -> None:
    """Remove all rows that were saved for the cluster."""
    session.execute(sa.delete(models.X509KeyPair)
                    .where(models.X509KeyPair.cluster_uuid == cluster_uuid)
                    .execution_options(synchronize_session=False))
