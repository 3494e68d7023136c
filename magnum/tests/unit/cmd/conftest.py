# SPDX-License-Identifier: Apache-2.0
"""What the tests of all commands need."""

from keystoneauth1 import loading
from oslo_config import cfg
import pytest

CONF = cfg.CONF


@pytest.fixture(autouse=True)
def no_login():
    """No options of a login are left over, and so none is required.

    The library registers them when a login is loaded, `auth_url` as one
    without which no file can be read any more.
    """
    CONF.clear()
    CONF.unregister_opts(loading.get_auth_plugin_conf_options('password'),
                         group='keystone_auth')
