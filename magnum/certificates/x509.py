# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys: making, signing, reading.  PEM text in and out.

RSA keys take a tenth of a second or more each, and a cluster needs several.
`keep_keys_ready` has a thread make some ahead, so that who creates a cluster
need not wait for them.
"""

from collections.abc import Iterable
import contextlib
import datetime
import os
import queue
import threading
import time
import uuid

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid
from oslo_config import cfg
from oslo_log import log

from magnum import errors
from magnum import specs

LOG = log.getLogger(__name__)
CONF = cfg.CONF

EXTENSIONS = {
    'authorityKeyIdentifier': oid.ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    'subjectKeyIdentifier': oid.ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    'authorityInfoAccess': oid.ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    'basicConstraints': oid.ExtensionOID.BASIC_CONSTRAINTS,
    'cRLDistributionPoints': oid.ExtensionOID.CRL_DISTRIBUTION_POINTS,
    'certificatePolicies': oid.ExtensionOID.CERTIFICATE_POLICIES,
    'extendedKeyUsage': oid.ExtensionOID.EXTENDED_KEY_USAGE,
    'OCSPNoCheck': oid.ExtensionOID.OCSP_NO_CHECK,
    'inhibitAnyPolicy': oid.ExtensionOID.INHIBIT_ANY_POLICY,
    'keyUsage': oid.ExtensionOID.KEY_USAGE,
    'nameConstraints': oid.ExtensionOID.NAME_CONSTRAINTS,
    'subjectAltName': oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    'issuerAltName': oid.ExtensionOID.ISSUER_ALTERNATIVE_NAME,
}

KEY_USAGES = {
    'Digital Signature': 'digital_signature',
    'Non Repudiation': 'content_commitment',
    'Key Encipherment': 'key_encipherment',
    'Data Encipherment': 'data_encipherment',
    'Key Agreement': 'key_agreement',
    'Certificate Sign': 'key_cert_sign',
    'CRL Sign': 'crl_sign',
    'Encipher Only': 'encipher_only',
    'Decipher Only': 'decipher_only',
}

OPTS = [
    cfg.BoolOpt('allow_ca', default=False,
                help='Whether a certificate that is signed on request may be '
                     'that of a CA.'),
    cfg.ListOpt('allowed_extensions',
                item_type=cfg.types.String(choices=list(EXTENSIONS)),
                default=['keyUsage', 'extendedKeyUsage', 'subjectAltName',
                         'basicConstraints', 'subjectKeyIdentifier'],
                help='Extensions that are copied from a certificate signing '
                     'request.'),
    cfg.ListOpt('allowed_key_usage',
                item_type=cfg.types.String(choices=list(KEY_USAGES)),
                default=['Digital Signature', 'Key Encipherment',
                         'Non Repudiation'],
                help='Key usages that are copied from a certificate signing '
                     'request.'),
    cfg.IntOpt('term_of_validity', default=365 * 5,
               help='Days for which a certificate is valid.'),
    cfg.IntOpt('rsa_key_size', default=2048,
               help='Length in bits of the RSA keys that are created for '
                    'clusters.'),
]

CONF.register_opts(OPTS, group='x509')

# Extensions that a certificate has in any case, with values of ours.
_OUR_OWN = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)

# What a key must have, at least, to be signed.
MIN_RSA_BITS = 2048
MIN_CURVE_BITS = 224

# The limit of X.509 for a common name.
MAX_COMMON_NAME = 64

# How long after a failure until another key is made ahead.
RETRY_SECONDS = 60

_ready: queue.Queue = queue.Queue()
_filler: threading.Thread | None = None


def keep_keys_ready(count: int = 8) -> None:
    """From now on have a thread keep so many keys in stock."""
    global _filler, _ready
    if _filler is None or not _filler.is_alive():
        _ready = queue.Queue(maxsize=count)
        _filler = threading.Thread(target=_fill, args=(_ready,), daemon=True,
                                   name='keys')
        _filler.start()


def _fill(stock: queue.Queue) -> None:
    # Linux is nice to single threads; making keys is nobody's first concern.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    while True:
        try:
            stock.put(_generate())
        except Exception:
            # Whoever needs a key makes it, and says why that cannot be done.
            LOG.exception('No keys can be made ahead; trying again in %d s.',
                          RETRY_SECONDS)
            time.sleep(RETRY_SECONDS)
        time.sleep(0.05)


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537,
                                    key_size=CONF.x509.rsa_key_size)


def new_key() -> rsa.RSAPrivateKey:
    """A key that nobody else has; from stock if there is one."""
    try:
        return _ready.get_nowait()
    except queue.Empty:
        return _generate()


def make_ca(common_name: str) -> specs.KeyPair:
    """A self-signed authority."""
    key = new_key()
    name = _name(common_name)
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0),
                       critical=True)
        .add_extension(_key_usage('key_cert_sign'), critical=True)
        .sign(key, hashes.SHA256()))
    return specs.KeyPair(_pem(certificate), private_key_pem(key))


def make_client(ca: specs.KeyPair, common_name: str, organization: str
                ) -> specs.KeyPair:
    """A client certificate of the authority's."""
    key = new_key()
    certificate = (
        _issued(read_certificate(ca.certificate),
                _name(common_name, organization), key.public_key())
        .add_extension(_key_usage('digital_signature', 'key_encipherment'),
                       critical=True)
        .add_extension(x509.ExtendedKeyUsage(
            [oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None),
                       critical=True)
        .sign(read_key(ca.private_key), hashes.SHA256()))
    return specs.KeyPair(_pem(certificate), private_key_pem(key))


def sign(csr_pem: str, ca: specs.KeyPair) -> str:
    """A certificate for the request, as far as it is allowed.

    :raises InvalidCsr: it cannot be read, or asks too much.
    """
    request = _read_csr(csr_pem)
    issuer = read_certificate(ca.certificate)
    builder = _issued(issuer, request.subject, request.public_key())
    try:
        wanted = list(request.extensions)
    except (ValueError, x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType) as e:
        raise errors.InvalidCsr(
            f'An extension of the certificate request cannot be read: {e}'
        ) from None
    for extension in _allowed(wanted):
        if not isinstance(extension.value, _OUR_OWN):
            builder = builder.add_extension(extension.value,
                                            extension.critical)
    return _pem(builder.sign(read_key(ca.private_key), hashes.SHA256()))


def read_certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def read_key(pem: str, passphrase: str | None = None) -> rsa.RSAPrivateKey:
    # Release 22.0.0 stored passphrases as latin-1.  The keys are our own:
    # proving that their primes are prime would take a tenth of a second each.
    return serialization.load_pem_private_key(
        pem.encode(), passphrase and passphrase.encode('latin-1'),
        unsafe_skip_rsa_key_validation=True)


def private_key_pem(key: rsa.RSAPrivateKey,
                    passphrase: str | None = None) -> str:
    """The key as PKCS#8, encrypted if there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if passphrase is None
        else serialization.BestAvailableEncryption(
            passphrase.encode('latin-1')))
    return key.private_bytes(serialization.Encoding.PEM,
                             serialization.PrivateFormat.PKCS8,
                             encryption).decode().strip()


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(oid.NameOID.COMMON_NAME,
                                common_name[:MAX_COMMON_NAME])]
    if organization:
        parts.append(x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME,
                                        organization))
    return x509.Name(parts)


def _issued(issuer: x509.Certificate, subject: x509.Name,
            public_key) -> x509.CertificateBuilder:
    """What an authority signs: it names the authority's key, and ends with
    the authority at the latest.

    :raises Conflict: the authority has ended.
    """
    if issuer.not_valid_after_utc <= datetime.datetime.now(datetime.UTC):
        raise errors.Conflict(
            f'The CA of the cluster expired at {issuer.not_valid_after_utc}; '
            f'it has to be rotated first.')
    return (_builder(subject, issuer.subject, public_key,
                     issuer.not_valid_before_utc, issuer.not_valid_after_utc)
            .add_extension(_key_of(issuer), critical=False))


def _key_of(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        found = issuer.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        found.value)


def _builder(subject: x509.Name, issuer: x509.Name, public_key,
             begin: datetime.datetime | None = None,
             end: datetime.datetime | None = None
             ) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    not_before = now - datetime.timedelta(days=1)
    not_after = now + datetime.timedelta(days=CONF.x509.term_of_validity)
    return (x509.CertificateBuilder()
            .subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(uuid.uuid4().int)
            .not_valid_before(max(not_before, begin or not_before))
            .not_valid_after(min(not_after, end or not_after))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(
                public_key), critical=False))


def _key_usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names
                            for name in KEY_USAGES.values()})


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(
        serialization.Encoding.PEM).decode().strip()


def _read_csr(pem: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key, algorithm = request.public_key(), request.signature_hash_algorithm
        valid = request.is_signature_valid or _is_signed_with_sha1(request)
        request.subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion,
            exceptions.UnsupportedAlgorithm, KeyError):
        # The last by older versions, for a kind of text that they do not know.
        raise errors.InvalidCsr(
            'csr is not a PEM certificate signing request that can be '
            'read.') from None
    _check_strength(key, algorithm)
    if not valid:
        raise errors.InvalidCsr(
            'csr is not signed with its own private key.')
    return request


def _is_signed_with_sha1(request: x509.CertificateSigningRequest) -> bool:
    """Whether the signature is right, though `cryptography` refuses it.

    It shows only that the sender has the key; what is made of the request is
    signed with SHA-256.  Clients that send such requests are in use.
    """
    key, algorithm = request.public_key(), request.signature_hash_algorithm
    if not isinstance(algorithm, hashes.SHA1):
        return False
    signed = (request.signature, request.tbs_certrequest_bytes)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(*signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(*signed, ec.ECDSA(algorithm))
        else:
            return False
    except exceptions.InvalidSignature:
        return False
    return True


def _check_strength(key, algorithm: hashes.HashAlgorithm | None) -> None:
    if isinstance(algorithm, hashes.MD5):
        raise errors.InvalidCsr('csr is signed with MD5, which is too weak; '
                                'use SHA-256.')
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        # An operator may want less of our own keys, as in tests.
        least = min(MIN_RSA_BITS, CONF.x509.rsa_key_size)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        least = MIN_CURVE_BITS
    else:
        return
    if key.key_size < least:
        raise errors.InvalidCsr(f'csr is for a key of {key.key_size} bits, '
                                f'which is too weak; it must have at least '
                                f'{least}.')


def _allowed(extensions: Iterable[x509.Extension]) -> list[x509.Extension]:
    """What may be copied; what may not is dropped, or refused if critical."""
    names = {EXTENSIONS[name]: name for name in CONF.x509.allowed_extensions}
    kept = []
    for extension in extensions:
        if extension.oid not in names:
            if extension.critical:
                raise errors.InvalidCsr(
                    f'csr has the critical extension '
                    f'{extension.oid.dotted_string}, which is not allowed.')
            continue
        if isinstance(extension.value, x509.KeyUsage):
            extension = _allowed_usage(extension)
        elif isinstance(extension.value, x509.BasicConstraints):
            extension = _allowed_constraints(extension)
        kept.append(extension)
    return kept


def _allowed_usage(extension: x509.Extension) -> x509.Extension:
    allowed = {KEY_USAGES[name] for name in CONF.x509.allowed_key_usage}
    if not CONF.x509.allow_ca:
        allowed -= {'key_cert_sign', 'crl_sign'}
    wanted = {name for name in KEY_USAGES.values()
              if _has_usage(extension.value, name)}
    if extension.critical and wanted - allowed:
        raise errors.InvalidCsr(
            f'csr asks for key usages that are not allowed: '
            f'{", ".join(sorted(wanted - allowed))}.')
    kept = wanted & allowed
    if 'key_agreement' not in kept:
        kept -= {'encipher_only', 'decipher_only'}
    return x509.Extension(extension.oid, extension.critical,
                          _key_usage(*kept))


def _has_usage(usage: x509.KeyUsage, name: str) -> bool:
    # These two have no value without key agreement.
    if name in ('encipher_only', 'decipher_only') and not usage.key_agreement:
        return False
    return getattr(usage, name)


def _allowed_constraints(extension: x509.Extension) -> x509.Extension:
    if not extension.value.ca or CONF.x509.allow_ca:
        return extension
    if extension.critical:
        raise errors.InvalidCsr('csr asks to become an authority (CA), which '
                                'is not allowed.')
    return x509.Extension(
        extension.oid, False,
        x509.BasicConstraints(ca=False, path_length=None))
