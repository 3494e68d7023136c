# SPDX-License-Identifier: Apache-2.0
"""Requests without a version, where the operator wants them served."""

from oslo_config import cfg
import pytest

from magnum.tests import factories

CONF = cfg.CONF

GROUPS = '/v1/clusters/c/nodegroups'
LIMIT = [{'op': 'replace', 'path': '/max_node_count', 'value': 3}]

REQUESTS = [
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 2}, 202, '1.7'),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'},
     202, '1.8'),
    ('GET', GROUPS, None, 200, '1.9'),
    ('POST', GROUPS, {'name': 'n', 'node_labels': {'a': 'b'}}, 202, '1.9'),
    ('GET', f'{GROUPS}/own', None, 200, '1.9'),
    ('PATCH', f'{GROUPS}/own', LIMIT, 202, '1.9'),
    ('DELETE', f'{GROUPS}/own', None, 204, '1.9')]

EACH = pytest.mark.parametrize(
    ('method', 'path', 'body', 'success', 'gate'), REQUESTS)


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster),
                    factories.nodegroup(cluster, name='own'))
    return api


@pytest.fixture
def lenient():
    CONF.set_override('unversioned_actions', True, 'api')
    yield
    CONF.clear_override('unversioned_actions', 'api')


def version_of(answer):
    return answer.headers['OpenStack-API-Version'].split()[-1]


@EACH
def test_a_request_without_a_version_is_one_of_the_first(
        world, method, path, body, success, gate):
    assert CONF.api.unversioned_actions is False
    answer = world(method, path, body)
    assert answer.status_int == 406
    assert version_of(answer) == '1.1'


@EACH
def test_it_can_be_taken_for_one_that_has_what_it_asks_for(
        world, lenient, method, path, body, success, gate):
    answer = world(method, path, body)
    assert answer.status_int == success
    assert version_of(answer) == gate


@EACH
@pytest.mark.parametrize('version', ['1.1', '1.6'])
def test_one_with_a_version_is_what_it_says(
        world, lenient, method, path, body, success, gate, version):
    answer = world(method, path, body, version=version)
    assert answer.status_int == 406
    assert version_of(answer) == version


def test_an_upgrade_of_1_7_is_refused_all_the_same(world, lenient):
    assert world('POST', '/v1/clusters/c/actions/upgrade',
                 {'cluster_template': 't'}, version='1.7').status_int == 400


def test_nothing_else_becomes_newer(world, lenient):
    # No workers came with 1.10, cluster_id with 1.13, credentials with 1.12.
    resize = world('POST', '/v1/clusters/c/actions/resize', {'node_count': 0})
    assert resize.status_int == 400
    shown = world('GET', '/v1/clusters/c')
    assert 'cluster_id' not in shown.json
    assert version_of(shown) == '1.1'
    assert world('PATCH', '/v1/credentials/c').status_int == 406


def test_a_header_that_says_nothing_is_one(world, lenient):
    answer = world('GET', GROUPS, headers={'OpenStack-API-Version': ''})
    assert answer.status_int == 406
