# SPDX-License-Identifier: Apache-2.0
"""The API's description of itself, an OpenAPI 3.1 document.

Nothing in it is written by hand: paths are those of `magnum.api.routes`, what
a method takes and gives is what `expose.method` was told, schemas come from
the WSME types, microversions from the gates, and who may do it from the
policies.

One document stands for all microversions.  What came later than the first one
has `x-openstack: {"min-ver": ...}`; the rules that an operator may change are
told as `x-openstack: {"policies": [...]}`.
"""

import http
import inspect
import re
import sys

from magnum.api.description import answers
from magnum.api.description import schemas
from magnum.api import etags
from magnum.api import expose
from magnum.api import idempotency
from magnum.api import types
from magnum.api import versions
from magnum import policies
from magnum import version as release

TOKEN = 'token'

_SEGMENT = {'type': 'string', 'minLength': 1, 'pattern': '^[^/]+$'}
_WARNING = {
    'description': 'What is accepted and may not be meant, such as labels '
                   'that the driver does not use; as RFC 7234 has it.',
    'schema': {'type': 'string', 'pattern': '^299 - "'}}

_KEY = {'name': idempotency.HEADER, 'in': 'header',
        'description': 'The same request with the same key gets the answer '
                       'that it had at first, and does nothing more.',
        'schema': {'type': 'string', 'pattern': f'^{idempotency.PATTERN}$'}}


_TAG = {'description': 'Another one for each state of the resource.',
        'required': True, 'schema': {'type': 'string',
                                     'pattern': '^"[0-9a-f]{32}"$'}}
_IF_MATCH = {'name': etags.IF_MATCH, 'in': 'header',
             'description': 'The ETag of what is to be changed, as the caller '
                            'has seen it.',
             'schema': {'type': 'string'}}
_IF_NONE_MATCH = {'name': etags.IF_NONE_MATCH, 'in': 'header',
                  'description': 'The ETag of what the caller already has.',
                  'schema': {'type': 'string'}}


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
    modules = {_noun(controller): sys.modules[controller.__module__]
               for methods in routes.values()
               for controller in methods.values()}
    _link(paths, routes)
    shared = answers.components()
    answer = {
        'openapi': '3.1.0',
        'info': {
            'title': 'OpenStack Container Infrastructure Management',
            'description': 'Clusters of container orchestration engines, as '
                           'a service.',
            'license': {'name': 'Apache 2.0', 'identifier': 'Apache-2.0'},
            'version': str(versions.MAXIMUM),
            'x-release': release.text()},
        'tags': [{'name': name, 'description': _first_line(module)}
                 for name, module in sorted(modules.items())],
        'paths': paths,
        'components': {
            **shared, 'schemas': shared['schemas'] | components,
            'parameters': {'Version': _version()},
            'securitySchemes': {TOKEN: {
                'type': 'apiKey', 'in': 'header', 'name': 'X-Auth-Token',
                'description': 'A token of Keystone.'}}}}
    if url:
        answer['servers'] = [{'url': url}]
    return answer


def _operation(path, method, controller, is_public, components):
    declared = controller.declared
    noun = _noun(controller)
    operation = {
        'operationId': f'{noun}_{controller.__name__}',
        'summary': _first_line(controller),
        'tags': [noun],
        'parameters': _parameters(path, method, declared),
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


def _noun(controller):
    return controller.__module__.rpartition('.')[2]


def _link(paths, routes):
    """Tell where what a POST makes is found, changed and deleted."""
    for path, methods in routes.items():
        source = _source(path, routes) if 'POST' in methods else {}
        if not source:
            continue
        source |= {name: f'$request.path.{name}'
                   for name in re.findall(r'{(\w+)}', path)}
        links = {}
        for there, operations in paths.items():
            names = set(re.findall(r'{(\w+)}', there))
            if not names <= set(source) or names <= set(
                    re.findall(r'{(\w+)}', path)):
                continue
            for operation in operations.values():
                links[operation['operationId']] = {
                    'operationId': operation['operationId'],
                    'parameters': {name: source[name]
                                   for name in sorted(names)}}
        for code, answer in paths[f'/{path}']['post']['responses'].items():
            if code < '300':
                answer['links'] = links


def _source(path, routes):
    """What in the answer to a POST names the new one, by path parameter."""
    inner = [there.removeprefix(f'{path}/') for there in routes
             if re.fullmatch(rf'{re.escape(path)}(/{{\w+}})+', there)
             and routes[there]]
    if not inner:
        return {}
    names = re.findall(r'{(\w+)}', inner[0])
    made = routes[path]['POST'].declared.result
    known = types.attributes(made) if made else {}
    if len(names) == 1 and 'uuid' in known:
        return {names[0]: '$response.body#/uuid'}
    return ({name: f'$response.body#/{name}' for name in names}
            if set(names) <= set(known) else {})


def _since(version):
    return {'min-ver': str(version)} if version > versions.MINIMUM else {}


def _rules(path, method):
    """The names of the rules that guard a method."""
    here = {'method': method, 'path': f'/{path}'}
    return [rule.name for rule in policies.list_rules()
            if here in getattr(rule, 'operations', ())]


def _parameters(path, method, declared):
    found = [] if path == '' else [{'$ref': '#/components/parameters/Version'}]
    found += [{'name': name, 'in': 'path', 'required': True,
               'schema': _SEGMENT} for name in re.findall(r'{(\w+)}', path)]
    if declared.keyed:
        found.append(_KEY)
    if declared.tagged:
        found.append(_IF_NONE_MATCH if method == 'GET' else _IF_MATCH)
    for parameter in declared.query:
        schema = schemas.request_schema(parameter.kind)
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
    if method != 'GET':
        # Of any body that is not empty.
        codes.add(415)
    if declared.keyed:
        codes.add(422)
    if declared.tagged and method != 'GET':
        codes.add(412)
    successes = {}
    results = {declared.answers: declared.result, **declared.also}
    for code, result in results.items():
        if code is None:
            continue
        success = {'description': http.HTTPStatus(code).phrase,
                   'headers': _headers(path, code, declared)}
        schema = _result(path, declared, result, components)
        if schema is not None:
            success['content'] = {expose.JSON: {'schema': schema}}
        successes[str(code)] = success
    if declared.tagged and method == 'GET':
        successes['200']['headers'] |= {etags.HEADER: _TAG}
        successes['304'] = {
            'description': http.HTTPStatus(304).phrase,
            'headers': answers.headers() | {etags.HEADER: _TAG}}
    return successes | answers.answers(codes, path != '')


def _headers(path, code, declared):
    # What is not made at once is not told of by a header.
    named = declared.headers if code != 202 else {}
    found = answers.headers(path != '') | {
        name: {'description': text, 'required': True,
               'schema': {'type': 'string', 'format': 'uri'}}
        for name, text in named.items()}
    # A POST that is answered with 200 was a dry run.
    if declared.begins and (code != 200 or declared.patch):
        found[expose.OPERATION_HEADER] = {
            'description': 'The uuid of the operation that does the work.',
            # A patch may change nothing, or the cluster's health only.
            'required': declared.patch is None,
            'schema': {'type': 'string', 'format': 'uuid'}}
    if declared.warns:
        found['Warning'] = _WARNING
    return found


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


def _version():
    return {'name': versions.HEADER, 'in': 'header',
            'description': 'The microversion of the request; '
                           f'{versions.MINIMUM} when absent.',
            'schema': {'type': 'string', 'enum': [
                f'{service} {version}' for service in versions.SERVICES
                for version in (*versions.HISTORY, 'latest')]},
            'example': f'{versions.SERVICE} {versions.MAXIMUM}'}


def _first_line(thing):
    return inspect.getdoc(thing).partition('\n')[0]
