# SPDX-License-Identifier: Apache-2.0
"""What is made and signed, and what is refused."""

import base64
import datetime
import subprocess
import time

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid
from oslo_config import cfg
import pytest

from magnum.certificates import x509 as keys
from magnum import errors

CONF = cfg.CONF

USAGE = dict.fromkeys(
    ('digital_signature', 'content_commitment', 'key_encipherment',
     'data_encipherment', 'key_agreement', 'key_cert_sign', 'crl_sign',
     'encipher_only', 'decipher_only'), False)


@pytest.fixture(autouse=True)
def quick_keys():
    CONF.set_override('rsa_key_size', 1024, 'x509')
    yield
    for name in ('rsa_key_size', 'allow_ca', 'allowed_extensions',
                 'allowed_key_usage'):
        CONF.clear_override(name, 'x509')


@pytest.fixture
def ca():
    return keys.make_ca('the cluster')


def request(*extensions, key=None, **subject):
    """A request for a certificate, with (extension, critical) pairs."""
    names = {'COMMON_NAME': 'someone', **subject}
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(
        [x509.NameAttribute(getattr(oid.NameOID, name), value)
         for name, value in names.items()]))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key or keys.new_key(), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM).decode()


def usage(**bits):
    return x509.KeyUsage(**{**USAGE, **bits})


def signed(ca, *extensions, **more):
    return x509.load_pem_x509_certificate(
        keys.sign(request(*extensions, **more), ca).encode())


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_an_authority_is_one_and_no_more(ca):
    certificate = keys.read_certificate(ca.certificate)
    constraints = extension(certificate, x509.BasicConstraints)
    assert constraints.critical and constraints.value.ca
    assert constraints.value.path_length == 0
    assert extension(certificate, x509.KeyUsage).value == usage(
        key_cert_sign=True)
    assert extension(certificate, x509.SubjectKeyIdentifier)
    certificate.verify_directly_issued_by(certificate)


def test_a_pair_does_not_show_its_key(ca):
    assert 'PRIVATE' not in repr(ca)


def test_what_is_signed_keeps_its_subject(ca):
    certificate = signed(ca, ORGANIZATION_NAME='system:masters')
    assert certificate.subject.rfc4514_string() == (
        'O=system:masters,CN=someone')
    assert certificate.issuer.rfc4514_string() == 'CN=the cluster'
    certificate.verify_directly_issued_by(
        keys.read_certificate(ca.certificate))


def test_what_is_signed_lasts_five_years_from_yesterday(ca):
    certificate = signed(ca)
    now = datetime.datetime.now(datetime.UTC)
    assert (now - certificate.not_valid_before_utc).days == 1
    assert (certificate.not_valid_after_utc - now).days in (1824, 1825)


def test_keys_of_other_kinds_are_signed_too(ca):
    key = ec.generate_private_key(ec.SECP256R1())
    assert signed(ca, key=key).public_key() == key.public_key()


def test_names_and_uses_are_copied(ca):
    names = x509.SubjectAlternativeName([x509.DNSName('a.example')])
    uses = x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = signed(ca, (names, False), (uses, True))
    assert extension(certificate, x509.SubjectAlternativeName).value == names
    assert extension(certificate, x509.ExtendedKeyUsage).critical


def test_a_key_identifier_of_the_request_does_not_clash(ca):
    key = keys.new_key()
    own = x509.SubjectKeyIdentifier(b'of my own')
    certificate = signed(ca, (own, False), key=key)
    assert extension(certificate, x509.SubjectKeyIdentifier).value == (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()))


def test_an_extension_that_is_not_allowed_is_dropped(ca):
    other = x509.IssuerAlternativeName([x509.DNSName('a.example')])
    certificate = signed(ca, (other, False))
    with pytest.raises(x509.ExtensionNotFound):
        extension(certificate, x509.IssuerAlternativeName)
    with pytest.raises(errors.InvalidCsr):
        signed(ca, (other, True))


def test_an_extension_nobody_knows_is_dropped(ca):
    unknown = x509.UnrecognizedExtension(
        x509.ObjectIdentifier('1.2.3.4'), b'x')
    signed(ca, (unknown, False))
    with pytest.raises(errors.InvalidCsr, match=r'1\.2\.3\.4'):
        signed(ca, (unknown, True))


def test_nobody_becomes_an_authority(ca):
    wanted = x509.BasicConstraints(ca=True, path_length=3)
    certificate = signed(ca, (wanted, False))
    assert not extension(certificate, x509.BasicConstraints).value.ca
    with pytest.raises(errors.InvalidCsr, match='CA'):
        signed(ca, (wanted, True))


def test_nobody_signs_certificates(ca):
    wanted = usage(digital_signature=True, key_cert_sign=True, crl_sign=True)
    CONF.set_override('allowed_key_usage',
                      ['Digital Signature', 'Certificate Sign', 'CRL Sign'],
                      'x509')
    certificate = signed(ca, (wanted, False))
    assert extension(certificate, x509.KeyUsage).value == usage(
        digital_signature=True)
    with pytest.raises(errors.InvalidCsr, match='key_cert_sign'):
        signed(ca, (wanted, True))


def test_an_operator_may_allow_authorities(ca):
    CONF.set_override('allow_ca', True, 'x509')
    CONF.set_override('allowed_key_usage', ['Certificate Sign'], 'x509')
    wanted = x509.BasicConstraints(ca=True, path_length=None)
    certificate = signed(ca, (wanted, True),
                         (usage(key_cert_sign=True), True))
    assert extension(certificate, x509.BasicConstraints).value.ca


def test_uses_that_are_not_allowed_are_cleared(ca):
    wanted = usage(key_encipherment=True, key_agreement=True,
                   encipher_only=True)
    certificate = signed(ca, (wanted, False))
    assert extension(certificate, x509.KeyUsage).value == usage(
        key_encipherment=True)
    with pytest.raises(errors.InvalidCsr, match='key_agreement'):
        signed(ca, (wanted, True))


@pytest.mark.parametrize('text', [
    '', 'nonsense', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n'
    '-----END CERTIFICATE REQUEST-----', 'ø\x00', '\ud800'])
def test_what_is_no_request_is_refused(ca, text):
    with pytest.raises(errors.InvalidCsr):
        keys.sign(text, ca)


def test_a_certificate_is_no_request(ca):
    with pytest.raises(errors.InvalidCsr):
        keys.sign(ca.certificate, ca)


def test_no_damaged_request_is_an_error_of_ours(ca):
    names = x509.SubjectAlternativeName([x509.DNSName('a.example')])
    pem = request((names, False), (usage(digital_signature=True), True))
    der = x509.load_pem_x509_csr(pem.encode()).public_bytes(
        serialization.Encoding.DER)
    for position in range(0, len(der), 3):
        damaged = bytearray(der)
        damaged[position] ^= 0x41
        with pytest.raises(errors.InvalidCsr):
            keys.sign(_pem(bytes(damaged)), ca)


def _pem(der):
    text = base64.encodebytes(der).decode()
    return (f'-----BEGIN CERTIFICATE REQUEST-----\n{text}'
            f'-----END CERTIFICATE REQUEST-----\n')


@pytest.mark.parametrize('name', CONF.x509.allowed_extensions)
@pytest.mark.parametrize('content', [
    b'', b'\x00', b'\x30\x00', b'\x30\x80', b'\x05\x00', b'\xff' * 40,
    # General names: an X.400 address, a directory name, an IP of 3 bytes.
    b'\x30\x04\xa3\x02\x30\x00', b'\x30\x04\xa4\x02\x30\x00',
    b'\x30\x05\x87\x03\x01\x02\x03', b'\x30\x04\x82\x02\xc3\xb8',
    b'\x03\x02\x00\x00', b'\x03\x03\x07\xff\x80', b'\x04\x00',
    b'\x30\x06\x01\x01\xff\x02\x01\xff'])
def test_nonsense_in_an_extension_is_no_error_of_ours(ca, name, content):
    nonsense = x509.UnrecognizedExtension(keys.EXTENSIONS[name], content)
    for critical in (False, True):
        try:
            signed(ca, (nonsense, critical))
        except errors.InvalidCsr:
            pass


def test_a_key_is_read_with_its_passphrase(ca):
    key = keys.read_key(ca.private_key)
    locked = keys.private_key_pem(key, 'pass')
    assert 'ENCRYPTED' in locked
    assert keys.private_key_pem(keys.read_key(locked, 'pass')) == (
        ca.private_key)


def test_keys_are_kept_in_stock(monkeypatch):
    monkeypatch.setattr(keys, '_filler', None)
    monkeypatch.setattr(keys, '_ready', keys.queue.Queue())
    keys.keep_keys_ready(2)
    stock = keys._ready
    for _ in range(200):
        if stock.full():
            break
        time.sleep(0.05)
    assert stock.full()
    assert keys.new_key() is not keys.new_key()


def test_the_stock_is_filled_again_after_a_failure(monkeypatch, caplog):
    monkeypatch.setattr(keys, '_filler', None)
    monkeypatch.setattr(keys, '_ready', keys.queue.Queue())
    monkeypatch.setattr(keys, 'RETRY_SECONDS', 0)
    generate, failures = keys._generate, [MemoryError()]

    def fail_once():
        if failures:
            raise failures.pop()
        return generate()
    monkeypatch.setattr(keys, '_generate', fail_once)
    keys.keep_keys_ready(1)
    assert keys._ready.get(timeout=10).key_size == 1024
    assert 'No keys can be made ahead' in caplog.text


def test_an_empty_stock_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(keys, '_ready', keys.queue.Queue())
    assert keys.new_key().key_size == 1024


def test_what_is_signed_passes_a_strict_check(ca, tmp_path):
    made = {'client': keys.make_client(ca, 'admin', 'o').certificate,
            'signed': keys.sign(request(), ca)}
    (tmp_path / 'ca.pem').write_text(ca.certificate)
    for name, pem in made.items():
        (tmp_path / name).write_text(pem + '\n')
        # Keys of tests are short: level 0 takes them.
        subprocess.run(
            ['openssl', 'verify', '-x509_strict', '-auth_level', '0',
             '-CAfile', tmp_path / 'ca.pem', tmp_path / name], check=True)


def test_nothing_outlives_its_authority(ca):
    CONF.set_override('term_of_validity', 365 * 30, 'x509')
    try:
        end = keys.read_certificate(ca.certificate).not_valid_after_utc
        assert signed(ca).not_valid_after_utc == end
        client = keys.make_client(ca, 'admin', 'o')
        assert keys.read_certificate(
            client.certificate).not_valid_after_utc == end
    finally:
        CONF.clear_override('term_of_validity', 'x509')


def test_an_authority_that_ended_signs_nothing(monkeypatch):
    CONF.set_override('term_of_validity', 0, 'x509')
    try:
        old = keys.make_ca('old')
    finally:
        CONF.clear_override('term_of_validity', 'x509')
    with pytest.raises(errors.Conflict, match='rotated'):
        keys.sign(request(), old)


@pytest.mark.parametrize('key, bits', [
    (rsa.generate_private_key(public_exponent=65537, key_size=1024), '1024'),
    (ec.generate_private_key(ec.SECP192R1()), '192')])
def test_weak_keys_are_named(ca, key, bits):
    CONF.clear_override('rsa_key_size', 'x509')
    with pytest.raises(errors.InvalidCsr, match=f'{bits} bits'):
        keys.sign(request(key=key), ca)


def openssl_request(tmp_path, digest):
    subprocess.run(
        ['openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout',
         tmp_path / 'key', '-out', tmp_path / 'csr', digest, '-subj',
         '/CN=admin'], check=True, capture_output=True)
    return (tmp_path / 'csr').read_text()


def test_a_request_signed_with_sha1_is_taken(ca, tmp_path):
    csr = openssl_request(tmp_path, '-sha1')
    made = keys.read_certificate(keys.sign(csr, ca))
    assert isinstance(made.signature_hash_algorithm, hashes.SHA256)


def test_a_wrong_signature_with_sha1_is_refused(ca, tmp_path):
    csr = x509.load_pem_x509_csr(openssl_request(tmp_path, '-sha1').encode())
    der = bytearray(csr.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    bad = x509.load_der_x509_csr(bytes(der)).public_bytes(
        serialization.Encoding.PEM).decode()
    with pytest.raises(errors.InvalidCsr, match='not signed with its own'):
        keys.sign(bad, ca)


def test_a_request_signed_with_md5_is_refused_by_name(ca, tmp_path):
    with pytest.raises(errors.InvalidCsr, match='MD5'):
        keys.sign(openssl_request(tmp_path, '-md5'), ca)
