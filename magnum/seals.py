# SPDX-License-Identifier: Apache-2.0
"""Encryption of secrets that are kept in the database.

A safe has the keys of one option.  The first key seals, all of them open.  A
key is a Fernet key, or a pass phrase, which scrypt turns into one.  Without
any key the password of the service's own user is such a pass phrase: all nodes
share it, and it is not in the database.

What is sealed stands in the database as

    fernet:<text>          sealed with a Fernet key
    scrypt:<salt>:<text>   sealed with a pass phrase
    <text>                 a token, sealed with a Fernet key

A salt is random and belongs to the process that seals.  It travels with the
text, so the nodes need not agree on one.  An earlier form derived keys from
pass phrases without a salt, by HKDF; it is opened, and never written.
"""

import base64
from collections.abc import Iterator
import functools
import hashlib
import os

from cryptography import fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf import hkdf
from oslo_config import cfg

from magnum import errors
from magnum.openstack import options

CONF = cfg.CONF

_FORM = (
    'A Fernet key, or a pass phrase with the prefix "passphrase:". May be '
    'given several times: the first key seals, all of them open. Must be the '
    'same on all nodes. Several Fernet keys may also stand in one line, '
    'separated by commas. Without any key, one is derived from the password '
    'of the service user; before that password is changed, list it here as a '
    'pass phrase.')

JOURNAL_OPTS = [
    cfg.MultiStrOpt('seal_keys', default=[], secret=True,
                    help='Key that protects the tokens of operations that '
                         'have not ended. ' + _FORM),
]

CERTIFICATES_OPTS = [
    cfg.MultiStrOpt('encryption_keys', default=[], secret=True,
                    help='Key that protects what the database keeps for as '
                         'long as a cluster lives: the private keys of its '
                         'certificates, with the x509keypair store, and the '
                         'password of its Keystone user. ' + _FORM),
]

CONF.register_opts(JOURNAL_OPTS, group='journal')
CONF.register_opts(CERTIFICATES_OPTS, group='certificates')

PASSPHRASE = 'passphrase:'
FERNET, SCRYPT = 'fernet:', 'scrypt:'

# 32 MiB and a tenth of a second for each guess.
_COST = {'n': 2 ** 15, 'r': 8, 'p': 1, 'maxmem': 2 ** 26}
_SALT_BYTES = 16


class BadKey(errors.InfrastructureFailed):
    """A configured key is none."""


class CannotOpen(errors.InfrastructureFailed):
    """None of the configured keys opens a sealed text."""


class Safe:
    """The keys of one option.

    :param purpose: what they are for; keys made from pass phrases depend on
        it.
    :param bare: texts sealed with a Fernet key have no prefix, as conductors
        of an earlier release expect it.
    """

    def __init__(self, group: str, option: str, purpose: str,
                 bare: bool = False):
        self.name = f'[{group}] {option}'
        self._group, self._option = group, option
        self._purpose, self._prefix = purpose, '' if bare else FERNET

    def seal(self, text: str) -> str:
        """The text as it may stand in the database."""
        first = next(self._keys())
        if isinstance(first, fernet.Fernet):
            return self._prefix + first.encrypt(text.encode()).decode()
        salt = _own_salt()
        sealed = _by_scrypt(first, salt, self._purpose).encrypt(text.encode())
        return f'{SCRYPT}{salt}:{sealed.decode()}'

    def unseal(self, sealed: str) -> str:
        """The text that was sealed.

        :raises CannotOpen: no key that is configured here opens it.
        """
        for key in self._keys():
            text = self._open(key, sealed)
            if text is not None:
                return text
        raise CannotOpen(
            f'A secret in the database cannot be opened: the key that sealed '
            f'it is missing in {self.name}. If the password of the service '
            f'user was changed, list the former one there, as '
            f'"{PASSPHRASE}...".')

    def is_sealed(self, text: str | None) -> bool:
        """Whether it is sealed, with whichever key; a bare text may be."""
        return bool(text) and (not self._prefix
                               or text.startswith((FERNET, SCRYPT)))

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it, in the form of today."""
        first = next(self._keys())
        return (isinstance(first, fernet.Fernet)
                != sealed.startswith(SCRYPT)
                and self._open(first, sealed) is not None)

    def has_keys(self) -> bool:
        """Whether the operator gave any; else it is the service's password.

        :raises BadKey: what is given is no key.
        """
        return bool(self._configured())

    def _configured(self) -> list[fernet.Fernet | str]:
        return _parsed(self.name, tuple(CONF[self._group][self._option]))

    def _keys(self) -> Iterator[fernet.Fernet | str]:
        """Fernet keys, and pass phrases as text; the first is the sealer."""
        configured = self._configured()
        yield from configured
        password = options.service_password()
        if password:
            yield password
        elif not configured:
            raise errors.InfrastructureFailed(
                f'There is no key for {self._purpose}: neither {self.name} '
                f'nor a password of the service user is configured.')

    def _open(self, key: fernet.Fernet | str, sealed: str) -> str | None:
        text = sealed
        if sealed.startswith(SCRYPT):
            salt, _, text = sealed.removeprefix(SCRYPT).partition(':')
            if isinstance(key, fernet.Fernet):
                return None
            key = _by_scrypt(key, salt, self._purpose)
        elif isinstance(key, str):
            key = _by_hkdf(key, self._purpose)
        try:
            return key.decrypt(text.removeprefix(FERNET).encode()).decode()
        except (fernet.InvalidToken, ValueError):
            return None


# Tokens of operations under way, and all that a cluster keeps.
TOKENS = Safe('journal', 'seal_keys', 'sealing tokens', bare=True)
KEPT = Safe('certificates', 'encryption_keys', 'keeping certificates')


def missing() -> str | None:
    """What an operator should know who has configured no keys."""
    bare = [safe.name for safe in (TOKENS, KEPT) if not safe.has_keys()]
    if not bare:
        return None
    return (
        f'{" and ".join(bare)}: no key is set, so one is made from the '
        f'password of the service user. It encrypts the tokens of operations '
        f'([journal] seal_keys), the passwords of clusters\' Keystone users '
        f'and, unless they are in Barbican, the private keys of clusters '
        f'([certificates] encryption_keys): the database is as safe as that '
        f'password. Make keys with "magnum-db-manage new-key", set them on '
        f'all nodes, and run "magnum-db-manage reseal".')


def check() -> None:
    """Refuse configured keys that are none; call it when a process starts.

    :raises BadKey: with the option's name, and without the value.
    """
    for safe in (TOKENS, KEPT):
        safe.has_keys()


@functools.cache
def _parsed(name: str,
            values: tuple[str, ...]) -> list[fernet.Fernet | str]:
    return [key for number, value in enumerate(values, 1)
            for key in _keys_of(f'{name}, value {number}', value.strip())]


def _keys_of(where: str, value: str) -> list[fernet.Fernet | str]:
    if value.startswith(PASSPHRASE):
        phrase = value.removeprefix(PASSPHRASE)
        if not phrase:
            raise BadKey(f'{where}: the pass phrase is empty.')
        return [phrase]
    try:
        return [fernet.Fernet(part.strip()) for part in value.split(',')]
    except ValueError:
        raise BadKey(
            f'{where}: this is no Fernet key, which is 32 random bytes in '
            f'URL-safe base64: 44 characters. Make one with "magnum-db-manage '
            f'new-key". If it is meant as a pass phrase, such as a former '
            f'password of the service user, write "{PASSPHRASE}" before it, '
            f'and give each a line of its own.') from None


@functools.cache
def _own_salt() -> str:
    return base64.urlsafe_b64encode(os.urandom(_SALT_BYTES)).decode()


@functools.lru_cache(maxsize=1024)
def _by_scrypt(phrase: str, salt: str, purpose: str) -> fernet.Fernet:
    return fernet.Fernet(base64.urlsafe_b64encode(hashlib.scrypt(
        phrase.encode(), salt=f'magnum {purpose} {salt}'.encode(), dklen=32,
        **_COST)))


@functools.cache
def _by_hkdf(phrase: str, purpose: str) -> fernet.Fernet:
    derivation = hkdf.HKDF(algorithm=hashes.SHA256(), length=32, salt=None,
                           info=f'magnum {purpose}'.encode())
    return fernet.Fernet(base64.urlsafe_b64encode(
        derivation.derive(phrase.encode())))
