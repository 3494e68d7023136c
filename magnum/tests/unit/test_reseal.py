# SPDX-License-Identifier: Apache-2.0
"""Encrypting again with the first key, while the service runs."""

import logging
import threading

from cryptography import fernet
from oslo_config import cfg
from oslo_db import exception as db_exception
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import reseal
from magnum import seals

CONF = cfg.CONF

OLD, NEW, STRANGE = (fernet.Fernet.generate_key().decode() for _ in range(3))
NOW = models.utcnow()


def use(*keys):
    CONF.set_override('seal_keys', list(keys), 'journal')
    CONF.set_override('encryption_keys', list(keys), 'certificates')


@pytest.fixture(autouse=True)
def keys():
    use(OLD)
    yield
    CONF.clear_override('seal_keys', 'journal')
    CONF.clear_override('encryption_keys', 'certificates')


def fill(count):
    """Rows with secrets under the first key; a cluster of 22.0.0 besides."""
    with db.writer() as session:
        for number in range(count):
            session.add(models.Cluster(
                uuid=f'c{number}', updated_at=NOW.replace(year=2020),
                trustee_password=seals.KEPT.seal(f'password {number}')))
            session.add(models.X509KeyPair(
                uuid=f'k{number}',
                private_key_passphrase=seals.KEPT.seal(f'phrase {number}')))
            session.add(models.Operation(
                uuid=f'o{number}', kind='k', cluster_uuid=f'c{number}',
                not_before=NOW,
                sealed_token=seals.TOKENS.seal(f'token {number}')))
        session.add(models.Cluster(uuid='of 22', trustee_password='plain'))
        session.add(models.Cluster(uuid='without'))


def values(column):
    with db.reader() as session:
        return list(session.scalars(
            sa.select(column).where(column.is_not(None))
            .order_by(column.class_.id)))


def counted(counts):
    return {count.column: (count.current, count.old, count.resealed,
                           len(count.lost)) for count in counts}


def test_all_is_under_the_new_key_then(database, monkeypatch):
    monkeypatch.setattr(reseal, 'BATCH', 2)
    fill(5)
    use(NEW, OLD)
    assert counted(reseal.survey()) == {
        'operation.sealed_token': (0, 5, 0, 0),
        'x509keypair.private_key_passphrase': (0, 5, 0, 0),
        'cluster.trustee_password': (0, 6, 0, 0)}
    assert counted(reseal.run()) == {
        'operation.sealed_token': (0, 0, 5, 0),
        'x509keypair.private_key_passphrase': (0, 0, 5, 0),
        'cluster.trustee_password': (0, 0, 6, 0)}
    use(NEW)
    assert counted(reseal.survey()) == counted(reseal.run()) == {
        'operation.sealed_token': (5, 0, 0, 0),
        'x509keypair.private_key_passphrase': (5, 0, 0, 0),
        'cluster.trustee_password': (6, 0, 0, 0)}
    assert [seals.TOKENS.unseal(value) for value in values(
        models.Operation.sealed_token)] == [f'token {n}' for n in range(5)]
    assert [seals.KEPT.unseal(value) for value in values(
        models.Cluster.trustee_password)] == [
            *(f'password {n}' for n in range(5)), 'plain']
    assert {time.year for time in values(models.Cluster.updated_at)} == {2020}


def test_what_no_key_opens_is_named_and_left(sqlite_database):
    fill(2)
    use(NEW)
    before = values(models.X509KeyPair.private_key_passphrase)
    count = next(count for count in reseal.run()
                 if count.column.startswith('x509keypair'))
    assert (count.current, count.resealed, len(count.lost)) == (0, 0, 2)
    assert values(models.X509KeyPair.private_key_passphrase) == before


def test_an_interrupted_run_goes_on(sqlite_database, monkeypatch):
    monkeypatch.setattr(reseal, 'BATCH', 2)
    fill(5)
    use(NEW, OLD)
    swap, calls = reseal._swap, []

    def swap_once(*arguments):
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        return swap(*arguments)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(reseal, '_swap', swap_once)
        list(reseal.run())
    assert counted(reseal.run())['operation.sealed_token'] == (2, 0, 3, 0)


def test_nothing_that_is_written_meanwhile_is_lost(database, monkeypatch):
    """A service that has the new key writes, and one that has not."""
    monkeypatch.setattr(reseal, 'BATCH', 3)
    fill(10)
    use(NEW, OLD)
    written, stop, began = {}, threading.Event(), threading.Event()
    ciphers = [fernet.Fernet(OLD), fernet.Fernet(NEW)]

    @db.retried
    def write(number, text, cipher):
        with db.writer() as session:
            session.execute(
                sa.update(models.Cluster)
                .where(models.Cluster.uuid == f'c{number}')
                .values(trustee_password=seals.FERNET + cipher.encrypt(
                    text.encode()).decode()))
        written[number] = text

    def write_on():
        turn = 0
        while not stop.is_set():
            write(turn % 10, f'new {turn}', ciphers[turn // 10 % 2])
            turn += 1
            if turn == 5:
                began.set()
            # SQLite has no queue: whoever writes without a pause keeps all
            # others out until they give up.
            stop.wait(0.02)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        assert began.wait(120)
        for _ in range(5):
            assert not any(count.lost for count in reseal.run())
    finally:
        stop.set()
        writer.join(120)
    list(reseal.run())
    use(NEW)
    assert counted(reseal.survey())['cluster.trustee_password'] == (
        11, 0, 0, 0)
    assert len(written) >= 5
    found = [seals.KEPT.unseal(value)
             for value in values(models.Cluster.trustee_password)]
    assert found == [written.get(number, f'password {number}')
                     for number in range(10)] + ['plain']


def test_a_value_written_between_reading_and_replacing_is_kept(
        database, monkeypatch):
    fill(1)
    use(NEW, OLD)
    swap = reseal._swap
    late = [seals.FERNET
            + fernet.Fernet(OLD).encrypt(b'written late').decode()]

    def swap_late(name, changes):
        if name == 'cluster.trustee_password' and late:
            with db.writer() as session:
                session.execute(sa.update(models.Cluster)
                                .where(models.Cluster.uuid == 'c0')
                                .values(trustee_password=late.pop()))
        return swap(name, changes)
    monkeypatch.setattr(reseal, '_swap', swap_late)
    assert counted(reseal.run())['cluster.trustee_password'] == (0, 0, 2, 0)
    use(NEW)
    assert seals.KEPT.unseal(
        values(models.Cluster.trustee_password)[0]) == 'written late'


def test_a_node_with_another_key_is_warned(sqlite_database, caplog):
    fill(1)
    caplog.set_level(logging.WARNING)
    reseal.warn_of_lost()
    assert not caplog.records
    use(STRANGE)
    reseal.warn_of_lost()
    assert 'x509keypair.private_key_passphrase' in caplog.text
    assert '[journal] seal_keys' in caplog.text


def test_a_database_that_is_away_does_not_stop_the_start(monkeypatch, caplog):
    def newest(name):
        raise db_exception.DBConnectionError('with words of its own')
    monkeypatch.setattr(reseal, '_newest', newest)
    reseal.try_keys()
    assert 'were not tried: DBConnectionError' in caplog.text
