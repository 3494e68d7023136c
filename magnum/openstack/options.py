# SPDX-License-Identifier: Apache-2.0
"""How this service reaches others: options of its login and its clients."""

import functools
import importlib
import logging
import typing
from typing import Any

from keystoneauth1 import loading
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
            help='Ignored: this release uses a fixed version of '
                 f'the API of {name}.'))
    if word in _WITH_TLS:
        options += [
            cfg.StrOpt('ca_file', help='CA bundle with which the certificate '
                                       f'of {name} is verified.'),
            cfg.StrOpt('cert_file', help='Client certificate that is '
                                         f'presented to {name}.'),
            cfg.StrOpt('key_file', help='Private key of the client '
                                        'certificate that is presented to '
                                        f'{name}.'),
            cfg.BoolOpt('insecure', default=False,
                        help=f'Do not verify the certificate of {name}.')]
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
    cfg.StrOpt('auth_section', help='Section of the configuration file that '
                                    'has the login of the service, if it is '
                                    'not this one.')]

AUTH_OPTS = [*_SESSION_OPTS, *_AUTH_OPTS]
CONF.register_opts(AUTH_OPTS, group=AUTH_GROUP)


def keystone_url() -> str | None:
    """Keystone's address as an operator gave it, in either place."""
    return (_login().get('auth_url')
            or _of_token_group('www_authenticate_uri')
            or _of_token_group('auth_uri') or _of_token_group('auth_url'))


def load_auth(auth_url: str) -> Any:
    """The plugin that logs the service's own user in.

    Without a user in [keystone_auth] it is the one that validates tokens,
    [keystone_authtoken], as in release 22.0.0.
    """
    login = _login()
    if CONF[AUTH_GROUP].auth_type == 'password' and not (
            login['username'] or login['user_id']):
        LOG.warning('[keystone_auth] names no user; the one of '
                    '[keystone_authtoken] is used.')
        for name in ('username', 'password'):
            # keystoneauth would say so at the first login only, and badly.
            if not _of_token_group(name):
                raise cfg.RequiredOptError(name, cfg.OptGroup(AUTH_GROUP))
        return loading.load_auth_from_conf_options(CONF, TOKEN_GROUP)
    if 'auth_url' in login:
        login['auth_url'] = login['auth_url'] or auth_url
    return loading.get_plugin_loader(
        CONF[AUTH_GROUP].auth_type).load_from_options(**login)


def service_password() -> str | None:
    """The password of the service's user, from where the login is."""
    login = _login()
    return (login.get('password')
            or login.get('application_credential_secret')
            or _of_token_group('password')
            or _of_token_group('admin_password'))


def _login() -> dict[str, Any]:
    """The options of the login in [keystone_auth], by name."""
    group = CONF[AUTH_GROUP].auth_section or AUTH_GROUP
    options = _login_options(CONF[AUTH_GROUP].auth_type)
    CONF.register_opts(options, group=group)
    return {option.dest: CONF[group][option.dest] for option in options}


@functools.cache
def _login_options(auth_type: str) -> list[cfg.Opt]:
    options = loading.get_auth_plugin_conf_options(auth_type)
    for option in options:
        # What is missing here may stand in [keystone_authtoken].
        option.required = False
    return options


def _token_group() -> Any:
    """[keystone_authtoken], whose options the middleware declares."""
    # Not loaded by a conductor that does not need it: it takes 20 MiB.
    importlib.import_module('keystonemiddleware.auth_token')
    return CONF[TOKEN_GROUP]


def _of_token_group(name: str) -> str | None:
    group = _token_group()
    if name not in group and group.auth_type:
        CONF.register_opts(
            loading.get_auth_plugin_conf_options(group.auth_type),
            group=TOKEN_GROUP)
    return group[name] if name in group else None


def tls(word: str) -> dict[str, Any]:
    """Arguments of a session for a client with TLS options of its own."""
    if word not in _WITH_TLS:
        return {}
    conf = CONF[f'{word}_client']
    options: dict[str, Any] = {}
    if conf.insecure:
        options['verify'] = False
    elif conf.ca_file:
        options['verify'] = conf.ca_file
    if conf.cert_file:
        options['cert'] = ((conf.cert_file, conf.key_file) if conf.key_file
                           else conf.cert_file)
    return options
