# SPDX-License-Identifier: Apache-2.0
"""Rows of table `x509keypair`."""

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models


def get(session: orm.Session, uuid: str) -> models.X509KeyPair | None:
    """One row, whoever owns it."""
    return session.scalar(sa.select(models.X509KeyPair)
                          .where(models.X509KeyPair.uuid == uuid))


def delete(session: orm.Session, uuid: str) -> None:
    """Remove a row; what is gone is a success."""
    session.execute(sa.delete(models.X509KeyPair)
                    .where(models.X509KeyPair.uuid == uuid)
                    .execution_options(synchronize_session=False))
