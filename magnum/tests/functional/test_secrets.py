# SPDX-License-Identifier: Apache-2.0
"""Every kind of secret, and every place where none of them may be.

A cluster is built by the real driver, resized by a conductor that meets a bug,
and looked at by all means of the API; while everything is logged, and each
event is sent.
"""

import io
import json
import logging

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.certificates import authority
from magnum.db import clusters
from magnum.db import models
from magnum.db import session as db
from magnum import drivers
from magnum import identity
from magnum import notifications
from magnum.operations import create_cluster
from magnum.operations import resize_cluster
from magnum.operations import steps
from magnum import seals
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds
from magnum.tests import wsgi

CONF = cfg.CONF

LOGGERS = ('', 'keystoneauth', 'keystoneauth.session', 'keystonemiddleware',
           'magnum', 'oslo_db', 'oslo_policy', 'heatclient', 'stevedore',
           'urllib3')
# On DEBUG it shows rows, which is looked at on its own.
STATEMENTS = ('sqlalchemy.engine', 'sqlalchemy.engine.Engine')

PROXY_PASSWORD = 'the-word-of-the-proxy'

# All of which are found in the cluster below.
KINDS = {'token', 'service password', 'password of the domain admin',
         'password of the trustee', 'password in the URL of a proxy',
         'private key', 'passphrase of a private key', 'key for tokens',
         'key for what is kept', 'hidden parameter'}

PAGES = ['/v1/clusters', '/v1/clusters/c', '/v1/clusters/detail',
         '/v1/clusters/c/nodegroups',
         '/v1/clusters/c/nodegroups/default-master', '/v1/certificates/c',
         '/v1/certificates/c?ca_cert_type=etcd', '/v1/mservices', '/v1/stats',
         '/v1/operations', '/v1/clusters/c/operations', '/v1/quotas',
         '/v1/openapi.json', '/v1/clusters/c/plans', '/v1/clusters?name=c']


class Watched:
    """The world after a cluster's life, and all that came out of it."""

    def __init__(self, world, api, events, log):
        self.world, self.api, self.events, self.log = world, api, events, log

    def secrets(self):
        """(kind, text) of every secret; of several lines, the longest one."""
        world, found = self.world, [
            ('token', self.world.context.auth_token),
            ('service password', CONF.keystone_auth.password),
            ('password of the domain admin',
             CONF.trust.trustee_domain_admin_password),
            ('password in the URL of a proxy', PROXY_PASSWORD)]
        trustee, = world.outside.keystone.users.values()
        found.append(('password of the trustee', trustee['password']))
        for kind, group, option in (
                ('key for tokens', 'journal', 'seal_keys'),
                ('key for what is kept', 'certificates', 'encryption_keys')):
            found += [(kind, key) for key in CONF[group][option]]
        for pair in vars(authority.authorities(worlds.cluster())).values():
            if hasattr(pair, 'private_key'):
                found.append(('private key', pair.private_key))
        with db.reader() as session:
            found += [('passphrase of a private key', seals.KEPT.unseal(row))
                      for row in session.scalars(sa.select(
                          models.X509KeyPair.private_key_passphrase))]
        stack, = world.heat.live()
        found += [('hidden parameter', str(stack.parameters[name]))
                  for name, declared in stack.template['parameters'].items()
                  if declared.get('hidden') and stack.parameters.get(name)]
        return [(kind, max(text.splitlines(), key=len))
                for kind, text in found]

    def rows(self):
        """All that the database holds, but what is encrypted."""
        with db.reader() as session:
            return '\n'.join(
                repr(tuple(row)) for table in
                models.Base.metadata.sorted_tables
                for row in session.execute(sa.select(table)))

    def pages(self):
        texts = []
        for token in ('member', 'admin'):
            for path in PAGES:
                answer = self.api('GET', path, token=token, version='latest')
                texts.append(f'{answer.status_int} {answer.headers} '
                             f'{answer.text}')
        return '\n'.join(texts)


@pytest.fixture
def log(caplog):
    """Everything that is logged, from the first moment on."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, logger=name)
    for name in STATEMENTS:
        caplog.set_level(logging.INFO, logger=name)
    yield text
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def watched(sqlite_database, monkeypatch, tmp_path, caplog, log):
    installed, events = drivers._installed, []
    with (wsgi.surrounded(monkeypatch, tmp_path) as api,
          worlds.configured()):
        monkeypatch.setattr(drivers, '_installed', installed)
        world = worlds.build(monkeypatch)
        caplog.set_level(logging.DEBUG, logger='magnum')
        monkeypatch.setattr(notifications, 'wanted', lambda: True)
        monkeypatch.setattr(
            notifications, 'send',
            lambda *about: events.append(notifications.payload(*about)))
        live(world, monkeypatch)
        yield Watched(world, api, events, log)


def live(world, monkeypatch):
    with db.writer() as session:
        session.execute(sa.update(models.ClusterTemplate).values(
            http_proxy=f'http://user:{PROXY_PASSWORD}@proxy:3128'))
    world.template.http_proxy = f'http://user:{PROXY_PASSWORD}@proxy:3128'
    create_cluster.request(world.context, world.template,
                           {'name': 'c', 'node_count': 1})
    conducting.work()
    cluster = worlds.cluster()
    workers = next(group for group in cluster.nodegroups
                   if group.role == 'worker')
    resize_cluster.request(world.context, cluster, workers, 2)
    meet_a_bug(world, monkeypatch)


def meet_a_bug(world, monkeypatch):
    """Heat's client fails in a way that nobody expects, and then no more.

    The traceback goes through functions that hold every secret.
    """
    update = world.cloud.heat.stacks.update

    def fail(*args, **wish):
        monkeypatch.setattr(world.cloud.heat.stacks, 'update', update)
        raise RuntimeError('Heat cannot be understood.')
    monkeypatch.setattr(world.cloud.heat.stacks, 'update', fail)
    conducting.work()


def found(watched, text):
    return {kind for kind, secret in watched.secrets() if secret in text}


def test_all_kinds_of_secrets_are_looked_for(watched):
    secrets = watched.secrets()
    assert {kind for kind, _ in secrets} == KINDS
    assert all(len(secret) >= 6 for _, secret in secrets), secrets
    assert worlds.cluster().status == 'UPDATE_COMPLETE'
    sealed = [row for row in worlds.operations() if row.sealed_token]
    assert not sealed
    # Whatever is looked for is found where it belongs.
    stack, = watched.world.heat.live()
    belongs = json.dumps(stack.parameters, default=str).replace('\\n', '\n')
    assert {'private key', 'hidden parameter', 'password of the trustee',
            'password in the URL of a proxy'} <= found(watched, belongs)


def test_none_is_logged(watched):
    text = watched.log.getvalue()
    for expected in ('UPDATE cluster SET', 'met a bug', 'is done'):
        assert expected in text
    assert not found(watched, text)


def test_none_is_sent_to_listeners(watched):
    assert [event['outcome'] for event in watched.events] == [
        'pending', 'success', 'pending', 'success']
    assert not found(watched, repr(watched.events))


def test_none_is_in_a_plain_column(watched):
    # A template shows the proxy as its owner gave it, by contract.
    assert found(watched, watched.rows()) == {'password in the URL of a proxy'}


def test_a_token_is_sealed_while_its_operation_lasts(watched):
    resize_cluster.request_patch(watched.world.context, worlds.cluster(), 3)
    waiting = worlds.operations()[-1]
    assert identity.unseal(waiting.sealed_token) == (
        watched.world.context.auth_token)
    assert 'token' not in found(watched, watched.rows())


def test_a_path_makes_no_lines_of_its_own_in_the_log(api, monkeypatch, log):
    def fail(*args):
        raise RuntimeError('bug')
    monkeypatch.setattr(clusters, 'shown', fail)
    answer = api('GET', '/v1/clusters/x%0aERROR forged')
    assert answer.status_int == 500
    assert 'GET /v1/clusters/x%0AERROR%20forged failed.' in log.getvalue()
    assert '\nERROR forged' not in log.getvalue()


def test_none_is_in_an_answer(watched):
    text = watched.pages()
    assert text.count('200 ') > 12 and 'UPDATE_COMPLETE' in text
    assert not found(watched, text)


def test_none_is_in_an_exception_of_a_step(watched, monkeypatch):
    """What an operation that fails shows to its owner."""
    def fail(work):
        raise RuntimeError(f'{work.full_spec()} {work.cluster.__dict__}')
    monkeypatch.setattr(steps.Work, 'apply', fail)
    resize_cluster.request_patch(watched.world.context, worlds.cluster(), 3)
    conducting.work()
    failed = worlds.operations()[-1]
    assert failed.state == 'FAILED'
    assert not found(watched, f'{failed.error} '
                              f'{worlds.cluster().status_reason}')
    assert not found(watched, watched.log.getvalue())
