# SPDX-License-Identifier: Apache-2.0
"""The real WSGI application, for tests that speak HTTP.

Everything is as in production but for what lies outside: tokens are known by
name (`X-Auth-Token: member`), the cloud is `fakes.cloud`, the driver
`fakes.driver`, the database SQLite in a file.  No conductor runs by itself: at
a request to `/_played/<cluster>/<STATUS>` one does what there is to do, while
the infrastructure of the fake driver comes out as that status says.
"""

import contextlib
import dataclasses
import datetime
import json
import logging
from typing import Any

from cryptography import fernet
from keystonemiddleware import auth_token
from oslo_config import cfg
import pytest
import sqlalchemy as sa
import webob

from magnum.api import app
from magnum.certificates import authority
from magnum import config
from magnum.db import models
from magnum.db import session as db
from magnum import policy
from magnum import rpc
from magnum.tests import conducting
from magnum.tests import conformance
from magnum.tests import factories
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import driver as fake_driver
from magnum.tests.fakes import web

CONF = cfg.CONF

PROJECT, OTHER_PROJECT, SYSTEM, DOMAIN = 'p', 'q', None, 'the domain'
UNSCOPED = ''

# name of the token: (user, project, roles)
CALLERS = {
    'member': ('owner', PROJECT, ['member', 'reader']),
    'colleague': ('colleague', PROJECT, ['member', 'reader']),
    'reader': ('owner', PROJECT, ['reader']),
    'other-reader': ('colleague', PROJECT, ['reader']),
    'bystander': ('bystander', PROJECT, ['auditor']),
    'stranger': ('stranger', OTHER_PROJECT, ['member', 'reader']),
    'admin': ('admin', PROJECT, ['admin', 'member', 'reader']),
    'pure-admin': ('admin', PROJECT, ['admin']),
    'far-admin': ('admin', 'r', ['admin', 'member', 'reader']),
    'system': ('admin', SYSTEM, ['admin', 'member', 'reader']),
    'system-member': ('owner', SYSTEM, ['member', 'reader']),
    'system-reader': ('owner', SYSTEM, ['reader']),
    'domain': ('owner', DOMAIN, ['admin', 'member', 'reader']),
    'domain-member': ('owner', DOMAIN, ['member', 'reader']),
    'service': ('magnum', 'service', ['service']),
    'trustee': ('trustee', PROJECT, ['member', 'reader']),
}

# Whose users' domain is not the usual one.
DOMAINS = {'trustee': {'id': 'trustees', 'name': 'the trustees'}}


@dataclasses.dataclass
class Api:
    """The application under test, and the world around it."""

    app: Any
    cloud: clouds.FakeCloud
    driver: fake_driver.FakeDriver

    def __call__(self, method, path, body=None, token='member',
                 version=None, headers=(), raw=None):
        """The answer to one request, as webob gives it."""
        request = webob.Request.blank(path, method=method)
        if token is not None:
            request.headers['X-Auth-Token'] = token
        if version is not None:
            request.headers['OpenStack-API-Version'] = (
                f'container-infra {version}')
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            request.headers['Content-Type'] = 'application/json'
            request.body = raw
        request.headers.update(dict(headers))
        return request.get_response(self.app)


@pytest.fixture
def api(sqlite_database, monkeypatch, tmp_path):
    """The application with its database, cloud and driver."""
    with surrounded(monkeypatch, tmp_path) as found:
        found.app = conformance.Conforming(found.app)
        yield found


@pytest.fixture
def api_anywhere(database, monkeypatch, tmp_path):
    """The same on each of the databases that there are."""
    with surrounded(monkeypatch, tmp_path) as found:
        found.app = conformance.Conforming(found.app)
        yield found


@contextlib.contextmanager
def surrounded(monkeypatch, directory):
    """The application, while all that lies outside is replaced."""
    if not CONF._args:
        CONF([], project='magnum', default_config_files=[],
             default_config_dirs=[])
    logging.getLogger('magnum').setLevel(logging.WARNING)
    config.set_library_defaults()
    overrides = [('www_authenticate_uri', 'http://keystone/v3',
                  'keystone_authtoken'),
                 ('policy_file', str(directory / 'policy.yaml'),
                  'oslo_policy'),
                 ('policy_dirs', [], 'oslo_policy'),
                 ('cert_manager_type', 'x509keypair', 'certificates'),
                 ('rsa_key_size', 1024, 'x509'),
                 ('seal_keys', [fernet.Fernet.generate_key().decode()],
                  'journal'),
                 ('encryption_keys', [fernet.Fernet.generate_key().decode()],
                  'certificates')]
    policy.reset()
    monkeypatch.setattr(auth_token.AuthProtocol, 'fetch_token',
                        lambda self, token, **kwargs: token_body(token))
    monkeypatch.setattr(rpc, 'hint', lambda: None)
    cloud = clouds.FakeCloud()
    cloud.install(monkeypatch)
    driver = fake_driver.install(monkeypatch)
    for name, value, group in overrides:
        CONF.set_override(name, value, group)
    with web.configured():
        outside = web.Cloud()
        outside.connect()
        for token, (user, project, roles) in CALLERS.items():
            outside.keystone.admit(token, user, project, roles)
        yield Api(Played(app.build()), cloud, driver)
    for name, _, group in overrides:
        CONF.clear_override(name, group)
    policy.reset()


def token_body(token):
    """What Keystone would say of a token, if it is one of `CALLERS`."""
    if token not in CALLERS:
        raise auth_token.ksm_exceptions.InvalidToken(token)
    user, project, roles = CALLERS[token]
    now = datetime.datetime.now(datetime.UTC)
    domain = DOMAINS.get(user, {'id': 'default', 'name': 'Default'})
    body = {'methods': ['password'],
            'issued_at': now.isoformat().replace('+00:00', 'Z'),
            'expires_at': (now + datetime.timedelta(hours=1)).isoformat()
            .replace('+00:00', 'Z'),
            'user': {'id': user, 'name': user, 'domain': domain},
            'roles': [{'id': role, 'name': role} for role in roles]}
    if project == SYSTEM:
        body['system'] = {'all': True}
    elif project == DOMAIN:
        body['domain'] = {'id': 'default', 'name': 'Default'}
    elif project != UNSCOPED:
        body['project'] = {'id': project, 'name': project, 'domain': domain}
    return {'token': body}


class Played:
    """Lets a conductor work when it is asked for `/_played/...`."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        path = environ['PATH_INFO'].split('/')
        if path[1] != '_played':
            return self.app(environ, start_response)
        uuid, status = path[2:]
        # Most stories end so, and need not ask for it.
        if status == 'DELETE_COMPLETE' and (
                _column('status', uuid) != 'DELETE_IN_PROGRESS'):
            webob.Request.blank(
                f'/v1/clusters/{uuid}', method='DELETE',
                headers={'X-Auth-Token': 'admin'}).get_response(self.app)
        played(uuid, status)
        return webob.Response(status=204)(environ, start_response)


def played(uuid, status):
    """Let the infrastructure come out as `status`, and a conductor see it.

    `CERTIFIED` is no status: it gives a cluster its certificates; and
    `FEDERATED` makes a federation of that name, as an old release left them.
    """
    if status == 'FEDERATED':
        factories.store(factories.federation(name=uuid))
    elif status == 'CERTIFIED':
        certified(uuid)
    else:
        if not _column('ca_cert_ref', uuid):
            certified(uuid)
        with fake_driver.outcome(status):
            conducting.work()
        now = _column('status', uuid) or 'DELETE_COMPLETE'
        assert now == status, f'It is {now}, and not {status}.'


def _column(name, uuid):
    with db.reader() as session:
        return session.scalar(sa.select(getattr(models.Cluster, name))
                              .where(models.Cluster.uuid == uuid))


def certified(uuid):
    """Give a cluster that no conductor built its certificates."""
    refs = authority.issue(uuid, 'c', PROJECT, 'owner')
    with db.writer() as session:
        session.execute(
            sa.update(models.Cluster).where(models.Cluster.uuid == uuid)
            .values(**refs, trustee_user_id='trustee'))
