# SPDX-License-Identifier: Apache-2.0
"""Encrypting again, with the first key, what another key encrypted.

So that an old key can be taken away.  The service may run meanwhile: a value
is replaced only while it is the one that was read.  What is done is told by
the values themselves, so an interrupted run is simply started again.
"""

from collections.abc import Iterator
import dataclasses
from typing import Any

from oslo_db import exception as db_exc
from oslo_log import log
from sqlalchemy import exc as sa_exc

from magnum.db import sealed
from magnum.db import session as db
from magnum import errors
from magnum import seals

LOG = log.getLogger(__name__)

BATCH = 100

_SAFES = {'operation.sealed_token': seals.TOKENS,
          'x509keypair.private_key_passphrase': seals.KEPT,
          'cluster.trustee_password': seals.KEPT}


@dataclasses.dataclass
class Count:
    """How many values of a column there are, by what was found or done.

    `current` are encrypted with the first key, `old` with another or not at
    all, `resealed` were until now.  `lost` has the ids of rows with a value
    that no key decrypts.
    """

    column: str
    current: int = 0
    old: int = 0
    resealed: int = 0
    lost: list[int] = dataclasses.field(default_factory=list)


def survey() -> Iterator[Count]:
    """What there is; nothing is changed."""
    for name in sealed.COLUMNS:
        count = Count(name)
        for rows in _batches(name):
            _sort(count, rows)
        yield count


def run() -> Iterator[Count]:
    """Encrypt with the first key what it has not encrypted yet."""
    for name in sealed.COLUMNS:
        count = Count(name)
        for rows in _batches(name):
            while rows:
                changes = _sort(count, rows)
                count.old -= len(changes)
                done = _swap(name, changes)
                count.resealed += len(done)
                # The service has written these meanwhile, or removed them.
                rows = [row for row_id, _, _ in changes if row_id not in done
                        for row in _read(name, row_id)]
        yield count


def warn_of_lost() -> None:
    """Log a warning when the newest value of a column cannot be decrypted.

    It was written by a node with another key.
    """
    for name in sealed.COLUMNS:
        count = Count(name)
        _sort(count, _newest(name))
        if count.lost:
            LOG.warning(
                'The newest value of %s cannot be decrypted with %s of this '
                'node. All nodes need the same keys.', name,
                _SAFES[name].name)


def try_keys() -> None:
    """Notice a key that other nodes do not have, when a process starts.

    A database that is away is nothing to end for.
    """
    try:
        warn_of_lost()
    except (db_exc.DBError, sa_exc.SQLAlchemyError, errors.MagnumError) as e:
        LOG.warning('The keys of secrets were not tried: %s',
                    type(e).__name__)


def _sort(count: Count,
          rows: Any) -> list[tuple[int, str, str]]:
    """Count the values; (id, value, new value) of those with an old key."""
    safe, changes = _SAFES[count.column], []
    for row_id, value in rows:
        if not safe.is_sealed(value):
            plain = value
        elif safe.is_current(value):
            count.current += 1
            continue
        else:
            try:
                plain = safe.unseal(value)
            except seals.CannotOpen:
                count.lost.append(row_id)
                continue
        count.old += 1
        changes.append((row_id, value, safe.seal(plain)))
    return changes


def _batches(name: str) -> Iterator[Any]:
    after = 0
    while rows := _batch(name, after):
        yield rows
        after = rows[-1][0]


@db.retried
def _batch(name: str, after: int) -> Any:
    with db.reader() as session:
        return sealed.batch(session, sealed.COLUMNS[name], after, BATCH)


@db.retried
def _newest(name: str) -> Any:
    with db.reader() as session:
        return sealed.newest(session, sealed.COLUMNS[name])


@db.retried
def _read(name: str, row_id: int) -> Any:
    with db.reader() as session:
        return sealed.one(session, sealed.COLUMNS[name], row_id)


@db.retried
def _swap(name: str, changes: list[tuple[int, str, str]]) -> set[int]:
    """The ids of those that were replaced."""
    with db.writer() as session:
        return {row_id for row_id, old, new in changes
                if sealed.swap(session, sealed.COLUMNS[name], row_id, old,
                               new)}
