# SPDX-License-Identifier: Apache-2.0
"""What Pecan and WSME do otherwise than this API needs, all in one place.

Both are asked for by the users of this project.  Pecan carries requests and
responses between WSGI and controllers; WSME's types are the schema.  What
else they offer forgives what must be refused, or costs time in every request,
and is kept out of the way here, by their own seams where there are any.
"""

import inspect

import pecan
from webob import multidict

JSON = 'application/json'

_IDENTS_ONLY = inspect.getfullargspec(lambda *idents: None)


class Request(pecan.Request):
    """What Pecan sees of a request.

    Pecan would pour query and body into the arguments of a controller; here
    both are read by `magnum.api.expose`, strictly, and by nobody else.
    """

    GET = params = multidict.MultiDict()
    json = {}


class Application(pecan.Pecan):
    """Pecan, told by `lead` where a path leads.

    Its own way there reads the signatures of routes and controllers anew for
    every request, for arguments from the query that nothing here takes.
    """

    def __init__(self, **settings):
        super().__init__(object(), force_canonical=False,
                         guess_content_type_from_ext=False,
                         request_cls=Request, **settings)

    def lead(self, request, path):
        """The controller of a request, and its positional arguments."""
        raise NotImplementedError

    def route(self, req, node, path):
        found = self.lead(req, path)
        # Pecan would look at it as well, but differently.
        req.environ['HTTP_ACCEPT'] = JSON
        return found

    def invoke_controller(self, controller, args, kwargs, state):
        state.response = controller(*args)


def exposed(controller):
    """A function of parts of the path, as a controller of Pecan's."""
    found = pecan.expose('json')(controller)
    # Pecan looks through decorators for the arguments it shall fill in from
    # the query; ours takes parts of the path and nothing else.
    found._pecan['argspec'] = _IDENTS_ONLY
    return found


def refusal(environ):
    """The HTTP error that Pecan has made a page of, if it has made one."""
    return environ.get('pecan.original_exception')


def resource(name, base, attributes):
    """A type of WSME's with attributes that are computed, not written down.

    Its metaclass registers attributes when a class is made, and no later.
    """
    return type(base)(name, (base,), attributes)
