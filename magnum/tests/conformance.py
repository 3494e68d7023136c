# SPDX-License-Identifier: Apache-2.0
"""Compares every answer of the application with what the API says of itself,
and with what clients can read.

All functional tests speak through `Conforming`, so that the description is
held against each answer that any of them ever sees.
"""

import functools

import jsonschema_rs
import webob

from magnum.api.description import openapi
from magnum.api import dispatch
from magnum.api import expose
from magnum.api import routes
from magnum.tests import clients


class Nonconformity(AssertionError):
    """An answer is not as the API's description has it."""


class Conforming:
    """A WSGI application whose answers are all compared."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        request = webob.Request(environ)
        response = request.get_response(self.app)
        found = _operation(request)
        if found is not None:
            compare(*found, response)
        if found is not None or response.status_int >= 400:
            clients.read(environ['PATH_INFO'], response)
        return response(environ, start_response)


@functools.cache
def description():
    return openapi.document(routes.ROUTES, routes.PUBLIC)


def _operation(request):
    """(path, method) as in the description, or None."""
    try:
        route = dispatch.find(request.path_info)
    except UnicodeError:
        return None
    if route is None or request.method not in route[1]:
        return None
    return f'/{route[0]}', request.method.lower()


def compare(path, method, response):
    """Look whether an answer is as described.

    :param path: as the description has it.
    :raises Nonconformity: it is not.
    """
    what = f'{method.upper()} {path}: {response.status}'
    answers = description()['paths'][path][method]['responses']
    code = str(response.status_int)
    if code not in answers:
        raise Nonconformity(f'{what} is not described.')
    described = _resolved(answers[code])
    for name, header in described.get('headers', {}).items():
        header = _resolved(header)
        if name not in response.headers:
            if header.get('required'):
                raise Nonconformity(f'{what} lacks {name}.')
        elif not jsonschema_rs.is_valid(header['schema'],
                                        response.headers[name]):
            raise Nonconformity(f'{what}: {name} is '
                                f'{response.headers[name]}.')
    if 'content' not in described:
        if response.body:
            raise Nonconformity(f'{what} has a body.')
        return
    if response.content_type not in described['content']:
        raise Nonconformity(f'{what} is {response.content_type}.')
    if response.content_type != expose.JSON:
        return
    wrong = list(_validator(path, method, code).iter_errors(response.json))
    if wrong:
        raise Nonconformity(f'{what}: {wrong[0].message} at '
                            f'{wrong[0].instance_path}')


def _resolved(thing):
    if '$ref' not in thing:
        return thing
    found = description()
    for key in thing['$ref'].removeprefix('#/').split('/'):
        found = found[key]
    return found


@functools.cache
def _validator(path, method, code):
    answer = _resolved(
        description()['paths'][path][method]['responses'][code])
    return jsonschema_rs.Draft202012Validator(
        answer['content'][expose.JSON]['schema'] | {
            'components': description()['components']},
        validate_formats=True)
