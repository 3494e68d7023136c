# SPDX-License-Identifier: Apache-2.0
"""Keystone sessions, and the `Cloud` that each of them opens.

The sessions of a process share one pool of connections; each call has a
time-out.
"""

import hashlib
import threading
import time
from typing import Any

from keystoneauth1 import access
from keystoneauth1 import exceptions as ka_exc
from keystoneauth1.identity import access as access_plugin
from keystoneauth1.identity import v3
from keystoneauth1 import service_token
from keystoneauth1 import session as ka_session
from oslo_config import cfg

from magnum import errors
from magnum.openstack import cloud
from magnum.openstack import options
from magnum.openstack import quiet
from magnum.openstack import translate

CONF = cfg.CONF

# Seconds to connect, and between two pieces of an answer, when
# [keystone_auth] timeout is not set.
TIMEOUT = 30

# How long all look-ups of one API request may take together.
REQUEST_SECONDS = 30

# How long a token's catalogue and roles are taken from memory, and of how many
# tokens.
TOKEN_SECONDS = 300
TOKENS = 64

# Connections that are kept to each service; many threads share them.
CONNECTIONS = 32

Cloud = cloud.Cloud
translated = translate.translated

_lock = threading.Lock()
_session = None
_clouds: dict[str, tuple[float, Cloud]] = {}


def service_session() -> ka_session.Session:
    """The session of the service's own user; one for the process."""
    global _session
    with _lock:
        if _session is None:
            _session = _load_session()
    return _session


def reset() -> None:
    """Forget sessions and catalogues, as after a fork or between tests."""
    global _session
    with _lock:
        _session = None
        _clouds.clear()


def session_for(auth: Any) -> ka_session.Session:
    """A session for another user, on the connections of the service's own."""
    own = service_session()
    return quiet.Session(
        auth=auth, session=own.session, verify=own.verify, cert=own.cert,
        timeout=own.timeout)


def keystone_url() -> str:
    """Keystone's address as configured, with its version."""
    url = options.keystone_url()
    if not url:
        raise errors.InfrastructureFailed(
            'Keystone\'s address is not configured: [keystone_auth] auth_url.')
    url = url.rstrip('/').removesuffix('/v2.0')
    return url if url.endswith('/v3') else url + '/v3'


def _load_session() -> ka_session.Session:
    try:
        auth = options.load_auth(keystone_url())
    except (ka_exc.AuthPluginException, cfg.RequiredOptError) as e:
        raise errors.InfrastructureFailed(
            f'[keystone_auth] does not make a complete login: {e}') from e
    session = quiet.Loader().load_from_conf_options(
        CONF, options.AUTH_GROUP, auth=auth)
    if session.timeout is None:
        session.timeout = float(TIMEOUT)
    for scheme in ('http://', 'https://'):
        session.mount(scheme, ka_session.TCPKeepAliveAdapter(
            pool_maxsize=CONNECTIONS, tls_ciphers=session.tls_ciphers,
            tls_min_version=session.tls_min_version))
    return session


def service_cloud(project_id: str | None = None) -> Cloud:
    """The cloud as the service's own user.

    :param project_id: whose stacks `heat` is about; needs the service's user
        to be admin in Heat's eyes.
    """
    session = service_session()
    return Cloud(session, session.auth, project_id=project_id)


def request_cloud(context: Any) -> Cloud:
    """The cloud as the caller of an API request, without a login.

    A thread of the API waits for its look-ups, all of which are bounded.
    """
    return Cloud(session_for(context.auth_plugin), context.auth_plugin,
                 project_id=context.project_id, user_id=context.user_id,
                 roles=context.roles, seconds=REQUEST_SECONDS)


def token_cloud(token: str) -> Cloud:
    """The cloud as the owner of a bare token.

    The token is shown to Keystone once in a while, for its catalogue and
    roles.  It may have expired since its request was accepted: calls carry
    the service's own token too, and then other services accept it.

    :raises AuthorisationEnded: it is revoked, or none at all.
    """
    key = hashlib.sha256(token.encode()).hexdigest()
    known = _known(key)
    if known:
        return known
    auth = access_plugin.AccessInfoPlugin(_show(token), keystone_url())
    wrapped = service_token.ServiceTokenAuthWrapper(
        user_auth=auth, service_auth=service_session().auth)
    made = Cloud(session_for(wrapped), auth)
    _remember(key, made)
    return made


def account_cloud(user_id: str, password: str, project_id: str) -> Cloud:
    """The cloud as a user who is logged in to a project by password.

    :raises AuthorisationEnded: Keystone refuses the login.
    """
    key = hashlib.sha256(
        f'{user_id} {project_id} {password}'.encode()).hexdigest()
    known = _known(key)
    if known:
        return known
    auth = v3.Password(auth_url=keystone_url(), user_id=user_id,
                       password=password, project_id=project_id)
    session = session_for(auth)
    try:
        with translated('Keystone'):
            auth.get_access(session)
    except errors.ServiceUnavailable as e:
        if not isinstance(e.__cause__, ka_exc.Unauthorized):
            raise
        raise errors.AuthorisationEnded(
            "Keystone no longer lets the cluster's own user log "
            'in.') from None
    made = Cloud(session, auth)
    _remember(key, made)
    return made


def _known(key: str) -> Cloud | None:
    with _lock:
        known = _clouds.get(key)
    return known[1] if known and time.monotonic() < known[0] else None


def _remember(key: str, made: Cloud) -> None:
    now = time.monotonic()
    with _lock:
        for other, (until, _) in list(_clouds.items()):
            if until <= now or len(_clouds) >= TOKENS:
                del _clouds[other]
        _clouds[key] = now + TOKEN_SECONDS, made


def _show(token: str) -> access.AccessInfo:
    try:
        with translated('Keystone'):
            response = service_session().get(
                keystone_url() + '/auth/tokens?allow_expired=1',
                headers={'X-Subject-Token': token}, connect_retries=1)
    except errors.NotFound:
        raise errors.AuthorisationEnded(
            'The authorisation of this request ended; submit it '
            'again.') from None
    except errors.AuthorisationEnded as e:
        # It is the asker that was refused, not the token.
        raise errors.ServiceUnavailable(
            'Keystone refuses the service\'s own token; an operator should '
            'look at [keystone_auth].') from e
    return access.create(body=response.json(), auth_token=token)
