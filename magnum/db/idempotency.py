# SPDX-License-Identifier: Apache-2.0
"""The keys of requests that may be sent again.

Whoever sends a request with a key reserves that key first.  The reservation
becomes the record of the answer in the transaction that does what was asked,
so that there is never one without the other.  A reservation that nobody ends,
because its process died, lapses; whoever reserves the key after that has it,
and the transaction of the former holder fails.
"""

import dataclasses
import datetime
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import clock
from magnum.db import models
from magnum.db import session as db
from magnum.db import statements

Key = models.IdempotencyKey


@dataclasses.dataclass(frozen=True)
class Reservation:
    """One request's hold on a key."""

    digest: str
    request_digest: str
    owner: str


def reserve(wanted: Reservation,
            seconds: float) -> models.IdempotencyKey | None:
    """Let this request alone work with its key for some time.

    :returns: what is known of another request that works with it, or has been
        granted; None: there is none.
    """
    try:
        return db.write(_reserve, wanted, seconds)
    except db_exc.DBDuplicateEntry:
        # Another request was faster between our two statements.
        return db.write(_reserve, wanted, seconds)


def _reserve(session: orm.Session, wanted: Reservation,
             seconds: float) -> models.IdempotencyKey | None:
    now = clock.now(session)
    until = now + datetime.timedelta(seconds=seconds)
    row = session.get(Key, wanted.digest)
    if row is None:
        session.add(Key(**dataclasses.asdict(wanted), expires_at=until))
        session.flush()
        return None
    if row.owner == wanted.owner:
        # An earlier try stored it, and only the database's answer was lost.
        return None
    if row.expires_at <= now and statements.execute(
            session, sa.update(Key)
            .where(Key.digest == row.digest, Key.owner == row.owner,
                   Key.expires_at <= now)
            .values(**dataclasses.asdict(wanted), expires_at=until,
                    status=None, headers=None, body=None)):
        return None
    return row


def grant(session: orm.Session, mine: Reservation, seconds: float,
          **answer: Any) -> bool:
    """Keep the answer with what the caller's transaction does.

    :returns: whether the key is still ours; if not, roll back.
    """
    until = clock.now(session) + datetime.timedelta(seconds=seconds)
    return bool(statements.execute(
        session, sa.update(Key)
        .where(Key.digest == mine.digest, Key.owner == mine.owner)
        .values(**answer, expires_at=until)))


def release(session: orm.Session, mine: Reservation) -> None:
    """Forget a key whose request was refused."""
    statements.execute(
        session, sa.delete(Key)
        .where(Key.digest == mine.digest, Key.owner == mine.owner,
               Key.status.is_(None)))


def purge(session: orm.Session, limit: int) -> int:
    """Remove keys whose time is over, at most `limit`; how many."""
    now = clock.now(session)
    over = session.scalars(sa.select(Key.digest)
                           .where(Key.expires_at <= now)
                           .order_by(Key.expires_at).limit(limit)).all()
    if not over:
        return 0
    return statements.execute(
        session, sa.delete(Key)
        .where(Key.digest.in_(over), Key.expires_at <= now))
