# SPDX-License-Identifier: Apache-2.0
"""Keys that are made for Heat's eyes only, and kept nowhere else.

Elliptic ones: they are made in a moment and take little of the user data.
"""

import base64
import datetime
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid

from magnum import specs

# Kubernetes lets this group ask for a node's certificate, approves it, and
# shows it kubeadm's configuration.
BOOTSTRAPPERS = 'system:bootstrappers:kubeadm:default-node-token'

# Clocks of nodes may be behind.
SLACK = datetime.timedelta(minutes=30)


def service_account_pair() -> tuple[str, str]:
    """(private key, public key) with which tokens of pods are signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    return _pem(key), public.decode()


def join_kubeconfig(authority: specs.KeyPair, lifetime: datetime.timedelta
                    ) -> tuple[str, datetime.datetime]:
    """A kubeconfig with which a server may become a node, and its end.

    It may ask to join and read how, nothing else.  Heat fills in the API's
    address.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key: Any = serialization.load_pem_private_key(
        authority.private_key.encode(), password=None,
        # It is our own, and a check takes a tenth of a second.
        unsafe_skip_rsa_key_validation=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    until = min(now + lifetime, issuer.not_valid_after_utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([
            x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, BOOTSTRAPPERS),
            x509.NameAttribute(
                oid.NameOID.COMMON_NAME,
                f'system:bootstrap:magnum-{secrets.token_hex(4)}')]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(
            [oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(issuer_key, hashes.SHA256()))
    return _kubeconfig(authority.certificate, _pem(certificate),
                       _pem(key)), until


def days_left(certificate: str) -> int:
    """Whole days until a certificate ends."""
    until = x509.load_pem_x509_certificate(
        certificate.encode()).not_valid_after_utc
    return (until - datetime.datetime.now(datetime.UTC)).days


def _pem(thing: x509.Certificate | ec.EllipticCurvePrivateKey) -> str:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    return thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()).decode()


def _kubeconfig(ca: str, certificate: str, key: str) -> str:
    def packed(pem: str) -> str:
        return base64.b64encode(pem.encode()).decode()

    # JSON is YAML, too.
    return json.dumps({
        'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'join',
        'clusters': [{'name': 'join', 'cluster': {
            'server': 'https://@API_ADDRESS@:6443',
            'certificate-authority-data': packed(ca)}}],
        'users': [{'name': 'join', 'user': {
            'client-certificate-data': packed(certificate),
            'client-key-data': packed(key)}}],
        'contexts': [{'name': 'join', 'context': {
            'cluster': 'join', 'user': 'join'}}]}, indent=1)
