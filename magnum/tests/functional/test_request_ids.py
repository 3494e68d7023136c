# SPDX-License-Identifier: Apache-2.0
"""One request has one id: in the response, in each log line, and elsewhere."""

import logging

from keystoneauth1 import exceptions as ka_exc
from keystonemiddleware import auth_token
import pytest
import sqlalchemy as sa

from magnum import context as contexts
from magnum.db import models
from magnum.db import session as db
from magnum import openstack
from magnum.operations import references
from magnum.tests import conducting
from magnum.tests import factories

GLOBAL = 'req-2b6c1a34-7a3e-4c40-9d2b-0f5e6a7b8c9d'
TEMPLATE = {'name': 't', 'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
            'external_network_id': 'public'}


class Lines(logging.Handler):
    """Whose each line of the log is: what oslo.log's formats would show."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append((record.getMessage(), contexts.current()))

    def of(self, text):
        """The context of the lines that have the text in them."""
        found = [context for line, context in self.lines if text in line]
        assert found, self.lines
        assert all(context is found[0] for context in found)
        return found[0]


@pytest.fixture
def lines():
    handler = Lines()
    roots = [logging.getLogger(name) for name in ('magnum',
                                                  'keystonemiddleware')]
    levels = [root.level for root in roots]
    for root in roots:
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
    yield handler
    for root, level in zip(roots, levels, strict=True):
        root.removeHandler(handler)
        root.setLevel(level)


def refuse_all(monkeypatch):
    """Have Keystone be away."""
    def fetch(self, token, **named):
        raise ka_exc.ConnectFailure('Keystone is away.')
    monkeypatch.setattr(auth_token.AuthProtocol, 'fetch_token', fetch)


def test_a_line_is_not_said_to_be_of_the_former_caller(
        api, lines, monkeypatch):
    assert api('GET', '/v1/clusters').status_int == 200
    refuse_all(monkeypatch)
    answer = api('GET', '/v1/clusters', token='stranger')
    assert answer.status_int == 503
    for text in ('A token cannot be checked', 'GET /v1/clusters: Keystone'):
        context = lines.of(text)
        assert context.request_id == answer.headers['x-openstack-request-id']
        assert context.user_id is context.project_id is None


def test_a_thread_forgets_whom_it_worked_for(api):
    for token in ('member', 'nobody', None):
        api('GET', '/v1/clusters', token=token)
        assert contexts.current() is None


def test_the_last_line_has_the_id_of_the_response(api, lines, monkeypatch):
    def fail(*_, **named):
        raise RuntimeError('a bug')
    monkeypatch.setattr('magnum.db.clusters.page', fail)
    answer = api('GET', '/v1/clusters', headers={
        'X-OpenStack-Request-ID': GLOBAL})
    assert answer.status_int == 500
    context = lines.of('GET /v1/clusters failed.')
    assert context.request_id == answer.headers['x-openstack-request-id']
    assert context.request_id == answer.json['errors'][0]['request_id']
    assert (context.user_id, context.project_id) == ('owner', 'p')
    assert context.global_request_id == GLOBAL


def test_on_public_paths_nobody_claims_to_be_somebody(api, lines, monkeypatch):
    def fail(*_, **named):
        raise RuntimeError('a bug')
    monkeypatch.setattr('magnum.policy.is_admin', fail)
    answer = api('GET', '/v1', token=None, headers={
        'X-User-Id': 'mallory', 'X-Project-Id': 'p', 'X-Roles': 'admin'})
    assert answer.status_int == 500
    context = lines.of('GET /v1 failed.')
    assert context.user_id is None
    assert context.roles == []


def test_threads_that_look_things_up_belong_to_the_request(api, monkeypatch):
    seen = []
    look_up = references._LOOK_UPS['flavor_id']
    monkeypatch.setitem(
        references._LOOK_UPS, 'flavor_id', lambda cloud, ident:
            seen.append(contexts.current()) or look_up(cloud, ident))
    answer = api('POST', '/v1/clustertemplates', TEMPLATE | {
        'flavor_id': 'm1.small'})
    assert answer.status_int == 201, answer.text
    ids = {context.request_id for context in seen}
    assert ids == {answer.headers['x-openstack-request-id']}


@pytest.mark.parametrize('sent', [GLOBAL, None])
def test_a_conductor_works_under_the_id_of_the_request(api, lines, sent):
    template = factories.template()
    cluster = factories.cluster(cluster_template_id=template.uuid)
    factories.store(template, cluster)
    answer = api('DELETE', f'/v1/clusters/{cluster.uuid}', headers={
        'X-OpenStack-Request-ID': sent} if sent else {})
    assert answer.status_int == 204, answer.text
    with db.reader() as session:
        operation = session.scalars(sa.select(models.Operation)).one()
    conducting.work()
    context = lines.of('is done.')
    assert context.request_id == answer.headers['x-openstack-request-id']
    assert context.request_id == operation.request_id
    assert context.global_id == (sent or context.request_id)
    assert (context.user_id, context.project_id) == ('owner', 'p')
    assert contexts.current() is None


def test_other_services_are_told_the_id(api):
    context = contexts.RequestContext(global_request_id=GLOBAL)
    session = openstack.service_session()
    heard = []
    web = session.session.get_adapter('http://keystone')
    keystone = web.services['keystone']
    web.services['keystone'] = lambda *args: heard.append(
        args[-1].get('X-OpenStack-Request-ID')) or keystone(*args)
    with contexts.of(context):
        session.get('http://keystone/v3', authenticated=False)
    with contexts.of(contexts.RequestContext(request_id='req-1')):
        session.get('http://keystone/v3', authenticated=False)
    session.get('http://keystone/v3', authenticated=False)
    assert heard == [GLOBAL, 'req-1', None]
