# SPDX-License-Identifier: Apache-2.0
"""Renewing CAs and credentials: what is wrong first is told first."""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories

CA, CREDENTIAL = '/v1/certificates', '/v1/credentials'
BOTH = pytest.mark.parametrize('path', [CA, CREDENTIAL])


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster))
    api.uuid = cluster.uuid
    return api


def rotate(world, path, ident='c', token='member', **more):
    return world('PATCH', f'{path}/{ident}', token=token, version='latest',
                 **more)


def title(answer):
    return answer.json['errors'][0]['title']


def alter(model, **columns):
    with db.writer() as session:
        session.execute(sa.update(model).values(**columns))


@BOTH
@pytest.mark.parametrize('more', [
    {}, {'raw': b''}, {'body': {}},
    {'headers': {'Content-Type': 'application/octet-stream'}},
    {'headers': {'Accept': ''}}])
def test_no_body_is_needed(world, path, more):
    answer = rotate(world, path, **more)
    assert answer.status_int == 202
    assert answer.json == {'uuid': world.uuid}


@BOTH
@pytest.mark.parametrize('body', [[], [{}], {'uuid': 'x'}, 'x', 5])
def test_nothing_else_is_taken(world, path, body):
    assert rotate(world, path, body=body).status_int == 400


@BOTH
def test_the_other_methods_are_not_offered(world, path):
    methods = ['POST', 'DELETE', 'PUT']
    if path == CREDENTIAL:
        methods.append('GET')
    for method in methods:
        assert world(method, f'{path}/c', version='latest').status_int == 405
    # Which one is missing.
    assert world('PATCH', path, version='latest').status_int == 400


def test_credentials_have_no_list(world):
    for method in ('GET', 'POST'):
        assert world(method, CREDENTIAL, version='latest').status_int == 405


@BOTH
def test_a_name_that_two_have_is_a_conflict(world, path):
    factories.store(factories.cluster(name='c'))
    assert rotate(world, path).status_int == 409
    assert rotate(world, path, ident=world.uuid).status_int == 202


@pytest.mark.parametrize(('token', 'ident', 'status'), [
    ('reader', 'nothing', 403), ('pure-admin', 'nothing', 403),
    ('pure-admin', 'c', 403), ('member', 'nothing', 404),
    ('stranger', 'c', 404), ('colleague', 'c', 202), ('admin', 'c', 202),
    # Administrators are treated alike everywhere, if they are members.
    ('far-admin', 'c', 202)])
def test_a_credential_takes_a_member_before_it_takes_a_cluster(
        world, token, ident, status):
    assert rotate(world, CREDENTIAL, ident, token).status_int == status


@pytest.mark.parametrize(('token', 'ident', 'status'), [
    ('reader', 'nothing', 404), ('reader', 'c', 403),
    ('pure-admin', 'c', 202), ('stranger', 'c', 404),
    ('colleague', 'c', 202), ('far-admin', 'c', 202)])
def test_a_ca_is_replaced_by_members_and_administrators(world, token, ident,
                                                        status):
    assert rotate(world, CA, ident, token).status_int == status


@BOTH
def test_the_status_comes_before_the_driver(world, path):
    alter(models.ClusterTemplate, driver='fake')
    alter(models.Cluster, status='CREATE_FAILED')
    assert 'when status is "CREATE_FAILED"' in title(rotate(world, path))
    alter(models.Cluster, status='CREATE_COMPLETE')
    assert "driver, fake, cannot" in title(rotate(world, path))


def test_where_there_is_no_tls_there_is_no_ca_to_replace(world):
    alter(models.ClusterTemplate, tls_disabled=True)
    answer = rotate(world, CA)
    assert answer.status_int == 400
    assert title(answer).endswith('does not use TLS: there is no CA to '
                                  'replace')
    assert rotate(world, CREDENTIAL).status_int == 202


def test_where_nodes_have_no_credential_there_is_none_to_renew(world):
    alter(models.Cluster, trustee_user_id=None)
    answer = rotate(world, CREDENTIAL)
    assert answer.status_int == 400
    assert 'has no credential to renew' in title(answer)
    assert '[trust] cluster_user_trust is off' in title(answer)
    assert rotate(world, CA).status_int == 202


@BOTH
def test_a_cluster_whose_template_is_gone_is_refused(world, path):
    with db.writer() as session:
        session.execute(sa.delete(models.ClusterTemplate))
    answer = rotate(world, path)
    assert answer.status_int == 400
    assert 'template' in title(answer)


@BOTH
def test_a_driver_that_is_gone_is_named(world, path):
    alter(models.ClusterTemplate, driver='of-long-ago')
    answer = rotate(world, path)
    assert answer.status_int == 400
    assert 'of-long-ago' in title(answer)
