# SPDX-License-Identifier: Apache-2.0
"""The answers that tell of errors, and all answers' headers, as OpenAPI.

    components()      what the rest refers to, by section
    answers(codes)    the answers with these statuses, of a path
"""

import http

from magnum.api.description import schemas
from magnum.api import expose
from magnum.api import middleware
from magnum.api import versions

_REQUEST_ID = {
    'description': 'Identifies the request in the log of the service.',
    'required': True, 'schema': {'type': 'string', 'pattern': '^req-'}}

_ERROR = {
    'type': 'object',
    'properties': {
        'request_id': {'type': 'string'},
        'code': {'enum': ['client', 'server', '']},
        'status': {'type': 'integer'},
        'title': {'type': 'string', 'minLength': 1},
        'detail': {'type': 'string', 'minLength': 1},
        'links': {'type': 'array', 'maxItems': 0}},
    'required': ['request_id', 'code', 'status', 'title', 'detail', 'links'],
    'additionalProperties': False}

# Of a microversion that is not supported.
_UNSUPPORTED = {
    'type': 'object',
    'properties': _ERROR['properties'] | {
        'code': {'const': middleware.UNSUPPORTED},
        'description': {'type': 'string'},
        'min_version': {'const': str(versions.MINIMUM)},
        'max_version': {'const': str(versions.MAXIMUM)},
        'links': {'type': 'array', 'minItems': 1,
                  'items': schemas.LINK}},
    'required': [*_ERROR['required'], 'description', 'min_version',
                 'max_version'],
    'additionalProperties': False}

# As Keystone's middleware says it, before anybody else is asked.
_NO_TOKEN = {
    'type': 'object',
    'properties': {'error': {
        'type': 'object',
        'properties': {'code': {'const': 401}, 'title': {'type': 'string'},
                       'message': {'type': 'string'}},
        'required': ['code', 'title', 'message'],
        'additionalProperties': False}},
    'required': ['error'],
    'additionalProperties': False}

MEANING = {
    400: 'The request is invalid.',
    401: 'There is no token, or it is not valid.',
    403: 'The policies, or a quota, do not allow it.',
    404: 'Something that the request names does not exist, as far as the '
         'caller can see.',
    405: 'The path does not support the method.',
    406: 'The microversion is malformed, not supported, or older than what '
         'is asked for; or the answer cannot be JSON.',
    409: 'It conflicts with the current state, such as a name that several '
         'resources have.',
    412: 'The resource is not as the caller has seen it.',
    415: 'The body is not JSON.',
    422: 'The Idempotency-Key is that of another request.',
    500: 'The service failed.',
    503: 'Another service is needed and does not answer: try again.',
}


def components():
    """The schemas, answers and headers that the rest refers to."""
    return {
        'schemas': {'Error': _ERROR, 'Unsupported': _UNSUPPORTED,
                    'NoToken': _NO_TOKEN},
        'responses': {_name(code): _error(code) for code in MEANING},
        'headers': {'RequestId': _REQUEST_ID, **_version_headers()}}


def answers(codes, versioned=True):
    """The answers with these statuses.

    :param versioned: not those of the path for who knows no version yet.
    """
    return {str(code): {'$ref': f'#/components/responses/{_name(code)}'}
            if versioned else _unversioned(code) for code in sorted(codes)}


def headers(versioned=True):
    """The headers of every answer."""
    names = _version_headers() if versioned else ()
    return {'X-Openstack-Request-Id': _header('RequestId'),
            **{name: _header(name) for name in names}}


def _unversioned(code):
    """An error of the path that is for those who know no version yet."""
    answer = _error(code)
    for name in _version_headers():
        answer['headers'].pop(name, None)
    return answer


def _error(code):
    content = {expose.JSON: {'schema': _errors(code)}}
    headers = {'X-Openstack-Request-Id': _header('RequestId')}
    if code == 401:
        content[expose.JSON]['schema'] = schemas.reference('NoToken')
        headers['WWW-Authenticate'] = {
            'description': 'Where Keystone is.', 'required': True,
            'schema': {'type': 'string', 'pattern': '^Keystone uri='}}
    elif code not in (500, 503):
        # What is not of a microversion of ours has none.
        headers |= {name: _header(name) for name in _version_headers()
                    if code not in (404, 406) or name != versions.HEADER}
    return {'description': MEANING[code], 'headers': headers,
            'content': content}


def _errors(code):
    """The body that tells of an error."""
    one = [schemas.reference('Error')]
    if code == 406:
        one.append(schemas.reference('Unsupported'))
    return {
        'type': 'object',
        'properties': {
            'errors': {'type': 'array', 'minItems': 1, 'maxItems': 1,
                       'items': {'anyOf': one, 'properties': {
                           'status': {'const': code}}}},
            'message': {'type': 'string', 'description':
                        'The detail of the error once more.'}},
        'required': ['errors', 'message'],
        'additionalProperties': False}


def _header(name):
    return {'$ref': f'#/components/headers/{name}'}


def _name(code):
    return http.HTTPStatus(code).phrase.replace(' ', '')


def _version_headers():
    documented = {
        versions.HEADER: 'The microversion of the response.',
        versions.MINIMUM_HEADER: 'The first microversion.',
        versions.MAXIMUM_HEADER: 'The last microversion.'}
    pattern = rf'^{versions.SERVICE} [0-9]+\.[0-9]+$'
    headers = {name: {'description': text, 'required': True,
                      'schema': {'type': 'string', 'pattern': pattern}}
               for name, text in documented.items()}
    return headers | {'Vary': {
        'description': 'What caches have to look at.', 'required': True,
        'schema': {'type': 'string',
                   'pattern': f'(^|, ?){versions.HEADER}(,|$)'}}}
