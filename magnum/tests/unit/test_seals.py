# SPDX-License-Identifier: Apache-2.0
"""Keys for secrets in the database: their forms, and which of them opens."""

import base64

from cryptography import fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf import hkdf
from oslo_config import cfg
import pytest

from magnum import seals
from magnum.tests.fakes import web

CONF = cfg.CONF

KEYS = [fernet.Fernet.generate_key().decode() for _ in range(3)]

cloud = web.cloud


@pytest.fixture
def keys(cloud):
    """Set the keys of tokens and of what is kept; none at first."""
    def keys(*values):
        CONF.set_override('seal_keys', list(values), 'journal')
        CONF.set_override('encryption_keys', list(values), 'certificates')
    yield keys
    CONF.clear_override('seal_keys', 'journal')
    CONF.clear_override('encryption_keys', 'certificates')


@pytest.fixture(params=['TOKENS', 'KEPT'])
def safe(request):
    return getattr(seals, request.param)


def sealed_by_hkdf(phrase, purpose, text):
    """As the release before this one made a key from a password."""
    derived = hkdf.HKDF(algorithm=hashes.SHA256(), length=32, salt=None,
                        info=f'magnum {purpose}'.encode()).derive(
                            phrase.encode())
    return fernet.Fernet(base64.urlsafe_b64encode(derived)).encrypt(
        text.encode()).decode()


def test_the_first_key_seals_and_all_open(keys, safe):
    keys(KEYS[0])
    by_first = safe.seal('secret')
    keys(KEYS[1], KEYS[0])
    by_second = safe.seal('secret')
    assert safe.unseal(by_first) == safe.unseal(by_second) == 'secret'
    assert [safe.is_current(text) for text in (by_first, by_second)] == [
        False, True]
    keys(KEYS[1])
    with pytest.raises(seals.CannotOpen, match=r'_keys.*former one'):
        safe.unseal(by_first)


def test_several_fernet_keys_may_stand_in_one_line(keys, safe):
    keys(KEYS[0])
    sealed = safe.seal('secret')
    keys(f'{KEYS[1]},{KEYS[0]}', KEYS[2])
    assert safe.unseal(sealed) == 'secret'
    assert safe.is_current(safe.seal('new'))
    keys(KEYS[1])
    assert safe.unseal(safe.seal('new')) == 'new'


def test_a_pass_phrase_may_hold_commas(keys, safe):
    keys('passphrase:one, two,three')
    sealed = safe.seal('secret')
    assert safe.unseal(sealed) == 'secret'
    assert safe.is_current(sealed)
    keys(KEYS[0], 'passphrase:one, two,three')
    assert safe.unseal(sealed) == 'secret'
    assert not safe.is_current(sealed)
    keys('passphrase:one', 'passphrase:two', 'passphrase:three')
    with pytest.raises(seals.CannotOpen):
        safe.unseal(sealed)


def test_a_pass_phrase_opens_what_another_process_sealed(keys, safe,
                                                         monkeypatch):
    keys('passphrase:one')
    sealed = safe.seal('secret')
    monkeypatch.setattr(seals, '_own_salt', lambda: 'another')
    again = safe.seal('secret')
    assert sealed.split(':')[1] != again.split(':')[1] == 'another'
    assert safe.unseal(sealed) == safe.unseal(again) == 'secret'


def test_without_keys_the_password_of_the_service_seals(keys, safe):
    sealed = safe.seal('secret')
    assert sealed.startswith(seals.SCRYPT)
    assert safe.is_current(sealed) and not safe.has_keys()
    CONF.set_override('password', 'another', 'keystone_auth')
    with pytest.raises(seals.CannotOpen):
        safe.unseal(sealed)
    keys(f'passphrase:{web.LOGIN["password"]}')
    assert safe.unseal(sealed) == 'secret'


@pytest.mark.parametrize('values', [
    (), (KEYS[0],), (KEYS[0], f'passphrase:{web.LOGIN["password"]}')])
def test_what_the_release_before_sealed_is_opened(keys, safe, values):
    old = sealed_by_hkdf(web.LOGIN['password'], safe._purpose, 'secret')
    keys(*values)
    for text in (old, f'{seals.FERNET}{old}'):
        assert safe.unseal(text) == 'secret'
        assert not safe.is_current(text)


def test_a_listed_former_password_opens_what_it_sealed(keys, safe):
    old = sealed_by_hkdf('a former, password', safe._purpose, 'secret')
    with pytest.raises(seals.CannotOpen):
        safe.unseal(old)
    keys('passphrase:a former, password')
    assert safe.unseal(old) == 'secret'


@pytest.mark.parametrize('value', [
    'changeme', KEYS[0][:41], f'{KEYS[0]},changeme', f'{KEYS[0]},', '', ','])
def test_what_is_no_key_is_refused_without_being_shown(keys, value):
    keys(KEYS[1], value)
    with pytest.raises(seals.BadKey) as caught:
        seals.check()
    assert str(caught.value).startswith('[journal] seal_keys, value 2: ')
    assert 'passphrase:' in str(caught.value)
    assert not value.strip(',') or value not in str(caught.value)


def test_an_empty_pass_phrase_is_refused(keys):
    keys('passphrase:')
    with pytest.raises(seals.BadKey, match='empty'):
        seals.check()


@pytest.mark.parametrize('values', [
    (), (KEYS[0],), (f'{KEYS[0]}, {KEYS[1]}',), ('passphrase:changeme',)])
def test_keys_are_accepted(keys, values):
    keys(*values)
    seals.check()


def test_a_line_for_each_key_in_the_file(tmp_path):
    path = tmp_path / 'magnum.conf'
    path.write_text(f'[journal]\nseal_keys = {KEYS[0]}\n'
                    f'seal_keys = passphrase:a, b\n')
    conf = cfg.ConfigOpts()
    conf.register_opts(seals.JOURNAL_OPTS, group='journal')
    conf(['--config-file', str(path)])
    assert conf.journal.seal_keys == [KEYS[0], 'passphrase:a, b']


def test_a_sealed_text_fits_a_column_of_22_0_0(keys):
    keys('passphrase:one')
    assert len(seals.KEPT.seal('x' * 18)) <= 255
    assert len(seals.KEPT.seal('x' * 48)) <= 255


def test_what_was_never_sealed_is_told_apart(keys):
    assert not seals.KEPT.is_sealed('A23bcdefgh')
    assert not seals.KEPT.is_sealed(None)
    assert seals.KEPT.is_sealed(seals.KEPT.seal('A23bcdefgh'))
    keys(KEYS[0])
    assert seals.KEPT.is_sealed(seals.KEPT.seal('A23bcdefgh'))
