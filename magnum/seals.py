# SPDX-License-Identifier: Apache-2.0
"""Encryption of what must stand in the database and yet be no one's to read.

Fernet, with keys from the configuration: the first encrypts, all decrypt.
Without any, one is derived from the service's own password, which all nodes
share and which is not in the database.  It goes on to decrypt when keys are
configured later.  What is configured and has not the form of a Fernet key is
taken for such a password too: a former one, say, so that it may be changed.
"""

import base64
import functools

from cryptography import fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf import hkdf

from magnum import errors
from magnum.openstack import options


def fernets(keys: list[str], purpose: str) -> fernet.MultiFernet:
    """What encrypts with the first of `keys`, and decrypts with all.

    :param purpose: what they are for; the derived key depends on it.
    :raises InfrastructureFailed: there is neither a key nor a password.
    """
    found = [_fernet(key, purpose) for key in keys]
    password = options.service_password()
    if password:
        found.append(_derived(password, purpose))
    if not found:
        raise errors.InfrastructureFailed(
            f'There is no key for {purpose}: neither keys nor a password of '
            f'the service are configured.')
    return fernet.MultiFernet(found)


def _fernet(key: str, purpose: str) -> fernet.Fernet:
    try:
        return fernet.Fernet(key)
    except ValueError:
        return _derived(key, purpose)


@functools.cache
def _derived(password: str, purpose: str) -> fernet.Fernet:
    derivation = hkdf.HKDF(algorithm=hashes.SHA256(), length=32, salt=None,
                           info=f'magnum {purpose}'.encode())
    return fernet.Fernet(base64.urlsafe_b64encode(
        derivation.derive(password.encode())))
