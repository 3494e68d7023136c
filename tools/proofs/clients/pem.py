# SPDX-License-Identifier: Apache-2.0
"""Certificates as their owner handles them: with openssl."""

import subprocess

from expect import same


def request(folder):
    """A request for an administrator's certificate; its key is in `folder`."""
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout',
            folder / 'key.pem', '-out', folder / 'request.pem',
            '-subj', '/O=system:masters/CN=admin')
    return (folder / 'request.pem').read_text()


def verify(authority, certificate):
    """See that a client may log in with what that authority signed."""
    same(openssl('verify', '-purpose', 'sslclient', '-CAfile', authority,
                 certificate).strip(), f'{certificate}: OK')


def verify_text(folder, authority, certificate):
    (folder / 'authority').write_text(authority)
    (folder / 'certificate').write_text(certificate)
    verify(folder / 'authority', folder / 'certificate')


def openssl(*words):
    return subprocess.run(['openssl', *words], text=True, check=True,
                          capture_output=True, timeout=60).stdout
