# SPDX-License-Identifier: Apache-2.0
"""Certificates in table `x509keypair`, their keys encrypted.

A private key stands there encrypted with a passphrase, and the passphrase
sealed with a key from the configuration.  Rows of release 22.0.0, with plain
passphrases, are read all the same.

The uuid of a row is made from the cluster's and the certificate's name: so it
is found again after a crash, and the database lets nobody save it twice.
"""

from collections.abc import Mapping
import secrets
import uuid

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
from magnum import specs

LOG = log.getLogger(__name__)
CONF = cfg.CONF

# How many rotations of the release before could have left something.
GENERATIONS = 32

_NAMESPACE = uuid.UUID('0b7f27a4-4b7c-5c43-9f2a-5a1d8f3e6c11')


class DatabaseStore(stores.Store):
    """The database as a store."""

    def __init__(self) -> None:
        if CONF.certificates.cert_manager_type == 'local':
            LOG.warning('[certificates] cert_manager_type = local means '
                        'x509keypair: certificates are kept in the '
                        'database, with encrypted keys.')

    @db.retried
    def find(self, cluster_uuid: str, *names: str) -> dict[str, str]:
        refs = {name: _ref(cluster_uuid, name) for name in names}
        with db.reader() as session:
            there = keypairs.present(session, refs.values())
        return {name: ref for name, ref in refs.items() if ref in there}

    def save(self, cluster_uuid: str, pairs: Mapping[str, specs.KeyPair],
             project_id: str, user_id: str) -> dict[str, str]:
        values = []
        for name, pair in pairs.items():
            passphrase = secrets.token_urlsafe(24)
            key = x509.private_key_pem(x509.read_key(pair.private_key),
                                       passphrase)
            values.append({
                'uuid': _ref(cluster_uuid, name),
                'cluster_uuid': cluster_uuid,
                'certificate': pair.certificate, 'private_key': key,
                'private_key_passphrase': seals.KEPT.seal(passphrase),
                'project_id': project_id, 'user_id': user_id})
        try:
            _insert(values)
        except db_exception.DBDuplicateEntry:
            raise errors.ServiceUnavailable(
                'The certificates of this cluster are being made by another '
                'conductor at the same time.') from None
        return {name: _ref(cluster_uuid, name) for name in pairs}

    def load(self, ref: str) -> specs.KeyPair:
        row = _row(ref)
        key = x509.read_key(row.private_key,
                            _unseal(row.private_key_passphrase))
        return specs.KeyPair(row.certificate, x509.private_key_pem(key))

    def certificate(self, ref: str) -> str:
        return _row(ref).certificate

    @db.retried
    def delete(self, *refs: str) -> None:
        with db.writer() as session:
            keypairs.delete(session, refs)

    def retire(self, cluster_uuid: str) -> None:
        # By name too: rows of the release before do not tell their cluster.
        self.delete(*(_ref(cluster_uuid, name)
                      for generation in range(GENERATIONS)
                      for name in stores.names(generation).values()))
        _delete_of_cluster(cluster_uuid)


def _ref(cluster_uuid: str, name: str) -> str:
    """The uuid of a row: the same for the same cluster and name."""
    return str(uuid.uuid5(_NAMESPACE, f'{cluster_uuid} {name}'))


@db.retried
def _insert(rows: list[dict[str, str]]) -> None:
    with db.writer() as session:
        session.add_all(models.X509KeyPair(**row) for row in rows)


@db.retried
def _delete_of_cluster(cluster_uuid: str) -> None:
    with db.writer() as session:
        keypairs.delete_of_cluster(session, cluster_uuid)


@db.retried
def _row(ref: str) -> models.X509KeyPair:
    with db.reader() as session:
        row = keypairs.get(session, ref)
    if row is None:
        raise errors.NotFound('Certificate', ref)
    return row


def _unseal(stored: str | None) -> str | None:
    if not seals.KEPT.is_sealed(stored):
        return stored or None
    return seals.KEPT.unseal(stored)
