# SPDX-License-Identifier: Apache-2.0
"""The API describes itself, wholly and validly.

That it also keeps to what it says is seen by `magnum.tests.conformance` in
all functional tests, and by tools/proofs/fuzz.
"""

import json

import jsonschema_rs
import openapi_spec_validator
import pytest

from magnum.api.description import openapi
from magnum.api.description import schemas
from magnum.api import routes
from magnum.api import types
from magnum.api import versions
from magnum import errors
from magnum import policies
from magnum.tests import conformance
from magnum.tests import factories

OPERATIONS = [(f'/{path}', method.lower()) for path, methods
              in routes.ROUTES.items() for method in methods]


@pytest.fixture
def document(api):
    return api('GET', '/v1/openapi.json').json


def valid(document, name, value):
    schema = {'$ref': f'#/components/schemas/{name}',
              'components': document['components']}
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def test_the_description_is_a_valid_document(document):
    openapi_spec_validator.validate(document)
    assert document['openapi'].startswith('3.1')


def test_the_description_is_for_those_who_have_a_token(api):
    assert api('GET', '/v1/openapi.json', token=None).status_int == 401
    assert api('GET', '/v1/openapi.json', token='bystander').json['paths']


def test_the_description_says_where_the_api_is(api):
    answer = api('GET', '/v1/openapi.json',
                 headers={'Host': 'magnum.example.org'})
    assert answer.json['servers'] == [{'url': 'http://magnum.example.org'}]


def test_every_method_of_every_path_is_described(document):
    described = [(path, method) for path, methods
                 in document['paths'].items() for method in methods]
    assert sorted(described) == sorted(OPERATIONS)


def test_every_method_has_a_name_of_its_own(document):
    names = [operation['operationId'] for methods
             in document['paths'].values() for operation in methods.values()]
    assert len(set(names)) == len(names)


def test_every_rule_guards_what_there_is(document):
    told = {rule for methods in document['paths'].values()
            for operation in methods.values()
            for rule in operation.get('x-openstack', {}).get('policies', ())}
    # What has no operations is there for other rules to refer to.
    assert told == {rule.name for rule in policies.list_rules()
                    if getattr(rule, 'operations', None)}


@pytest.mark.parametrize(('path', 'method'), OPERATIONS)
def test_what_needs_a_token_names_its_rules(document, path, method):
    operation = document['paths'][path][method]
    rules = operation.get('x-openstack', {}).get('policies', [])
    public = path in ('/', '/v1')
    assert operation['security'] == ([] if public else [{'token': []}])
    assert bool(rules) != (public or path == '/v1/openapi.json')


def test_gates_are_told(document):
    nodegroups = document['paths']['/v1/clusters/{cluster_ident}/nodegroups']
    assert nodegroups['get']['x-openstack']['min-ver'] == str(
        versions.NODEGROUPS)
    bays = document['paths']['/v1/bays']['get']
    assert bays['x-openstack']['max-ver'] == str(versions.LAST_BAYS)


@pytest.mark.parametrize(('body', 'expected'), [
    ({'cluster_template_id': 't'}, True),
    ({}, False),
    ({'cluster_template_id': 't', 'node_count': '3'}, True),
    ({'cluster_template_id': 't', 'node_count': -1}, False),
    ({'cluster_template_id': 't', 'name': '1'}, False),
    ({'cluster_template_id': 't', 'name': None}, True),
    ({'cluster_template_id': 't', 'stack_id': None}, False),
    ({'cluster_template_id': 't', 'master_lb_enabled': 'Yes'}, True),
    ({'cluster_template_id': 't', 'master_lb_enabled': 'maybe'}, False),
    ({'cluster_template_id': 't', 'labels': {'a': 1}}, True),
    ({'cluster_template_id': 't', 'labels': {'a': []}}, False)])
def test_a_body_is_described_as_it_is_read(document, body, expected):
    assert valid(document, 'ClusterBody', body) is expected


@pytest.mark.parametrize(('change', 'expected'), [
    ({'op': 'replace', 'path': '/node_count', 'value': 2}, True),
    ({'op': 'replace', 'path': '/node_count', 'value': '2'}, True),
    ({'op': 'replace', 'path': '/node_count'}, False),
    ({'op': 'replace', 'path': '/uuid', 'value': 'x'}, False),
    ({'op': 'replace', 'path': '/stack_id', 'value': 'x'}, False),
    ({'op': 'replace', 'path': '/labels', 'value': "{'a': 'b'}"}, True),
    ({'op': 'add', 'path': '/labels/a', 'value': 'b'}, True),
    ({'op': 'remove', 'path': '/labels/a'}, True),
    ({'op': 'remove', 'path': '/cluster_template_id'}, False),
    ({'op': 'move', 'path': '/name', 'value': 'x'}, False)])
def test_a_patch_is_described_as_it_is_read(document, change, expected):
    assert valid(document, 'ClusterPatch', [change]) is expected


def test_an_answer_that_is_not_as_described_is_noticed(api, monkeypatch):
    template = factories.template()
    factories.store(template)
    monkeypatch.setattr(types, 'show', lambda *_, **computed: computed)
    with pytest.raises(conformance.Nonconformity, match='is a required'):
        api('GET', f'/v1/clustertemplates/{template.uuid}')


def test_the_description_is_plain_json():
    document = openapi.document(routes.ROUTES, routes.PUBLIC)
    assert json.loads(json.dumps(document)) == document


VALUES = [None, '', ' ', 'x', 'X1', '0', '1', '00', '007', '1023', '1024',
          '65536', '-1', '1e9', 'true', 'maybe', 'oN', 'x' * 242, 'x' * 243,
          'x' * 255, 'x' * 256, '9' * 17, '2147483647', '2147483648',
          '8.8.8.8', ' 8.8.8.8', '8.8.8.8, 1.1.1.1', '8.8.8.256',
          '8.8.8.08', '::1', 'vm', 'VM', 'kubernetes', 'Cluster', 'UNKNOWN',
          'CREATE_FAILED',
          '3f9a1b4c-6f0e-4f4e-9c53-2b7f3f2f7a10', 0, -1, 1, 7, 1.5, 1024,
          2 ** 31 - 1, 2 ** 31, True, False, [], [None], ['x'], [1], [[]],
          {}, {'a': None}, {'a': 'b'}, {'a': 1}, {'a': 1.5}, {'a': True},
          {'a': {}}, [{}], [{'a': 'b'}], [{'a': 1}]]

WRITTEN = sorted({(controller.declared.body, name)
                  for methods in routes.ROUTES.values()
                  for controller in methods.values()
                  if controller.declared.body is not None
                  for name, attribute in types.attributes(
                      controller.declared.body).items()
                  if attribute.write != types.READONLY},
                 key=lambda pair: (pair[0].__name__, pair[1]))


@pytest.mark.parametrize(('kind', 'name'), WRITTEN, ids=lambda value: getattr(
    value, '__name__', value))
def test_an_attribute_is_described_as_it_is_read(kind, name):
    attribute = types.attributes(kind)[name]
    schema = schemas.body(kind)['properties'][name]
    validator = jsonschema_rs.Draft202012Validator(schema,
                                                   validate_formats=True)
    differing = [value for value in VALUES
                 if validator.is_valid(value) != _is_read(attribute, value)]
    assert not differing


def _is_read(attribute, value):
    try:
        if attribute.write == types.IGNORED:
            if value is not None:
                attribute.check(value)
            return True
        return (attribute.read(value) is not None
                or not attribute.required)
    except errors.InvalidParameter:
        return False
