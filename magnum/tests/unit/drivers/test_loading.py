# SPDX-License-Identifier: Apache-2.0
"""Drivers of other people: what is wrong with one must not harm the rest."""

import sys

from oslo_config import cfg
import pytest

from magnum import drivers

CONF = cfg.CONF

OWN = 'k8s_kubeadm_v1'


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with a driver called `foreign`, of this code."""
    def installed(code):
        (tmp_path / 'foreign_driver.py').write_text(code)
        info = tmp_path / 'foreign_driver-1.0.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text('Metadata-Version: 2.1\n'
                                       'Name: foreign-driver\nVersion: 1.0\n')
        (info / 'entry_points.txt').write_text(
            '[magnum.drivers]\nforeign = foreign_driver:Driver\n')
        monkeypatch.syspath_prepend(tmp_path)
    drivers._installed.cache_clear()
    yield installed
    drivers._installed.cache_clear()
    sys.modules.pop('foreign_driver', None)


@pytest.mark.parametrize('code', [
    'import no_such_module',
    'from magnum.drivers.common import driver',
    'assert False, "not here"',
    'def Driver(): raise RuntimeError("no cloud")',
    'class Driver:\n    provides = ()'])
def test_a_driver_that_cannot_be_loaded_is_absent(install, caplog, code):
    install(code)
    assert drivers.names() == [OWN]
    [record] = [record for record in caplog.records
                if record.name == 'magnum.drivers']
    assert record.levelname == 'WARNING'
    assert 'foreign (foreign_driver:Driver)' in record.getMessage()


def test_a_disabled_driver_is_not_imported(install, caplog):
    install('raise RuntimeError("imported")')
    CONF.set_override('disabled_drivers', ['foreign'], 'drivers')
    try:
        assert drivers.names() == [OWN]
    finally:
        CONF.clear_override('disabled_drivers', 'drivers')
    assert 'foreign' not in caplog.text
    assert 'foreign_driver' not in sys.modules


def test_a_driver_of_others_is_used(install):
    install('from magnum.drivers import fallback\n'
            'Driver = fallback.Driver')
    assert drivers.names() == ['foreign', OWN]
