# SPDX-License-Identifier: Apache-2.0
"""How this service reaches others: options of its login and its clients."""

import logging
import typing
from typing import Any

from keystoneauth1 import loading
from keystoneauth1.loading import conf as conf_loading
from oslo_config import cfg

LOG = logging.getLogger(__name__)
CONF = cfg.CONF

AUTH_GROUP = 'keystone_auth'
TOKEN_GROUP = 'keystone_authtoken'


class Client(typing.NamedTuple):
    """Another service: as people call it, its type, its API's version."""

    name: str
    service_type: str
    version: str


# The word of the [<word>_client] section, and what it stands for.
CLIENTS = {
    'barbican': Client('Barbican', 'key-manager', 'v1'),
    'cinder': Client('Cinder', 'block-storage', 'v3'),
    'glance': Client('Glance', 'image', 'v2'),
    'heat': Client('Heat', 'orchestration', 'v1'),
    'magnum': Client('Magnum', 'container-infra', 'v1'),
    'neutron': Client('Neutron', 'network', 'v2.0'),
    'nova': Client('Nova', 'compute', 'v2.1'),
    'octavia': Client('Octavia', 'load-balancer', 'v2'),
}

_WITH_TLS = ('cinder', 'glance', 'heat', 'neutron', 'nova', 'octavia')
_VERSIONS = {'cinder': '3', 'glance': '2', 'heat': '1', 'nova': '2'}


def _options(word: str) -> list[cfg.Opt]:
    name = CLIENTS[word].name
    options = [
        cfg.StrOpt('region_name',
                   help=f'Region of {name} in the catalogue.'),
        cfg.StrOpt('endpoint_type', default='publicURL',
                   help=f'Which endpoint of {name} to use.')]
    if word in _VERSIONS:
        options.append(cfg.StrOpt(
            'api_version', default=_VERSIONS[word],
            help='Ignored; the version is the one this release was made '
                 'for.'))
    if word in _WITH_TLS:
        options += [
            cfg.StrOpt('ca_file', help='CA bundle to verify with.'),
            cfg.StrOpt('cert_file', help='Client certificate.'),
            cfg.StrOpt('key_file', help='Key of the client certificate.'),
            cfg.BoolOpt('insecure', default=False,
                        help='Do not verify the certificate.')]
    return options


OPTS = {f'{word}_client': _options(word) for word in CLIENTS}

for _group, _list in OPTS.items():
    CONF.register_opts(_list, group=_group)

# Options that release 22.0.0 took from [keystone_authtoken] when they were
# not set in [keystone_auth].
_SESSION_OPTS = loading.get_session_conf_options(deprecated_opts={
    name: [cfg.DeprecatedOpt(name, group=TOKEN_GROUP)]
    for name in ('cafile', 'certfile', 'keyfile', 'insecure', 'timeout')})
_AUTH_OPTS = [
    cfg.StrOpt('auth_type', default='password',
               deprecated_name='auth_plugin',
               help='How the service logs in at Keystone.'),
    cfg.StrOpt('auth_section', help='Section with the login, if another.')]

AUTH_OPTS = [*_SESSION_OPTS, *_AUTH_OPTS]
CONF.register_opts(AUTH_OPTS, group=AUTH_GROUP)


def keystone_url() -> str | None:
    """Keystone's address as an operator gave it, in either place."""
    password = loading.get_auth_plugin_conf_options('password')
    CONF.register_opts(password, group=AUTH_GROUP)
    return (CONF[AUTH_GROUP].auth_url or _of_token_group('auth_url')
            or _of_token_group('www_authenticate_uri')
            or _of_token_group('auth_uri'))


def load_auth(auth_url: str) -> Any:
    """The plugin that logs the service's own user in.

    Without a user in [keystone_auth] it is the one that validates tokens,
    [keystone_authtoken], as in release 22.0.0.
    """
    if CONF[AUTH_GROUP].auth_section is None and not _has_user():
        LOG.warning('[keystone_auth] names no user; the one of '
                    '[keystone_authtoken] is used.')
        return conf_loading.load_from_conf_options(CONF, TOKEN_GROUP)
    return conf_loading.load_from_conf_options(CONF, AUTH_GROUP,
                                               auth_url=auth_url)


def service_password() -> str | None:
    """The password of the service's user, from where the login is."""
    keystone_url()
    return (getattr(CONF[AUTH_GROUP], 'password', None)
            or _of_token_group('password')
            or _of_token_group('admin_password'))


def tls(word: str) -> dict[str, Any]:
    """Arguments of a session for a client with TLS options of its own."""
    if word not in _WITH_TLS:
        return {}
    conf = CONF[f'{word}_client']
    if not (conf.ca_file or conf.cert_file or conf.insecure):
        return {}
    cert = conf.cert_file
    if cert and conf.key_file:
        cert = (conf.cert_file, conf.key_file)
    return {'verify': False if conf.insecure else conf.ca_file or True,
            'cert': cert}


def _has_user() -> bool:
    if CONF[AUTH_GROUP].auth_type != 'password':
        return True
    conf = CONF[AUTH_GROUP]
    return bool(conf.username or conf.user_id)


def _of_token_group(name: str) -> str | None:
    return getattr(CONF.get(TOKEN_GROUP), name, None) if (
        TOKEN_GROUP in CONF and name in CONF[TOKEN_GROUP]) else None
