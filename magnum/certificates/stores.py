# SPDX-License-Identifier: Apache-2.0
"""Where certificates and their keys are kept.

A reference says by its form whose it is, a URL Barbican's and a uuid the
database's, so that an operator may change the store while clusters live.
What is stored has a name, so that it is found again after a crash.
"""

import abc
import functools
import itertools
import secrets

from oslo_config import cfg
from stevedore import driver

from magnum.certificates import x509

CONF = cfg.CONF

OPTS = [
    cfg.StrOpt('cert_manager_type', default='barbican',
               help='Store of new certificates: barbican, x509keypair (the '
                    'database, with encrypted keys), or another of entry-'
                    'point group magnum.cert_manager.backend. "local" means '
                    'x509keypair.'),
    cfg.StrOpt('storage_path', default='/var/lib/magnum/certificates/',
               help='Ignored; "local" keeps no files.'),
    cfg.ListOpt('encryption_keys', default=[], secret=True,
                help='Fernet keys that protect the keys in the database: the '
                     'first encrypts, all decrypt. The same on all nodes. '
                     "When empty, a key is derived from the service's "
                     'password; changing that then loses them.'),
]

CONF.register_opts(OPTS, group='certificates')


# The columns that refer to certificates.
COLUMNS = ('ca_cert_ref', 'etcd_ca_cert_ref', 'front_proxy_ca_cert_ref',
           'magnum_cert_ref')


def name(column: str, generation: int) -> str:
    """What a certificate is stored under, within its cluster."""
    return f'{column.removesuffix("_cert_ref")} {generation}'


def names(generation: int) -> list[str]:
    """What the certificates of one generation are stored under."""
    return [name(column, generation) for column in COLUMNS]


class Store(abc.ABC):
    """One kind of store.  All methods may be repeated."""

    @abc.abstractmethod
    def save(self, cluster_uuid: str, name: str, pair: x509.Pair,
             project_id: str, user_id: str) -> str:
        """Store a certificate with its key; the reference to it.

        :param name: unique for the cluster; what is there already is kept.
        """

    @abc.abstractmethod
    def find(self, cluster_uuid: str, name: str) -> str | None:
        """The reference to what was saved under that name, if it was."""

    @abc.abstractmethod
    def load(self, ref: str) -> x509.Pair:
        """What was saved, the key decrypted.

        :raises NotFound: there is no such thing.
        """

    @abc.abstractmethod
    def certificate(self, ref: str) -> str:
        """Only the certificate; no secret is read.

        :raises NotFound: there is no such thing.
        """

    @abc.abstractmethod
    def delete(self, ref: str) -> None:
        """Remove it; what is gone is a success."""

    def retire(self, cluster_uuid: str) -> None:
        """Remove all that is stored under names of the cluster's.

        Also what a crash left before its reference was written down.
        """
        for generation in itertools.count():
            refs = [self.find(cluster_uuid, name)
                    for name in names(generation)]
            for ref in filter(None, refs):
                self.delete(ref)
            if not any(refs):
                return


@functools.cache
def by_name(name: str) -> Store:
    """The store of that entry point."""
    return driver.DriverManager('magnum.cert_manager.backend', name,
                                invoke_on_load=True).driver


def current() -> Store:
    """The store that new certificates go to."""
    return by_name(CONF.certificates.cert_manager_type)


def of(ref: str) -> Store:
    """The store that a reference is from."""
    if '://' in ref:
        return by_name('barbican')
    name = CONF.certificates.cert_manager_type
    return by_name('x509keypair' if name == 'barbican' else name)


def new_passphrase() -> str:
    """What protects a key on its way into a store."""
    return secrets.token_urlsafe(24)
