# SPDX-License-Identifier: Apache-2.0
"""Where certificates and their keys are kept.

A reference says by its form whose it is, a URL Barbican's and a uuid the
database's, so that an operator may change the store while clusters live.
What is stored has a name, so that it is found again after a crash.
"""

import abc
from collections.abc import Mapping
import functools

from oslo_config import cfg
from stevedore import driver

from magnum import specs

CONF = cfg.CONF

OPTS = [
    cfg.StrOpt('cert_manager_type', default='barbican',
               help='Store of new certificates: barbican, x509keypair (the '
                    'database, with encrypted keys), or another of entry-'
                    'point group magnum.cert_manager.backend. "local" means '
                    'x509keypair.'),
    cfg.StrOpt('storage_path', default='/var/lib/magnum/certificates/',
               help='Ignored: certificates are not kept in '
                    'files.'),
]

CONF.register_opts(OPTS, group='certificates')


# The columns that refer to certificates.
COLUMNS = ('ca_cert_ref', 'etcd_ca_cert_ref', 'front_proxy_ca_cert_ref',
           'magnum_cert_ref')


def names(generation: int) -> dict[str, str]:
    """What the certificates of one generation are stored under, by column."""
    return {column: f'{column.removesuffix("_cert_ref")} {generation}'
            for column in COLUMNS}


class Store(abc.ABC):
    """One kind of store.  All methods may be repeated."""

    @abc.abstractmethod
    def find(self, cluster_uuid: str, *names: str) -> dict[str, str]:
        """References to what was saved under these names, by name."""

    @abc.abstractmethod
    def save(self, cluster_uuid: str, pairs: Mapping[str, specs.KeyPair],
             project_id: str, user_id: str) -> dict[str, str]:
        """Store certificates with their keys; references by name.

        :param pairs: by names that are unique for the cluster.
        :raises Temporary: also when someone else just saved one of them;
            then it can be found.
        """

    @abc.abstractmethod
    def load(self, ref: str) -> specs.KeyPair:
        """What was saved, the key decrypted.

        :raises NotFound: there is no such thing.
        """

    @abc.abstractmethod
    def certificate(self, ref: str) -> str:
        """Only the certificate; no secret is read.

        :raises NotFound: there is no such thing.
        """

    @abc.abstractmethod
    def delete(self, *refs: str) -> None:
        """Remove them; what is gone is a success."""

    @abc.abstractmethod
    def retire(self, cluster_uuid: str) -> None:
        """Remove all that was saved for the cluster.

        Also what a crash left before its reference was written down.
        """


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
