# SPDX-License-Identifier: Apache-2.0
"""Tokens are checked by Keystone, within limits.

keystonemiddleware waits for Keystone without a time limit of its own, in the
thread that answers the request.  When Keystone hangs, anybody who sends
tokens, valid or not, could thereby take all threads.
"""

import contextlib
import threading
import time

from keystoneauth1 import exceptions as ka_exc
from keystoneauth1 import loading
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_log import log
from webob import exc

from magnum.api import options  # noqa: F401  (registers [api])
from magnum import errors
from magnum.openstack import quiet

LOG = log.getLogger(__name__)
CONF = cfg.CONF

GROUP = 'keystone_authtoken'

# Defaults of ours for options that are keystonemiddleware's.  A check that
# meets a Keystone which hangs may make several requests, each of which may
# take so long, and is tried again so often.
TIMEOUT = 5
RETRIES = 1

# An answer that takes longer than this is not worth waiting in line for.
SLOW_SECONDS = 1


class Gate:
    """Lets a few threads at a time ask Keystone.

    While Keystone answers, others wait for their turn; while it does not,
    they are refused at once.
    """

    def __init__(self, places):
        self._places = places
        self._free = threading.Condition()
        # When each of those inside came in.
        self._since = []
        self._last_hung = False

    @contextlib.contextmanager
    def passed(self):
        with self._free:
            end = time.monotonic() + SLOW_SECONDS
            while len(self._since) >= self._places:
                left = min(end, self._since[0] + SLOW_SECONDS
                           ) - time.monotonic()
                if left <= 0 or self._last_hung:
                    raise auth_token.ServiceError(
                        'Too many requests wait for Keystone.')
                self._free.wait(left)
            entered = time.monotonic()
            self._since.append(entered)
        try:
            yield
        finally:
            with self._free:
                self._since.remove(entered)
                self._last_hung = time.monotonic() - entered > SLOW_SECONDS
                self._free.notify()


class _Guarded:
    """keystonemiddleware's `IdentityServer`, through a gate."""

    def __init__(self, server):
        self._server = server
        self._gate = Gate(max(1, CONF.api.threads // 3))

    def __getattr__(self, name):
        return getattr(self._server, name)

    def verify_token(self, *arguments, **named):
        with self._gate.passed():
            return self._server.verify_token(*arguments, **named)


class AuthProtocol(auth_token.AuthProtocol):
    """keystonemiddleware, with limits.

    Tokens that are in its cache do not pass the gate.
    """

    def fetch_token(self, token, **named):
        try:
            return super().fetch_token(token, **named)
        except ka_exc.ClientException as e:
            # Among others an endpoint that could not be found because the
            # discovery of it took too long.
            LOG.warning('A token cannot be checked: %s', e)
            raise exc.HTTPServiceUnavailable() from e

    def _create_session(self, **named):
        # The same one, but it says which request the token is checked for.
        made = super()._create_session(**named)
        return quiet.Session(
            session=made.session, verify=made.verify, cert=made.cert,
            timeout=made.timeout, user_agent=made.user_agent)

    def _create_identity_server(self):
        # There is no public place between the cache and Keystone.
        return _Guarded(super()._create_identity_server())


def check():
    """Refuse a configuration with which no token could ever be checked.

    :raises InfrastructureFailed: in one line.
    """
    group = CONF[GROUP].auth_section or GROUP
    try:
        login = loading.load_auth_from_conf_options(CONF, group)
    except (ka_exc.AuthPluginException, cfg.Error) as e:
        raise errors.InfrastructureFailed(
            f'[{group}] does not make a complete login, with which tokens '
            f'could be checked: {e}') from None
    if login is None:
        raise errors.InfrastructureFailed(
            f'[{group}] auth_type is not set: it names no user who could '
            f'check tokens.')


def protect(app):
    """The application, behind a check of tokens."""
    CONF.set_default('http_connect_timeout', TIMEOUT, group=GROUP)
    CONF.set_default('http_request_max_retries', RETRIES, group=GROUP)
    return AuthProtocol(app, {})
