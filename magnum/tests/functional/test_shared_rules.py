# SPDX-License-Identifier: Apache-2.0
"""What holds for every method of every path, one like the other."""

import pathlib
import re

from oslo_config import cfg
import pytest
import webob

from magnum.api import dispatch
from magnum.api import routes
from magnum.tests import factories
from magnum.tests import wsgi

CONF = cfg.CONF
ROOT = pathlib.Path(__file__).parents[3]

EVERYTHING = [(path, method, controller.declared)
              for path, methods in routes.ROUTES.items()
              for method, controller in methods.items()]
GUARDED = [(path, method, declared) for path, method, declared in EVERYTHING
           if path not in ('', 'v1')]
WITH_BODY = [(path, method, declared) for path, method, declared in GUARDED
             if declared.body or declared.patch]
WITH_QUERY = [(path, method, parameter.name)
              for path, method, declared in GUARDED
              for parameter in declared.query]


def url(path):
    """With idents of what there is not: nothing gets that far."""
    return '/' + re.sub(r'\{\w+\}', 'x', path)


def version(path):
    return '1.10' if path.startswith('v1/bay') else 'latest'


def ask(api, method, path, **options):
    return api(method, url(path), token='admin', version=version(path),
               **options)


@pytest.mark.parametrize(('path', 'method', 'declared'), EVERYTHING)
def test_a_slash_at_the_end_changes_nothing(path, method, declared):
    assert dispatch.find(f'{url(path)}/') == dispatch.find(url(path))


@pytest.mark.parametrize(('path', 'method', 'declared'), EVERYTHING)
def test_an_unknown_parameter_is_refused_by_its_name(api, path, method,
                                                     declared):
    answer = api(method, f'{url(path)}?colour=blue', token='admin',
                 version=version(path))
    assert answer.status_int == 400
    assert 'colour' in answer.json['errors'][0]['title']


@pytest.mark.parametrize(('path', 'method', 'name'), WITH_QUERY)
def test_a_parameter_is_given_once(api, path, method, name):
    value = {'marker': '5d12f6fd-a196-4bf0-ae4c-1f639a523a52',
             'sort_key': 'id', 'sort_dir': 'asc'}.get(name, '1')
    if path == 'v1/quotas' and name == 'marker':
        value = '1'
    answer = api(method, f'{url(path)}?{name}={value}&{name}={value}',
                 token='admin', version=version(path))
    assert answer.status_int == 400
    assert answer.json['errors'][0]['title'] == (
        f'Invalid value for query parameter {name}: it is given twice')


@pytest.mark.parametrize(('path', 'method', 'declared'), WITH_BODY)
@pytest.mark.parametrize('kind', [
    'application/json-patch+json', 'text/plain', 'application/octet-stream'])
def test_a_body_of_another_type_is_refused(api, path, method, declared,
                                           kind):
    answer = ask(api, method, path, raw=b'{}',
                 headers={'Content-Type': kind})
    assert answer.status_int == 415
    assert kind in answer.json['errors'][0]['title']


@pytest.mark.parametrize(('path', 'method', 'declared'), WITH_BODY)
def test_a_body_of_no_type_is_taken_for_json(api, path, method, declared):
    answer = ask(api, method, path, raw=b'{"colour": ',
                 headers={'Content-Type': ''})
    assert answer.status_int == 400
    assert 'JSON' in answer.json['errors'][0]['title']


@pytest.mark.parametrize(('path', 'method', 'declared'), WITH_BODY)
def test_a_body_is_needed_and_looked_at_before_anything_is_looked_up(
        api, path, method, declared):
    for raw in (None, b'[1]', b'{"colour": "blue"}', b'"x"', b'null'):
        assert ask(api, method, path, raw=raw).status_int == 400
    assert not api.cloud.calls


@pytest.mark.parametrize(('path', 'method', 'declared'), GUARDED)
def test_who_asks_comes_before_what_is_asked(api, path, method, declared):
    def code(**options):
        return api(method, url(path), raw=b'{', **options).status_int

    assert code(token=None, version='9.9') == 401
    assert code(token='admin', version='9.9') == 406
    assert api('PUT', '/v1/nothing', version='9.9').status_int == 406
    assert api('PUT', '/v1/nothing', token=None).status_int == 401


@pytest.mark.parametrize('header', [
    'container-infra', '1.5', 'container-infra 1.5 1.6', 'compute 1.5',
    'container-infra 1', 'container-infra 1.x', 'Container-Infra 1.5'])
def test_a_header_that_cannot_be_read_is_refused(api, header):
    answer = api('GET', '/v1/clusters',
                 headers={'OpenStack-API-Version': header})
    assert answer.status_int == 406
    assert answer.json['errors'][0]['title'] == 'Not Acceptable'
    assert answer.json['errors'][0]['detail']


@pytest.mark.parametrize('word', ['1.1', '1.7', '1.14', 'latest', 'LATEST',
                                  'Latest'])
@pytest.mark.parametrize('service', [
    'container-infra', 'container-infrastructure',
    'container-infrastructure-management'])
def test_every_name_of_the_service_is_known(api, service, word):
    for header in (f'{service} {word}', f'compute 2.1, {service} {word}',
                   f'{service} {word},image 2.9'):
        answer = api('GET', '/v1/clusters',
                     headers={'OpenStack-API-Version': header})
        assert answer.status_int == 200
        assert answer.headers['OpenStack-API-Version'] == (
            'container-infrastructure-management '
            f'{"1.14" if word.lower() == "latest" else word}')
        assert answer.headers['Vary'] == 'OpenStack-API-Version'


@pytest.mark.parametrize('method', ['HEAD', 'OPTIONS', 'PUT'])
@pytest.mark.parametrize('path', sorted(routes.ROUTES))
def test_what_is_never_offered_is_405(api, path, method):
    answer = ask(api, method, path)
    assert answer.status_int == 405
    assert 'X-Openstack-Request-Id' in answer.headers


@pytest.fixture
def behind_a_proxy():
    CONF.set_override('enable_proxy_headers_parsing', True,
                      'oslo_middleware')
    yield
    CONF.clear_override('enable_proxy_headers_parsing', 'oslo_middleware')


FORWARDED = {'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'cloud.example',
             'X-Forwarded-Prefix': '/container-infra'}


def links(api, **options):
    document = api('GET', '/v1', token=None, **options).json
    return [document['links'][0]['href'], document['clusters'][1]['href']]


def test_links_are_as_the_client_sees_them(behind_a_proxy, api):
    assert links(api, headers=FORWARDED) == [
        'https://cloud.example/container-infra/v1/',
        'https://cloud.example/container-infra/clusters/']


def test_a_proxy_is_not_believed_unasked(api):
    assert links(api, headers=FORWARDED) == [
        'http://localhost/v1/', 'http://localhost/clusters/']


def test_links_begin_with_the_address_that_is_configured(api):
    factories.store(*(factories.cluster() for _ in range(2)))
    own = 'https://cloud.example/container-infra'
    CONF.set_override('public_endpoint', f'{own}/', 'api')
    try:
        answers = [api('GET', path, headers={
            'Host': 'evil.example', 'X-Forwarded-Host': 'evil.example'})
            for path in ('/', '/v1', '/v1/clusters?limit=1')]
        answers.append(api('POST', '/v1/clustertemplates', {
            'coe': 'kubernetes', 'image_id': 'ubuntu-k8s',
            'external_network_id': 'public'}, headers={
                'Host': 'evil.example'}))
    finally:
        CONF.clear_override('public_endpoint', 'api')
    for answer in answers:
        assert answer.status_int in (200, 201), answer.text
        assert 'evil' not in answer.text + str(answer.headers)
        assert own in answer.text
    assert answers[2].json['next'].startswith(f'{own}/v1/clusters?')
    assert answers[3].headers['Location'].startswith(
        f'{own}/v1/clustertemplates/')


def test_links_have_the_path_that_the_service_is_mounted_at(api):
    request = webob.Request.blank('/v1')
    request.script_name = '/container-infra'
    document = request.get_response(api.app).json
    assert document['quotas'][0]['href'] == (
        'http://localhost/container-infra/v1/quotas/')


def test_who_has_no_project_sees_what_is_his_own(api, monkeypatch, tmp_path):
    # The defaults are for projects; an operator may say otherwise.
    (tmp_path / 'policy.yaml').write_text(
        '"cluster:get_all": "@"\n"cluster:get": "user_id:%(user_id)s"\n')
    monkeypatch.setitem(wsgi.CALLERS, 'alone',
                        ('owner', wsgi.UNSCOPED, ['reader']))
    factories.store(factories.cluster(name='mine'),
                    factories.cluster(name='elsewhere', project_id='q'),
                    factories.cluster(name='theirs', user_id='colleague'))
    found = api('GET', '/v1/clusters', token='alone')
    assert [cluster['name'] for cluster in found.json['clusters']] == [
        'mine', 'elsewhere']
    assert api('GET', '/v1/clusters/theirs', token='alone').status_int == 404


@pytest.mark.parametrize('path', ['devstack/lib/magnum',
                                  'doc/source/install/index.rst'])
def test_the_catalogue_has_the_names_and_the_path_that_clients_look_for(path):
    said = (ROOT / path).read_text()
    assert re.search(r'get_or_create_service magnum container-infra|'
                     r'service create --name magnum', said)
    endpoints = re.findall(r'(?:https?|PROTOCOL):/+\S*/v1\b', said)
    assert endpoints
    for endpoint in endpoints:
        # A client cuts these characters from the end of the path before.
        before = endpoint.removesuffix('/v1').rpartition(':')[2]
        assert before[-1] not in 'v/' and before.count('/') < 4
