# SPDX-License-Identifier: Apache-2.0
"""Every path of the API, on one page; and the version documents."""

import re

from oslo_config import cfg
import pecan
from webob import acceptparse
from webob import multidict

from magnum.api import certificates
from magnum.api import cluster_actions
from magnum.api import cluster_templates
from magnum.api import clusters
from magnum.api import credentials
from magnum.api.description import openapi
from magnum.api import expose
from magnum.api.legacy import baymodels
from magnum.api.legacy import bays
from magnum.api.legacy import federations
from magnum.api import middleware
from magnum.api import nodegroups
from magnum.api import options  # noqa: F401  (registers [api])
from magnum.api import quotas
from magnum.api import services
from magnum.api import stats
from magnum.api import types
from magnum.api import versions
from magnum import errors

CONF = cfg.CONF

DOCUMENTATION = 'https://docs.openstack.org/magnum/latest/'

# Of a media type: all but its weight.
_PARAMETER = re.compile(r';(?!\s*q\s*=)[^,;]*', re.IGNORECASE)

# Of these no token is asked.
PUBLIC = ('', '/v1')

RESOURCES = ('clustertemplates', 'clusters', 'quotas', 'certificates',
             'mservices', 'stats', 'federations', 'credentials')
LEGACY = ('bays', 'baymodels')


def _told(kind):
    return types.Attribute(kind, write=types.READONLY, certain=True)


class Version(types.Resource):
    id = _told(types.STRING)
    status = _told(types.STRING)
    min_version = _told(types.STRING)
    max_version = _told(types.STRING)
    links = _told(types.LINKS)


class VersionsDocument(types.Resource):
    name = _told(types.STRING)
    description = _told(types.STRING)
    versions = _told(types.Nested(Version, many=True))


class _VersionDocument(types.Resource):
    id = _told(types.STRING)
    media_types = _told(types.MapList())
    links = _told(types.LINKS)
    version = _told(types.Nested(Version))


VersionDocument = type(_VersionDocument)(
    'VersionDocument', (_VersionDocument,),
    {name: _told(types.LINKS) for name in (*RESOURCES, 'nodegroups')}
    | {name: types.Attribute(types.LINKS, write=types.READONLY, certain=True,
                             optional=True) for name in LEGACY})


@expose.method(result=VersionsDocument)
def versions_document(call):
    """Which versions of the API there are."""
    return {'name': 'OpenStack Magnum API',
            'description': 'Container infrastructure management: clusters '
                           'of container orchestration engines, as a '
                           'service.',
            'versions': [_version(call)]}


@expose.method(result=VersionDocument)
def version_document(call):
    """What version 1 of the API offers."""
    answer = {
        'id': 'v1',
        'media_types': [
            {'base': 'application/json',
             'type': 'application/vnd.openstack.magnum.v1+json'}],
        'links': [{'href': f'{call.url}/v1/', 'rel': 'self'},
                  {'href': DOCUMENTATION, 'rel': 'describedby',
                   'type': 'text/html'}],
        # For clients that look here for the range of versions.
        'version': _version(call)}
    names = RESOURCES
    if call.version <= versions.LAST_BAYS:
        names += LEGACY
    for name in names:
        answer[name] = [
            {'href': f'{call.url}/v1/{name}/', 'rel': 'self'},
            {'href': f'{call.url}/{name}/', 'rel': 'bookmark'}]
    path = 'clusters/{cluster_id}/nodegroups'
    answer['nodegroups'] = [
        {'href': f'{call.url}/v1/{path}', 'rel': 'self'},
        {'href': f'{call.url}/{path}', 'rel': 'bookmark'}]
    return answer


@expose.method(result={'type': 'object'})
def openapi_document(call):
    """Describe this API, as OpenAPI has it."""
    return openapi.document(ROUTES, PUBLIC, call.url)


def _version(call):
    return {'id': 'v1', 'status': 'CURRENT',
            'min_version': str(versions.MINIMUM),
            'max_version': str(versions.MAXIMUM),
            'links': [{'href': f'{call.url}/v1/', 'rel': 'self'}]}


ROUTES = {
    '': {'GET': versions_document},
    'v1': {'GET': version_document},
    'v1/baymodels': {'GET': baymodels.get_all, 'POST': baymodels.post},
    'v1/baymodels/detail': {'GET': baymodels.detail},
    'v1/baymodels/{baymodel_ident}': {
        'GET': baymodels.get_one, 'PATCH': baymodels.patch,
        'DELETE': baymodels.delete},
    'v1/bays': {'GET': bays.get_all, 'POST': bays.post},
    'v1/bays/detail': {'GET': bays.detail},
    'v1/bays/{bay_ident}': {
        'GET': bays.get_one, 'PATCH': bays.patch, 'DELETE': bays.delete},
    'v1/certificates': {'POST': certificates.post},
    'v1/certificates/{cluster_ident}': {
        'GET': certificates.get_one, 'PATCH': certificates.patch},
    'v1/certificates/{cluster_ident}/{ca_cert_type}': {
        'GET': certificates.get_typed},
    'v1/clusters': {'GET': clusters.get_all, 'POST': clusters.post},
    'v1/clusters/detail': {'GET': clusters.detail},
    'v1/clusters/{cluster_ident}': {
        'GET': clusters.get_one, 'PATCH': clusters.patch,
        'DELETE': clusters.delete},
    'v1/clusters/{cluster_ident}/actions/resize': {
        'POST': cluster_actions.resize},
    'v1/clusters/{cluster_ident}/actions/upgrade': {
        'POST': cluster_actions.upgrade},
    # No action: 405, as in 22.0.0.
    'v1/clusters/{cluster_ident}/actions/{action}': {},
    'v1/clusters/{cluster_ident}/nodegroups': {
        'GET': nodegroups.get_all, 'POST': nodegroups.post},
    'v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident}': {
        'GET': nodegroups.get_one, 'PATCH': nodegroups.patch,
        'DELETE': nodegroups.delete},
    'v1/clustertemplates': {
        'GET': cluster_templates.get_all, 'POST': cluster_templates.post},
    'v1/clustertemplates/detail': {'GET': cluster_templates.detail},
    'v1/clustertemplates/{template_ident}': {
        'GET': cluster_templates.get_one, 'PATCH': cluster_templates.patch,
        'DELETE': cluster_templates.delete},
    'v1/credentials': {},
    'v1/credentials/{cluster_ident}': {'PATCH': credentials.patch},
    'v1/federations': {'GET': federations.get_all, 'POST': federations.post},
    'v1/federations/detail': {'GET': federations.detail},
    'v1/federations/{federation_ident}': {
        'GET': federations.get_one, 'PATCH': federations.patch,
        'DELETE': federations.delete},
    'v1/mservices': {'GET': services.get_all},
    'v1/mservices/{ident}': {},
    'v1/openapi.json': {'GET': openapi_document},
    'v1/quotas': {'GET': quotas.get_all, 'POST': quotas.post},
    'v1/quotas/{project_id}': {},
    'v1/quotas/{project_id}/{resource}': {
        'GET': quotas.get_one, 'PATCH': quotas.patch,
        'DELETE': quotas.delete},
    'v1/stats': {'GET': stats.get_all},
    'v1/stats/{ident}': {},
}

# Here a required part of the path is missing: 400, not 405.
INCOMPLETE = {
    path: ('DELETE', 'PATCH') for path in (
        'v1/baymodels', 'v1/bays', 'v1/clusters', 'v1/clustertemplates',
        'v1/federations', 'v1/quotas',
        'v1/clusters/{cluster_ident}/nodegroups')}
INCOMPLETE |= {'v1/certificates': ('PATCH',), 'v1/credentials': ('PATCH',),
               'v1/quotas/{project_id}': ('GET', 'DELETE', 'PATCH')}


def _tree():
    """The routes by segment; None stands for a variable one."""
    tree = {}
    for path, methods in ROUTES.items():
        node = tree
        for segment in path.split('/') if path else ():
            if segment.startswith('{'):
                segment = None
            node = node.setdefault(segment, {})
        node[...] = (path, methods, _since(path))
    return tree


def _since(path):
    """The version in which the path came: with the first method below it."""
    return min((method.declared.since
                for other, methods in ROUTES.items()
                if f'{other}/'.startswith(f'{path}/')
                for method in methods.values()), default=versions.MINIMUM)


_TREE = _tree()


def find(path):
    """(path as in ROUTES, its methods, variable parts, since), or None.

    A path that does not begin with `v1` is taken as if it did.  Slashes too
    many do not count: there are clients that add `/clusters` to an address
    that ends in one.
    """
    segments = [segment for segment in path.split('/') if segment]
    if segments and segments[0] != 'v1':
        segments.insert(0, 'v1')
    node, idents = _TREE, []
    for segment in segments:
        if segment in node:
            node = node[segment]
        elif None in node:
            node = node[None]
            idents.append(segment)
        else:
            return None
    if ... not in node:
        return None
    path, methods, since = node[...]
    return path, methods, idents, since


class Request(pecan.Request):
    """What Pecan sees of a request.

    Pecan would pour query and body into the arguments of a controller; here
    both are read by `magnum.api.expose`, strictly, and by nobody else.
    """

    GET = params = multidict.MultiDict()
    json = {}


class Application(pecan.Pecan):
    """Pecan, told by the page above where a path leads.

    Its own way there reads the signatures of routes and controllers anew for
    every request, for arguments from the query that nothing here takes.
    """

    def __init__(self, **settings):
        super().__init__(object(), force_canonical=False,
                         guess_content_type_from_ext=False,
                         request_cls=Request, **settings)

    def route(self, req, node, path):
        route = find(path)
        if route is None:
            raise middleware.RouteError(
                404, 'The resource could not be found.')
        path, methods, idents, since = route
        controller = methods.get(req.method)
        version = _asked(req, controller)
        if controller is not None:
            since = controller.declared.since
        if version < since:
            raise middleware.RouteError(
                406, f'{req.method} of this resource needs microversion '
                     f'{since}; the request is of {version}.')
        if controller is None:
            if req.method in INCOMPLETE.get(path, ()):
                raise errors.Invalid(f'{req.method} /{path}/{{id}}: the '
                                     f'identifier is missing.')
            raise middleware.RouteError(
                405, f'The method {req.method} is not allowed for this '
                     f'resource.', [('Allow', ', '.join(sorted(methods)))])
        if version > controller.declared.until:
            raise middleware.RouteError(
                404, 'Bays and baymodels were removed in microversion 1.11; '
                     'use clusters and cluster templates.')
        if not _accepts_json(req):
            raise middleware.RouteError(
                406, 'The answer can only be application/json.')
        # Pecan looks at it as well, but differently.
        req.environ['HTTP_ACCEPT'] = expose.JSON
        return controller, idents

    def invoke_controller(self, controller, args, kwargs, state):
        state.response = controller(*args)


def _asked(request, controller):
    """The version that the request is of."""
    unversioned = controller and controller.declared.unversioned
    if (unversioned and CONF.api.unversioned_actions
            and versions.HEADER not in request.headers):
        middleware.take_for(request.environ, unversioned)
    return request.environ.get(middleware.VERSION, versions.MINIMUM)


def _accepts_json(request):
    # `application/json; charset=utf-8` asks for what there is.
    wanted = _PARAMETER.sub('', request.headers.get('Accept', ''))
    return not wanted.strip() or bool(
        acceptparse.create_accept_header(wanted)
        .acceptable_offers([expose.JSON]))
