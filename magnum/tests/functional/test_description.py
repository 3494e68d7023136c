# SPDX-License-Identifier: Apache-2.0
"""What the API says of itself is all of it, and no more than is true.

The tables are written by hand, from the contract with clients: if the
description were looser than they are, tools/proofs/fuzz would notice nothing.
"""

import copy
import importlib
import json
import pathlib
import re

from keystonemiddleware import auth_token
import pytest
import webob

from magnum.api import dispatch
from magnum.tests import conformance
from magnum.tests import playground
from magnum.tests import wsgi

DOC_EXT = pathlib.Path(__file__).parents[3] / 'doc/ext'

# Besides 401, 406, 500 and 503, and 415 where there may be a body.
STATUSES = '''
GET     /                                       200 400
GET     /v1                                     200 400
GET     /v1/openapi.json                        200 400
GET     /v1/clustertemplates                    200 400 403 404
POST    /v1/clustertemplates                    201 400 403 409
GET     /v1/clustertemplates/detail             200 400 403 404
GET     /v1/clustertemplates/{template_ident}   200 400 403 404 409
PATCH   /v1/clustertemplates/{template_ident}   200 400 403 404 409
DELETE  /v1/clustertemplates/{template_ident}   204 400 403 404 409
GET     /v1/clusters                            200 400 403 404
POST    /v1/clusters                            200 202 400 403 404 409
GET     /v1/clusters/detail                     200 400 403 404
GET     /v1/clusters/{cluster_ident}            200 400 403 404 409
PATCH   /v1/clusters/{cluster_ident}            202 400 403 404 409
DELETE  /v1/clusters/{cluster_ident}            204 400 403 404 409
POST    /v1/clusters/{cluster_ident}/actions/resize   200 202 400 403 404 409
POST    /v1/clusters/{cluster_ident}/actions/upgrade  200 202 400 403 404 409
GET     /v1/clusters/{cluster_ident}/nodegroups       200 400 403 404 409
POST    /v1/clusters/{cluster_ident}/nodegroups       200 202 400 403 404 409
GET     /v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident} \
 200 400 403 404 409
PATCH   /v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident} \
 202 400 403 404 409
DELETE  /v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident} \
 204 400 403 404 409
GET     /v1/clusters/{cluster_ident}/protection 200 400 403 404 409
PATCH   /v1/clusters/{cluster_ident}/protection 200 400 403 404 409
GET     /v1/clusters/{cluster_ident}/operations 200 400 403 404 409
GET     /v1/operations/{operation_uuid}         200 400 403 404
POST    /v1/operations/{operation_uuid}/abort   202 400 403 404 409
POST    /v1/operations/{operation_uuid}/retry   202 400 403 404 409
POST    /v1/certificates                        201 400 403 409
GET     /v1/certificates/{cluster_ident}        200 400 403 404 409
GET     /v1/certificates/{cluster_ident}/{ca_cert_type} 200 400 403 404 409
PATCH   /v1/certificates/{cluster_ident}        202 400 403 404 409
PATCH   /v1/credentials/{cluster_ident}         202 400 403 404 409
GET     /v1/quotas                              200 400 403 404
POST    /v1/quotas                              201 400 403 404 409
GET     /v1/quotas/{project_id}/{resource}      200 400 403
PATCH   /v1/quotas/{project_id}/{resource}      202 400 403 404
DELETE  /v1/quotas/{project_id}/{resource}      204 400 403 404
GET     /v1/stats                               200 400 403
GET     /v1/mservices                           200 400 403
GET     /v1/drivers                             200 400 403
GET     /v1/drivers/{driver_name}/labels        200 400 403 404
GET     /v1/federations                         200 400 403 404
POST    /v1/federations                         400 403 404
GET     /v1/federations/detail                  200 400 403 404
GET     /v1/federations/{federation_ident}      200 400 403 404 409
PATCH   /v1/federations/{federation_ident}      202 400 403 404 409
DELETE  /v1/federations/{federation_ident}      204 400 403 404 409
GET     /v1/bays                                200 400 403 404
POST    /v1/bays                                201 202 400 403 404 409
GET     /v1/bays/detail                         200 400 403 404
GET     /v1/bays/{bay_ident}                    200 400 403 404 409
PATCH   /v1/bays/{bay_ident}                    200 202 400 403 404 409
DELETE  /v1/bays/{bay_ident}                    204 400 403 404 409
GET     /v1/baymodels                           200 400 403 404
POST    /v1/baymodels                           201 400 403 404 409
GET     /v1/baymodels/detail                    200 400 403 404
GET     /v1/baymodels/{baymodel_ident}          200 400 403 404 409
PATCH   /v1/baymodels/{baymodel_ident}          200 400 403 404 409
DELETE  /v1/baymodels/{baymodel_ident}          204 400 403 404 409
'''
TABLE = [line.split() for line in STATUSES.strip().splitlines()]

# The first microversion that offers a method, and the last.
GATES = {('POST', '/v1/clusters/{cluster_ident}/actions/resize'): '1.7',
         ('POST', '/v1/clusters/{cluster_ident}/actions/upgrade'): '1.7',
         ('PATCH', '/v1/credentials/{cluster_ident}'): '1.12'} | {
    (method, path): '1.9' for method, path, *_ in TABLE
    if '/nodegroups' in path}

# Requests that succeed.
TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'name': 'new',
            'flavor_id': 'm1.small', 'keypair_id': 'key',
            'external_network_id': 'public', 'server_type': 'vm'}
SUCCESSES = [
    ('GET', '/'), ('GET', '/v1'), ('GET', '/v1/openapi.json'),
    ('GET', '/v1/clustertemplates'), ('GET', '/v1/clustertemplates/detail'),
    ('GET', '/v1/clustertemplates/t'),
    ('POST', '/v1/clustertemplates', TEMPLATE),
    ('PATCH', '/v1/clustertemplates/idle',
     [{'op': 'replace', 'path': '/tags', 'value': 'a'}]),
    ('GET', '/v1/clusters'), ('GET', '/v1/clusters/detail'),
    ('GET', '/v1/clusters?limit=1'),
    ('GET', '/v1/clusters/c'), ('GET', '/v1/clusters/failed'),
    ('POST', '/v1/clusters', {'cluster_template_id': 't', 'keypair': 'key'}),
    ('PATCH', '/v1/clusters/c',
     [{'op': 'replace', 'path': '/node_count', 'value': 2}]),
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 3}),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'}),
    ('GET', '/v1/clusters/c/nodegroups'),
    ('POST', '/v1/clusters/c/nodegroups', {'name': 'new'}),
    ('GET', '/v1/clusters/c/nodegroups/extra'),
    ('PATCH', '/v1/clusters/c/nodegroups/extra',
     [{'op': 'replace', 'path': '/max_node_count', 'value': 4}]),
    ('GET', '/v1/clusters/c/operations'),
    ('GET', '/v1/clusters/c/protection'),
    ('PATCH', '/v1/clusters/c/protection',
     [{'op': 'replace', 'path': '/protected', 'value': False}]),
    ('GET', f'/v1/operations/{playground.OPERATIONS[0]}'),
    ('GET', '/v1/certificates/c'), ('GET', '/v1/certificates/c/etcd'),
    ('POST', '/v1/certificates', {'cluster_uuid': 'c',
                                  'csr': playground.CSR}),
    ('PATCH', '/v1/certificates/c'), ('PATCH', '/v1/credentials/c'),
    ('GET', '/v1/quotas'), ('GET', '/v1/quotas/p/Cluster'),
    ('GET', '/v1/quotas/nobody/Cluster'),
    ('POST', '/v1/quotas', {'project_id': 'q', 'hard_limit': 3}),
    ('PATCH', '/v1/quotas/p/Cluster', {'hard_limit': 100}),
    ('GET', '/v1/stats'), ('GET', '/v1/mservices'),
    ('GET', '/v1/drivers'), ('GET', '/v1/drivers/fake/labels'),
    ('GET', '/v1/federations'), ('GET', '/v1/federations/detail'),
    ('GET', '/v1/federations/f')]
OLD_SUCCESSES = [
    ('GET', '/v1/clusters/c'),
    ('GET', '/v1/bays'), ('GET', '/v1/bays/detail'), ('GET', '/v1/bays/c'),
    ('POST', '/v1/bays', {'baymodel_id': 't'}),
    ('PATCH', '/v1/bays/c',
     [{'op': 'replace', 'path': '/node_count', 'value': 2}]),
    ('GET', '/v1/baymodels'), ('GET', '/v1/baymodels/detail'),
    ('GET', '/v1/baymodels/t'), ('POST', '/v1/baymodels', TEMPLATE),
    ('PATCH', '/v1/baymodels/idle',
     [{'op': 'replace', 'path': '/name', 'value': 'a'}])]

# What may be absent: by version, by case, or at the end of a list.
OMISSIBLE = {'next', 'cluster_id', 'faults', 'bay_faults', 'csr',
             'ca_cert_type', 'bay_uuid', 'bays', 'baymodels'}


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    """The application with a little of everything."""
    with playground.prepared(tmp_path_factory.mktemp('world')) as app:
        yield wsgi.Api(app, None, None)


@pytest.fixture(scope='module')
def document(world):
    return world('GET', '/v1/openapi.json').json


def test_all_that_clients_know_is_described(document):
    described = {(method.upper(), path)
                 for path, methods in document['paths'].items()
                 for method in methods}
    assert described == {(method, path) for method, path, *_ in TABLE}


@pytest.mark.parametrize(('method', 'path', 'statuses'), [
    (method, path, statuses) for method, path, *statuses in TABLE])
def test_every_status_that_clients_know_is_described(document, method, path,
                                                     statuses):
    common = {'406', '500', '503'}
    if path not in ('/', '/v1'):
        common |= {'401'}
    if method != 'GET':
        common |= {'415'}
    described = document['paths'][path][method.lower()]['responses']
    assert {*statuses, *common} <= set(described)
    successes = {status for status in statuses if status < '300'}
    assert {code for code in described if code < '300'} == successes


@pytest.mark.parametrize(('method', 'path'), [
    (method, path) for method, path, *_ in TABLE])
def test_every_gate_is_described(document, method, path):
    told = document['paths'][path][method.lower()].get('x-openstack', {})
    assert told.get('min-ver') == GATES.get((method, path))
    assert told.get('max-ver') == ('1.10' if '/bay' in path else None)


def test_the_reference_lists_every_operation(document, monkeypatch):
    monkeypatch.syspath_prepend(DOC_EXT)
    pages = importlib.import_module('api_text')
    text = '\n'.join(pages.operations())
    sections = {}
    for part in re.split(r'\n(?=(?:GET|POST|PATCH|DELETE) /.*\n~)', text)[1:]:
        method, path = part.partition('\n')[0].split(' ')
        sections[method, path] = part
    assert set(sections) == {(method, path) for method, path, *_ in TABLE}
    for (method, path), section in sections.items():
        operation = document['paths'][path][method.lower()]
        told = operation.get('x-openstack', {})
        words = [*told.get('policies', ()), *operation['responses'],
                 *(f':Since: {told[key]}' for key in ('min-ver',)
                   if key in told),
                 *(parameter['name'] for parameter
                   in operation['parameters'] if 'name' in parameter)]
        assert not [word for word in words if word not in section]
    assert list(pages.schemas())
    assert '\n'.join(pages.errors()).count('* -') == len(
        document['components']['responses']) + 1


def test_every_path_parameter_is_described(document):
    for path, methods in document['paths'].items():
        for operation in methods.values():
            named = [parameter['name'] for parameter
                     in operation['parameters']
                     if parameter.get('in') == 'path']
            assert sorted(named) == sorted(
                part[1:-1] for part in path.split('/')
                if part.startswith('{'))


def test_links_lead_to_operations_that_there_are(document):
    names = {operation['operationId'] for methods
             in document['paths'].values() for operation in methods.values()}
    linked = {name for methods in document['paths'].values()
              for operation in methods.values()
              for answer in operation['responses'].values()
              for name in answer.get('links', ())}
    assert linked <= names
    assert {'clusters_delete', 'nodegroups_delete', 'quotas_patch',
            'cluster_actions_upgrade', 'credentials_patch'} <= linked


def _places(value, path=()):
    """The path to each value in an answer, and the value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), inner
            yield from _places(inner, (*path, key))
    if isinstance(value, list) and value:
        yield from _places(value[0], (*path, 0))


def _holder(answer, path):
    for key in path[:-1]:
        answer = answer[key]
    return answer


def _wrong(value):
    """A value of another type than this one."""
    if isinstance(value, bool | int):
        return [value]
    if isinstance(value, dict):
        return list(value)
    return {'is': 'wrong'}


# Their keys are the user's, so any may be absent.
MAPS = {'labels', 'labels_overridden', 'labels_added', 'labels_skipped',
        'health_status_reason', 'node_labels', 'properties', 'faults',
        'bay_faults'}


# What is of the type that an attribute has.
ANYTHING = {'before', 'after'}


def _noticed(operation, response, **changed):
    spoilt = response.copy()
    for name, value in changed.items():
        setattr(spoilt, name, value)
    try:
        conformance.compare(*operation, spoilt)
    except conformance.Nonconformity:
        return True
    return False


@pytest.mark.parametrize(('version', 'request_'), [
    *(('latest', one) for one in SUCCESSES),
    *(('1.1', one) for one in OLD_SUCCESSES),
    ('1.2', OLD_SUCCESSES[4]), ('1.2', OLD_SUCCESSES[5])],
    ids=lambda value: ' '.join(value[:2]) if isinstance(value, tuple)
    else value)
def test_an_answer_with_a_fault_is_not_as_described(world, version, request_):
    method, path, *body = request_
    response = world(method, path, *body, token='admin', version=version)
    assert response.status_int < 300, response.text
    found = dispatch.find(path.partition('?')[0])
    operation = f'/{found[0]}', method.lower()
    assert not _noticed(operation, response)
    assert _noticed(operation, response, status_int=299)
    assert _noticed(operation, response, content_type='text/plain')
    for name in response.headers:
        if name.startswith(('Vary', 'Openstack', 'OpenStack', 'X-Open',
                            'Location')):
            spoilt = response.copy()
            del spoilt.headers[name]
            assert _noticed(operation, spoilt), f'no {name}'
    if 'openapi' in response.json:
        return
    _check_each_place(operation, response)


def _check_each_place(operation, response):
    extra = json.dumps(response.json | {'more': 1}).encode()
    assert _noticed(operation, response, body=extra), 'one more'
    for place, value in _places(response.json):
        spoilt = copy.deepcopy(response.json)
        _holder(spoilt, place)[place[-1]] = _wrong(value)
        assert place[-1] in ANYTHING or _noticed(
            operation, response,
            body=json.dumps(spoilt).encode()), f'wrong {place}'
        spoilt = copy.deepcopy(response.json)
        del _holder(spoilt, place)[place[-1]]
        may_be_absent = (place[-1] in OMISSIBLE or MAPS & set(place[:-1])
                         or 'media_types' in place[:-1]
                         or place[-2:] == ('links', 'type'))
        assert may_be_absent or _noticed(
            operation, response,
            body=json.dumps(spoilt).encode()), f'no {place}'


@pytest.mark.parametrize(('code', 'request_'), [
    (400, ('GET', '/v1/clusters?limit=x')),
    (401, ('GET', '/v1/clusters')),
    (403, ('GET', '/v1/mservices')),
    (404, ('GET', '/v1/clusters/nothing')),
    (405, ('PATCH', '/v1/clusters/detail')),
    (406, ('GET', '/v1/clusters')),
    (409, ('POST', '/v1/quotas', {'project_id': 'p'})),
    (415, ('POST', '/v1/clusters'))])
def test_an_error_with_a_fault_is_not_as_described(world, code, request_):
    method, path, *body = request_
    headers = {'Content-Type': 'text/plain'} if code == 415 else {}
    response = world(
        method, path, *body, headers=headers,
        raw=b'x' if code == 415 else None,
        token={401: None, 403: 'member'}.get(code, 'admin'),
        version='7.7' if code == 406 else 'latest')
    assert response.status_int == code
    if code == 405:
        path, method = '/v1/clusters/{cluster_ident}', 'get'
    else:
        path = f'/{dispatch.find(path.partition("?")[0])[0]}'
    _check_each_error_place((path, method.lower()), response)


def _check_each_error_place(operation, response):
    assert not _noticed(operation, response)
    for place, value in _places(response.json):
        for spoil in ('drop', 'replace'):
            spoilt = copy.deepcopy(response.json)
            if spoil == 'drop':
                del _holder(spoilt, place)[place[-1]]
            else:
                _holder(spoilt, place)[place[-1]] = _wrong(value)
            assert _noticed(operation, response,
                            body=json.dumps(spoilt).encode()), (spoil, place)


def test_a_keystone_that_is_away_is_described(api, monkeypatch):
    def away(self, token, **kwargs):
        raise webob.exc.HTTPServiceUnavailable('Keystone is away.')

    monkeypatch.setattr(auth_token.AuthProtocol, 'fetch_token', away)
    for accept in (None, 'application/json', '*/*', 'text/plain'):
        headers = {'Accept': accept} if accept else {}
        answer = api('GET', '/v1/clusters', headers=headers)
        assert answer.status_int == 503
        # There are clients that die of an error without this.
        assert answer.json['errors'][0]['title'].startswith('Keystone does')
