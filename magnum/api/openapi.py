# SPDX-License-Identifier: Apache-2.0
"""The API's description of itself, an OpenAPI 3.1 document.

Nothing in it is written by hand: paths are those of `magnum.api.root`, what a
method takes and gives is what `expose.method` was told, schemas come from the
WSME types, microversions from the gates, and who may do it from the policies.

One document stands for all microversions.  What came later than the first one
has `x-openstack: {"min-ver": ...}`; the rules that an operator may change are
told as `x-openstack: {"policies": [...]}`.
"""

import http
import inspect
import re
import sys

from magnum.api import expose
from magnum.api import schemas
from magnum.api import versions
from magnum import policies
from magnum import version as release

TOKEN = 'token'

_REQUEST_ID = {
    'description': 'By which operators find the request in the log.',
    'schema': {'type': 'string', 'pattern': '^req-'}}

_SEGMENT = {'type': 'string', 'minLength': 1, 'pattern': '^[^/]+$'}

_ERROR = {
    'type': 'object',
    'properties': {
        'request_id': {'type': 'string'},
        'code': {'type': 'string'},
        'status': {'type': 'integer'},
        'title': {'type': 'string'},
        'detail': {'type': 'string'},
        'links': {'type': 'array', 'items': {'type': 'object'}},
        # Of a microversion that is not supported only.
        'description': {'type': 'string'},
        'min_version': {'type': 'string'},
        'max_version': {'type': 'string'}},
    'required': ['request_id', 'code', 'status', 'title', 'detail', 'links'],
    'additionalProperties': False}

_ERRORS = {
    'type': 'object',
    'properties': {
        'errors': {'type': 'array', 'minItems': 1, 'maxItems': 1,
                   'items': schemas.reference('Error')},
        'message': {'type': 'string',
                    'description': 'The detail of the error once more.'}},
    'required': ['errors', 'message'],
    'additionalProperties': False}

# As Keystone's middleware says it, before anybody else is asked.
_NO_TOKEN = {
    'type': 'object',
    'properties': {'error': {
        'type': 'object',
        'properties': {'code': {'const': 401}, 'title': {'type': 'string'},
                       'message': {'type': 'string'}},
        'required': ['code', 'title', 'message']}},
    'required': ['error']}

_MEANING = {
    400: 'The request is at fault.',
    401: 'There is no token, or it is not valid.',
    403: 'The policies, or a quota, do not allow it.',
    404: 'Something that the request names does not exist, as far as the '
         'caller can see.',
    405: 'The path is that of something else, which does not offer the '
         'method.',
    406: 'The microversion is malformed, not supported, or older than what '
         'is asked for; or the answer cannot be JSON.',
    409: 'It contradicts what there is, such as a name that several have.',
    415: 'The body is not JSON.',
    500: 'The service failed.',
    503: 'Another service is needed and does not answer: try again.',
}


def document(routes, public, url=None):
    """The description of `routes`.

    :param public: the paths of which no token is asked.
    :param url: where the API is; without it, where the document is.
    """
    components = {}
    paths = {f'/{path}': {
        method.lower(): _operation(path, method, controller,
                                   f'/{path}'.rstrip('/') in public,
                                   components)
        for method, controller in methods.items()}
        for path, methods in routes.items() if methods}
    used = {tag for methods in paths.values()
            for operation in methods.values() for tag in operation['tags']}
    answer = {
        'openapi': '3.1.0',
        'info': {
            'title': 'OpenStack Container Infrastructure Management',
            'description': 'Clusters of container orchestration engines, as '
                           'a service.',
            'license': {'name': 'Apache 2.0', 'identifier': 'Apache-2.0'},
            'version': str(versions.MAXIMUM),
            'x-release': release.text()},
        'tags': [{'name': name, 'description': _first_line(
            sys.modules[f'magnum.api.{name}'])} for name in sorted(used)],
        'paths': paths,
        'components': {
            'schemas': {'Error': _ERROR, 'Errors': _ERRORS,
                        'NoToken': _NO_TOKEN, **components},
            'responses': {_name(code): _error(code) for code in _MEANING},
            'headers': {'RequestId': _REQUEST_ID, **_version_headers()},
            'parameters': {'Version': _version()},
            'securitySchemes': {TOKEN: {
                'type': 'apiKey', 'in': 'header', 'name': 'X-Auth-Token',
                'description': 'A token of Keystone.'}}}}
    if url:
        answer['servers'] = [{'url': url}]
    return answer


def _operation(path, method, controller, is_public, components):
    declared = controller.declared
    noun = controller.__module__.rpartition('.')[2]
    operation = {
        'operationId': f'{noun}_{controller.__name__}',
        'summary': _first_line(controller),
        'tags': [noun],
        'parameters': _parameters(path, declared),
        'responses': _responses(path, method, declared, is_public,
                                components),
        'security': [] if is_public else [{TOKEN: []}]}
    kind = declared.patch or declared.body
    if kind is not None:
        role = 'Patch' if declared.patch else 'Body'
        name = f'{kind.__name__}{role}'
        components[name] = (schemas.patch(kind) if declared.patch
                            else schemas.body(kind))
        operation['requestBody'] = {'required': True, 'content': {
            expose.JSON: {'schema': schemas.reference(name)}}}
    own = _since(declared.since)
    if declared.until < versions.MAXIMUM:
        own['max-ver'] = str(declared.until)
    rules = _rules(path, method)
    if rules:
        own['policies'] = rules
    return operation | ({'x-openstack': own} if own else {})


def _since(version):
    return {'min-ver': str(version)} if version > versions.MINIMUM else {}


def _rules(path, method):
    """The names of the rules that guard a method."""
    here = {'method': method, 'path': f'/{path}'}
    return [rule.name for rule in policies.list_rules()
            if here in getattr(rule, 'operations', ())]


def _parameters(path, declared):
    found = [] if path == '' else [{'$ref': '#/components/parameters/Version'}]
    found += [{'name': name, 'in': 'path', 'required': True,
               'schema': _SEGMENT} for name in re.findall(r'{(\w+)}', path)]
    for parameter in declared.query:
        schema = schemas.taken(parameter.kind)
        if parameter.default is not None:
            schema = schema | {'default': parameter.default}
        own = _since(parameter.since)
        found.append({'name': parameter.name, 'in': 'query',
                      'schema': schema}
                     | ({'x-openstack': own} if own else {}))
    return found


def _responses(path, method, declared, is_public, components):
    codes = {400, 406, 500, 503}
    if not is_public:
        codes |= {401, 403}
    if '{' in path:
        # An identifier may be a word that is a path of its own.
        codes |= {404, 405, 409}
    if method != 'GET':
        codes |= {404, 409}
    if (declared.until < versions.MAXIMUM
            or any(parameter.name == 'marker'
                   for parameter in declared.query)):
        codes.add(404)
    if declared.body or declared.patch:
        codes.add(415)
    successes = {}
    for code, result in {declared.answers: declared.result,
                         **declared.also}.items():
        success = {'description': http.HTTPStatus(code).phrase,
                   'headers': _headers(path, declared)}
        schema = _result(path, declared, result, components)
        if schema is not None:
            success['content'] = {expose.JSON: {'schema': schema}}
        successes[str(code)] = success
    return successes | {
        str(code): {'$ref': f'#/components/responses/{_name(code)}'}
        for code in sorted(codes)}


def _headers(path, declared):
    names = ['RequestId'] if path == '' else [
        'RequestId', *_version_headers()]
    shown = {'X-Openstack-Request-Id' if name == 'RequestId' else name:
             {'$ref': f'#/components/headers/{name}'} for name in names}
    return shown | {
        name: {'description': text, 'required': True,
               'schema': {'type': 'string', 'format': 'uri'}}
        for name, text in declared.headers.items()}


def _result(path, declared, result, components):
    """The schema of a success; None when it has no body."""
    if result is None:
        return None
    if isinstance(result, dict):
        return result
    if isinstance(result, tuple):
        return {'anyOf': [_component(kind, None, components)
                          for kind in result]}
    if not isinstance(result, list):
        return _component(result, declared.only, components)
    collection = path.removesuffix('/detail').rpartition('/')[2]
    schema = {'type': 'object',
              'properties': {collection: {'type': 'array', 'items': _component(
                  result[0], declared.only, components)}},
              'required': [collection],
              'additionalProperties': False}
    if any(parameter.name == 'marker' for parameter in declared.query):
        schema['properties']['next'] = {
            'type': 'string', 'format': 'uri',
            'description': 'The next page; absent when there is none.'}
    return schema


def _component(kind, only, components):
    name = kind.__name__ + ('Short' if only else '')
    components[name] = schemas.answer(kind, only)
    for attribute in components[name]['properties']:
        nested = getattr(getattr(kind, attribute).kind, 'kind', None)
        if nested is not None:
            _component(nested, None, components)
    return schemas.reference(name)


def _error(code):
    schema = schemas.reference('NoToken' if code == 401 else 'Errors')
    answer = {'description': _MEANING[code],
              'headers': {'X-Openstack-Request-Id': {
                  '$ref': '#/components/headers/RequestId'}},
              'content': {expose.JSON: {'schema': schema}}}
    if code == 401:
        answer['headers']['WWW-Authenticate'] = {
            'description': 'Where Keystone is.',
            'schema': {'type': 'string'}}
    return answer


def _name(code):
    return http.HTTPStatus(code).phrase.replace(' ', '')


def _version():
    return {'name': versions.HEADER, 'in': 'header',
            'description': f'The microversion that the request is of; '
                           f'{versions.MINIMUM} when absent.',
            'schema': {'type': 'string', 'enum': [
                f'{service} {version}' for service in versions.SERVICES
                for version in (*versions.HISTORY, 'latest')]},
            'example': f'{versions.SERVICE} {versions.MAXIMUM}'}


def _version_headers():
    told = {versions.HEADER: 'The microversion that the answer is of.',
            versions.MINIMUM_HEADER: 'The first microversion.',
            versions.MAXIMUM_HEADER: 'The last microversion.'}
    pattern = rf'^{versions.SERVICE} [0-9]+\.[0-9]+$'
    return {name: {'description': text, 'required': True,
                   'schema': {'type': 'string', 'pattern': pattern}}
            for name, text in told.items()}


def _first_line(thing):
    return inspect.getdoc(thing).partition('\n')[0]
