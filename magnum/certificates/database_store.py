# SPDX-License-Identifier: Apache-2.0
"""Certificates in table `x509keypair`, their keys encrypted.

A private key stands there encrypted with a passphrase, and the passphrase
sealed with a key from the configuration.  Rows of release 22.0.0, with plain
passphrases, are read all the same.
"""

import functools
import uuid

from cryptography import fernet
from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_log import log

from magnum.certificates import stores
from magnum.certificates import x509
from magnum.db import keypairs
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum import seals

LOG = log.getLogger(__name__)
CONF = cfg.CONF

SEALED = 'fernet:'

# Names of certificates that a cluster can have, to find them by.
_NAMESPACE = uuid.UUID('0b7f27a4-4b7c-5c43-9f2a-5a1d8f3e6c11')


class DatabaseStore(stores.Store):
    """The database as a store."""

    def __init__(self) -> None:
        if CONF.certificates.cert_manager_type == 'local':
            LOG.warning('[certificates] cert_manager_type = local means '
                        'x509keypair: certificates are kept in the '
                        'database, with encrypted keys.')

    @db.retried
    def save(self, cluster_uuid: str, name: str, pair: x509.Pair,
             project_id: str, user_id: str) -> str:
        ref = _ref(cluster_uuid, name)
        passphrase = stores.new_passphrase()
        row = models.X509KeyPair(
            uuid=ref, certificate=pair.certificate,
            private_key=x509.private_key_pem(x509.read_key(pair.private_key),
                                             passphrase),
            private_key_passphrase=SEALED + _seals().encrypt(
                passphrase.encode()).decode(),
            project_id=project_id, user_id=user_id)
        try:
            with db.writer() as session:
                session.add(row)
        except db_exception.DBDuplicateEntry:
            LOG.debug('Certificate %s was there already.', ref)
        return ref

    @db.retried
    def find(self, cluster_uuid: str, name: str) -> str | None:
        ref = _ref(cluster_uuid, name)
        with db.reader() as session:
            return ref if keypairs.get(session, ref) else None

    def load(self, ref: str) -> x509.Pair:
        row = _row(ref)
        key = x509.read_key(row.private_key,
                            _passphrase(row.private_key_passphrase))
        return x509.Pair(row.certificate, x509.private_key_pem(key))

    def certificate(self, ref: str) -> str:
        return _row(ref).certificate

    @db.retried
    def delete(self, ref: str) -> None:
        with db.writer() as session:
            keypairs.delete(session, ref)


def _ref(cluster_uuid: str, name: str) -> str:
    """The uuid of a row: the same for the same cluster and name."""
    return str(uuid.uuid5(_NAMESPACE, f'{cluster_uuid} {name}'))


@db.retried
def _row(ref: str) -> models.X509KeyPair:
    with db.reader() as session:
        row = keypairs.get(session, ref)
    if row is None:
        raise errors.NotFound('Certificate', ref)
    return row


def _passphrase(stored: str) -> str:
    if not stored.startswith(SEALED):
        return stored
    try:
        return _seals().decrypt(stored.removeprefix(SEALED).encode()).decode()
    except fernet.InvalidToken:
        raise errors.InfrastructureFailed(
            'A key in the database cannot be opened: the key that it was '
            'encrypted with is missing in [certificates] encryption_keys.'
        ) from None


def _seals() -> fernet.MultiFernet:
    if not CONF.certificates.encryption_keys:
        _warn_once()
    return seals.fernets(CONF.certificates.encryption_keys,
                         'keeping certificates')


@functools.cache
def _warn_once() -> None:
    LOG.warning('[certificates] encryption_keys is not set: the keys of '
                "clusters are encrypted with one derived from the service's "
                'password, and are lost when that changes.')
