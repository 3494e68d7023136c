# SPDX-License-Identifier: Apache-2.0
"""Nobody reads api-paste.ini any more, and whoever has one is told."""

from oslo_config import cfg
import pytest

from magnum.api import paste

CONF = cfg.CONF

FILE = '''
[composite:main]
paste.composite_factory = magnum.api:root_app_factory
/: api
/healthcheck: healthcheck

[pipeline:api]
pipeline = cors request_id authtoken audit ours api_v1

[app:api_v1]
paste.app_factory = magnum.api.app:app_factory

[filter:authtoken]
acl_public_routes = /, /v1
paste.filter_factory = magnum.api.middleware.auth_token:X.factory

[filter:cross]
paste.filter_factory = oslo_middleware.cors:filter_factory

[filter:ours]
paste.filter_factory = example:Filter.factory

[app:healthcheck]
paste.app_factory = oslo_middleware:Healthcheck.app_factory
disable_by_file_path = %(here)s/off
'''


@pytest.fixture
def warnings(tmp_path, caplog):
    """What is said about a file of this content; None: there is none."""
    CONF([], project='magnum', default_config_files=[])

    def said(content):
        path = tmp_path / 'paste.ini'
        if content is not None:
            path.write_bytes(content)
        CONF.set_override('api_paste_config', str(path), 'api')
        caplog.clear()
        paste.warn()
        CONF.clear_override('api_paste_config', 'api')
        return [record.getMessage() for record in caplog.records
                if record.levelname == 'WARNING']
    return said


def test_each_filter_is_named_with_what_is_there_instead(warnings):
    [text] = warnings(FILE.encode())
    assert 'paste.ini is no longer read' in text
    assert 'authtoken: options of [keystone_authtoken]' in text
    assert 'cross: options of [cors]' in text
    assert 'healthcheck: options of [healthcheck]' in text
    assert 'ours: nothing; put it into the web server' in text
    assert 'api_v1' not in text


def test_where_there_is_none_nothing_is_said(warnings):
    assert warnings(None) == []


@pytest.mark.parametrize('content', [b'', b'no section', b'\xff\xfe[filter:'])
def test_what_cannot_be_read_ends_nothing(warnings, content):
    [text] = warnings(content)
    assert 'Instead of its filters: none' in text
