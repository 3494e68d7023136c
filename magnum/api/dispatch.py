# SPDX-License-Identifier: Apache-2.0
"""From a request to the method that answers it, or to a refusal."""

import re

from oslo_config import cfg
from webob import acceptparse

from magnum.api import expose
from magnum.api import framework
from magnum.api import middleware
from magnum.api import options  # noqa: F401  (registers [api])
from magnum.api import routes
from magnum.api import versions
from magnum import errors

CONF = cfg.CONF

# Of a media type: all but its weight.
_PARAMETER = re.compile(r';(?!\s*q\s*=)[^,;]*', re.IGNORECASE)


def _tree():
    """The routes by segment; None stands for a variable one."""
    tree = {}
    for path, methods in routes.ROUTES.items():
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
                for other, methods in routes.ROUTES.items()
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


class Application(framework.Application):
    """The map of routes, with the rules of versions and of media types."""

    def lead(self, request, path):
        route = find(path)
        if route is None:
            raise middleware.RouteError(
                404, 'The resource could not be found.')
        path, methods, idents, since = route
        controller = methods.get(request.method)
        version = _asked(request, controller)
        if controller is not None:
            since = controller.declared.since
        if version < since:
            raise middleware.RouteError(
                406, f'{request.method} of this resource needs microversion '
                     f'{since}; the request uses {version}.')
        if controller is None:
            if request.method in routes.INCOMPLETE.get(path, ()):
                raise errors.Invalid(f'{request.method} /{path}/{{id}}: the '
                                     f'identifier is missing.')
            raise middleware.RouteError(
                405, f'The method {request.method} is not allowed for this '
                     f'resource.', [('Allow', ', '.join(sorted(methods)))])
        if version > controller.declared.until:
            raise middleware.RouteError(
                404, 'Bays and baymodels were removed in microversion 1.11; '
                     'use clusters and cluster templates.')
        if not _accepts_json(request):
            raise middleware.RouteError(
                406, 'Responses are available as application/json only.')
        return controller, idents


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
