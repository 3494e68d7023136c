# SPDX-License-Identifier: Apache-2.0
"""A word about the file that older releases took their middleware from.

An operator who has changed `api-paste.ini` shall not find out by and by that
nobody reads it any more.
"""

import configparser

from oslo_config import cfg
from oslo_log import log

from magnum.api import options  # noqa: F401  (registers [api])

LOG = log.getLogger(__name__)
CONF = cfg.CONF

# By a part of the name of a section or of its factory: what there is instead.
_INSTEAD = {
    'cors': 'options of [cors]',
    'http_proxy_to_wsgi': '[oslo_middleware] enable_proxy_headers_parsing',
    'request_id': 'always there',
    'osprofiler': 'options of [profiler]',
    'profiler': 'options of [profiler]',
    'auth_token': 'options of [keystone_authtoken]',
    'authtoken': 'options of [keystone_authtoken]',
    'healthcheck': 'options of [healthcheck]',
    'sizelimit': 'always there, 1 MiB',
    'audit': 'nothing; see [oslo_messaging_notifications] and the access log',
}
_NOTHING = 'nothing; put it into the web server in front, or around magnum.' \
           'wsgi.api:application'


def warn():
    """Say which filters of an existing file are not used any more."""
    path = CONF.find_file(CONF.api.api_paste_config)
    if path is None:
        return
    filters = _filters(path)
    LOG.warning('%s is no longer read: the order of the middleware is fixed, '
                'its settings are options. Move what you have changed there '
                'and remove the file. Instead of its filters: %s.',
                path, '; '.join(f'{name}: {_instead(name, factory)}'
                                for name, factory in filters) or 'none')


def _filters(path):
    """(name, factory) of each filter, and of the health check."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError) as e:
        LOG.debug('%s cannot be read: %s', path, e)
        return []
    found = []
    for section in parser.sections():
        kind, _, name = section.partition(':')
        if kind == 'filter' or (kind, name) == ('app', 'healthcheck'):
            factories = [value for key, value in parser.items(section)
                         if key.startswith('paste.') or key == 'use']
            found.append((name, ' '.join(factories)))
    return found


def _instead(name, factory):
    for part, instead in _INSTEAD.items():
        if part in name or part in factory:
            return instead
    return _NOTHING
