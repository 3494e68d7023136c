# SPDX-License-Identifier: Apache-2.0
"""What the stories asked for, held against what they have to ask for.

`Listening` stands before the application while a story is told and notes each
request.  `PATHS` is the contract's list: every method of every path at the
newest version that has it, with each status that it must have been answered
with.  401 and 406 go without saying: any path that needs a token has them.
"""

import re
from typing import NamedTuple

import webob

from magnum.api import dispatch
from magnum.api import routes

PATHS = """
GET    /                                       200
GET    /v1                                     200
GET    /v1/clustertemplates                    200 400 403 404
POST   /v1/clustertemplates                    201 400 403 409
GET    /v1/clustertemplates/detail             200 400 403 404
GET    /v1/clustertemplates/{}                 200 403 404 409
PATCH  /v1/clustertemplates/{}                 200 400 403 404 409
DELETE /v1/clustertemplates/{}                 204 400 403 404 409
GET    /v1/clusters                            200 400 403 404
POST   /v1/clusters                            200 202 400 403 404 409
GET    /v1/clusters/detail                     200 400 403 404
GET    /v1/clusters/{}                         200 403 404 409
PATCH  /v1/clusters/{}                         202 400 403 404 409
DELETE /v1/clusters/{}                         204 403 404 409
POST   /v1/clusters/{}/actions/resize          200 202 400 403 404 409
POST   /v1/clusters/{}/actions/upgrade         200 202 400 403 404 409
GET    /v1/clusters/{}/nodegroups              200 400 403 404 409
POST   /v1/clusters/{}/nodegroups              200 202 400 403 404 409
GET    /v1/clusters/{}/nodegroups/{}           200 403 404 409
PATCH  /v1/clusters/{}/nodegroups/{}           202 400 403 404 409
DELETE /v1/clusters/{}/nodegroups/{}           204 400 403 404 409
GET    /v1/clusters/{}/protection              200 403 404 409
PATCH  /v1/clusters/{}/protection              200 400 403 404 409
GET    /v1/clusters/{}/operations              200 400 403 404 409
GET    /v1/operations/{}                       200 400 403 404
POST   /v1/operations/{}/abort                 202 400 403 404 409
POST   /v1/operations/{}/retry                 202 400 403 404 409
POST   /v1/certificates                        201 400 403 409
GET    /v1/certificates/{}                     200 403 404 409
GET    /v1/certificates/{}/{}                  200 403 404 409
PATCH  /v1/certificates/{}                     202 400 403 404 409
PATCH  /v1/credentials/{}                      202 400 403 404 409
GET    /v1/quotas                              200 400 403 404
POST   /v1/quotas                              201 400 403 404 409
GET    /v1/quotas/{}/{}                        200 403
PATCH  /v1/quotas/{}/{}                        202 400 403 404
DELETE /v1/quotas/{}/{}                        204 403 404
GET    /v1/stats                               200 400 403
GET    /v1/mservices                           200 400 403
GET    /v1/drivers                             200 400 403
GET    /v1/drivers/{}/labels                   200 400 403 404
GET    /v1/federations                         200 400 403 404
POST   /v1/federations                         400 403 404 409
GET    /v1/federations/detail                  200 400 403 404
GET    /v1/federations/{}                      200 403 404 409
PATCH  /v1/federations/{}                      202 400 403 404 409
DELETE /v1/federations/{}                      204 403 404 409
GET    /v1/bays                                200 400 403 404
POST   /v1/bays                                201 202 400 403 409
GET    /v1/bays/detail                         200 400 403 404
GET    /v1/bays/{}                             200 403 404 409
PATCH  /v1/bays/{}                             200 202 400 403 404 409
DELETE /v1/bays/{}                             204 403 404 409
GET    /v1/baymodels                           200 400 403 404
POST   /v1/baymodels                           201 400 403 409
GET    /v1/baymodels/detail                    200 400 403 404
GET    /v1/baymodels/{}                        200 403 404 409
PATCH  /v1/baymodels/{}                        200 400 403 404 409
DELETE /v1/baymodels/{}                        204 400 403 404 409
GET    /v1/openapi.json                        200
"""

PUBLIC = ('/', '/v1')

# What a request of a gate is answered with, below it and from it on.
GATES = """
POST  /v1/clusters/{}/actions/resize           1.6  406  1.7  202
POST  /v1/clusters/{}/actions/upgrade          1.6  406  1.7  400
POST  /v1/clusters/{}/actions/upgrade          1.7  400  1.8  202
GET   /v1/clusters/{}/nodegroups               1.8  406  1.9  200
POST  /v1/clusters/{}/nodegroups               1.8  406  1.9  202
GET   /v1/clusters/{}/nodegroups/{}            1.8  406  1.9  200
PATCH /v1/clusters/{}/nodegroups/{}            1.8  406  1.9  202
DELETE /v1/clusters/{}/nodegroups/{}           1.8  406  1.9  204
PATCH /v1/clusters/{}?rollback                 1.2  400  1.3  202
PATCH /v1/bays/{}?rollback                     1.2  400  1.3  202
POST  /v1/clusters                             1.9  400  1.10 404
POST  /v1/clusters                             1.9  400  1.10 202
PATCH /v1/clusters/{}                          1.9  400  1.10 202
POST  /v1/clusters/{}/actions/resize           1.9  400  1.10 202
PATCH /v1/credentials/{}                       1.11 406  1.12 202
POST  /v1/bays                                 1.1  201  1.2  202
PATCH /v1/bays/{}                              1.1  200  1.2  202
GET   /v1/bays                                 1.10 200  1.11 404
POST  /v1/bays                                 1.10 202  1.11 404
GET   /v1/bays/detail                          1.10 200  1.11 404
GET   /v1/bays/{}                              1.10 200  1.11 404
PATCH /v1/bays/{}                              1.10 202  1.11 404
DELETE /v1/bays/{}                             1.10 204  1.11 404
GET   /v1/baymodels                            1.10 200  1.11 404
POST  /v1/baymodels                            1.10 201  1.11 404
GET   /v1/baymodels/detail                     1.10 200  1.11 404
GET   /v1/baymodels/{}                         1.10 200  1.11 404
PATCH /v1/baymodels/{}                         1.10 200  1.11 404
DELETE /v1/baymodels/{}                        1.10 204  1.11 404
GET   /v1/clusters/{}                          1.12 200  1.13 200
GET   /v1/clusters                             1.12 200  1.13 200
GET   /v1/clusters/detail                      1.12 200  1.13 200
GET   /v1/clusters/{}/nodegroups/{}            1.13 200  1.14 200
PATCH /v1/certificates/{}                      1.1  202  1.14 202
GET   /v1/stats                                1.1  200  1.14 200
GET   /v1/quotas                               1.1  200  1.14 200
"""


class Told(NamedTuple):
    """One request, and its answer."""

    method: str
    path: str
    version: str
    status: int


# By the story's name.
stories: dict[str, list[Told]] = {}


class Listening:
    """A WSGI application that notes what it is asked, and passes it on."""

    def __init__(self, app, story):
        self.app = app
        self.told = stories[story] = []

    def __call__(self, environ, start_response):
        request = webob.Request(environ)
        path = _path(request)
        version = _version(request.headers.get('OpenStack-API-Version'))
        response = request.get_response(self.app)
        if not environ['PATH_INFO'].startswith('/_played'):
            status = response.status_int
            self.told.append(Told(request.method, path, version, status))
            if 'rollback' in request.query_string:
                self.told.append(Told(request.method, f'{path}?rollback',
                                      version, status))
        return response(environ, start_response)


def _path(request):
    try:
        route = dispatch.find(request.path_info)
    except UnicodeError:
        return None
    return route and _anonymous(f'/{route[0]}')


def _anonymous(path):
    return re.sub(r'\{\w+\}', '{}', path)


def _version(header):
    text = (header or '').split()[-1:] or ['1.1']
    return '1.14' if text[0].lower() == 'latest' else text[0]


def offered():
    """What the application serves: (method, path)."""
    return {(method, _anonymous(f'/{path}'))
            for path, methods in routes.ROUTES.items() for method in methods}


def wanted():
    """What must have been told: (method, path, status)."""
    for line in PATHS.strip().splitlines():
        method, path, *statuses = line.split()
        if path not in PUBLIC:
            statuses += ['401', '406']
        yield from ((method, path, int(status)) for status in statuses)


def gates():
    """What must have been told of versions: (method, path, version, status).
    """
    for line in GATES.strip().splitlines():
        method, path, *sides = line.split()
        for version, status in (sides[:2], sides[2:]):
            yield method, path, version, int(status)


def requests():
    """Everything told, of all stories."""
    return [request for told in stories.values() for request in told]


def missing():
    """What no story told of what must be, in words."""
    told = requests()
    statuses = {(one.method, one.path, one.status) for one in told}
    versions = set(told)
    return ([f'{method} {path}: {status}'
             for method, path, status in wanted()
             if (method, path, status) not in statuses]
            + [f'{method} {path} at {version}: {status}'
               for method, path, version, status in dict.fromkeys(gates())
               if (method, path, version, status) not in versions])


def summary():
    """One line about all of it."""
    rows = len(list(wanted())) + len(set(gates()))
    count = sum(not (one.path or '').endswith('?rollback')
                for one in requests())
    return (f'gabbi: {len(stories)} stories, {count} requests; '
            f'{rows - len(missing())} of {rows} answers that the contract '
            f'lists')
