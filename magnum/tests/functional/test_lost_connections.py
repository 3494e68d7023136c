# SPDX-License-Identifier: Apache-2.0
"""The database ends a transaction or a connection, and nobody notices.

A deadlock is also what Galera calls a write that another node was faster at.
"""

import contextlib

from oslo_db import exception as db_exc
import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from magnum.db import session as db
from magnum.tests import factories

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
            'external_network_id': 'public'}


@contextlib.contextmanager
def failing(word, error):
    """The next statement that has the word in it fails."""
    left = [error]

    def fail(connection, cursor, statement, *_):
        if left and word in statement:
            raise left.pop()

    sa.event.listen(db.engine(), 'before_cursor_execute', fail)
    try:
        yield
        assert not left, f'no {word} was sent'
    finally:
        sa.event.remove(db.engine(), 'before_cursor_execute', fail)


@contextlib.contextmanager
def unanswered_commit(monkeypatch):
    """The next commit arrives, and its answer does not."""
    dialect = db.engine().dialect
    commit, left = dialect.do_commit, [True]

    def lose(connection):
        commit(connection)
        if left:
            left.pop()
            raise db_exc.DBConnectionError()

    monkeypatch.setattr(dialect, 'do_commit', lose)
    yield
    assert not left


@pytest.fixture
def rows(api):
    template = factories.template(name='t')
    cluster = factories.cluster(
        name='c', cluster_template_id=factories.template().uuid)
    federation = factories.federation(name='f')
    factories.store(template, cluster, *factories.nodegroups(cluster),
                    federation, factories.quota(project_id='taken'))
    return api


def change(path, value):
    return [{'op': 'replace', 'path': path, 'value': value}]


QUOTA = {'project_id': 'p', 'resource': 'Cluster', 'hard_limit': 3}
WRITES = [
    ('POST', 'clustertemplates', TEMPLATE, 201),
    ('PATCH', 'clustertemplates/t', change('/name', 'u'), 200),
    ('DELETE', 'clustertemplates/t', None, 204),
    ('POST', 'quotas', QUOTA, 201),
    ('PATCH', 'quotas/taken/Cluster', QUOTA | {'project_id': 'taken'}, 202),
    ('DELETE', 'quotas/taken/Cluster', None, 204),
    ('DELETE', 'federations/f', None, 204)]
WORDS = {'POST': 'INSERT', 'PATCH': 'UPDATE', 'DELETE': 'DELETE FROM '}
READS = ['clusters', 'clusters/detail', 'clusters/c', 'clustertemplates',
         'clustertemplates/t', 'clusters/c/nodegroups',
         'clusters/c/nodegroups/default-worker', 'quotas',
         'quotas/taken/Cluster', 'mservices', 'stats', 'federations',
         'federations/f']


@pytest.mark.parametrize('method, path, body, status', WRITES)
def test_a_write_is_repeated(rows, method, path, body, status):
    table = {'c': 'cluster_template', 'q': 'quotas', 'f': 'federation'}
    word = (f'FROM {table[path[0]]}' if method == 'DELETE'
            else WORDS[method])
    with failing(word, db_exc.DBDeadlock()):
        answer = rows(method, f'/v1/{path}', body, token='admin',
                      version='latest')
    assert answer.status_int == status, answer.text


@pytest.mark.parametrize('method, path, body, status', [
    row for row in WRITES if row[:2] != ('DELETE', 'quotas/taken/Cluster')])
def test_a_write_whose_answer_is_lost_is_done(rows, monkeypatch, method, path,
                                              body, status):
    with unanswered_commit(monkeypatch):
        answer = rows(method, f'/v1/{path}', body, token='admin',
                      version='latest')
    assert answer.status_int == status, answer.text


@pytest.mark.parametrize('path', READS)
def test_a_read_is_repeated(rows, path):
    with failing('SELECT', db_exc.DBConnectionError()):
        answer = rows('GET', f'/v1/{path}', token='admin', version='latest')
    assert answer.status_int == 200, answer.text


def test_no_free_connection_is_a_temporary_fault(rows, monkeypatch):
    def wait():
        raise sa_exc.TimeoutError('QueuePool limit of size 5 overflow 50')

    monkeypatch.setattr(db.engine().pool, 'connect', wait)
    answer = rows('GET', '/v1/clusters', version='latest')
    assert answer.status_int == 503
    assert answer.json['errors'][0]['detail'] == (
        'The database cannot be reached; try again later.')
