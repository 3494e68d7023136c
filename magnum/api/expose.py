# SPDX-License-Identifier: Apache-2.0
"""From HTTP to a controller's function, and back.

    @expose.method(query=(paging.LIMIT,), answers=200)
    def get_all(call): ...

    @expose.method(body=Cluster, answers=202)
    def post(call): ...            call.body: a dict of attributes

    @expose.method(patch=Cluster, answers=202, since=versions.X)
    def patch(call, cluster_ident): ...        call.changes

What is declared here is all that gets through: unknown query parameters and
body keys are refused, and so are the right ones with wrong values.  WSME's
types say what is right; its own adapter for Pecan is not used, because it
forgives what must be refused and refuses in ways that clients do not know.
"""

from collections.abc import Callable
import dataclasses
import functools
import json
import re
from typing import Any
from urllib import parse as urlparse

from oslo_config import cfg
import pecan
import webob
from webob import etag

from magnum.api import bodies
from magnum.api import etags
from magnum.api import framework
from magnum.api import idempotency
from magnum.api import middleware
from magnum.api import options  # noqa: F401  (registers [api])
from magnum.api import patch as patches
from magnum.api import types
from magnum.api import versions
from magnum import context as contexts
from magnum import errors
from magnum import identity
from magnum import policy

CONF = cfg.CONF

JSON = framework.JSON

# What of an answer names the operation that the request has begun.
OPERATION_HEADER = 'X-Container-Infra-Operation'

# Proxies have little room for all headers of an answer together.
MOST_WARNINGS, LONGEST_WARNING = 8, 200


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter that a query may hold."""

    name: str
    kind: Any
    default: Any = None
    since: versions.Version = versions.MINIMUM


@dataclasses.dataclass(frozen=True)
class Declared:
    """What a method takes and gives; the API's description is made of it."""

    answers: int | None
    since: versions.Version
    until: versions.Version
    unversioned: versions.Version | None
    query: tuple[Parameter, ...]
    body: Any
    patch: Any
    result: Any
    only: frozenset | None
    headers: dict
    also: dict
    keyed: bool
    begins: bool
    tagged: bool
    warns: bool


@dataclasses.dataclass
class Call:
    """One request, parsed and checked."""

    context: contexts.RequestContext
    version: versions.Version
    url: str
    query: dict
    body: dict | None = None
    changes: list | None = None
    headers: dict = dataclasses.field(default_factory=dict)
    # The method's usual one, or another.
    status: int | None = None
    warned: list = dataclasses.field(default_factory=list)
    # What the caller has seen; any will do if nothing is said.
    if_match: Any = etag.AnyETag
    # Where an operation is answered with more than its cluster's uuid: what
    # gives the body, called with the transaction and the operation.
    shown: Callable[..., dict] | None = None

    def answer_to(self, session, operation):
        """The body of the answer when an operation has been recorded."""
        if self.status == 204:
            return None
        if self.shown is not None:
            return self.shown(session, operation)
        return {'uuid': operation.cluster_uuid}

    def warn(self, texts):
        """Tell of what is accepted and may not be meant, in sentences."""
        self.warned = list(texts)
        if self.warned:
            self.headers['Warning'] = _warning(self.warned)

    def links(self, collection, uuid):
        """Where a resource is found, with the version and without."""
        return [{'href': f'{self.url}/v1/{collection}/{uuid}', 'rel': 'self'},
                {'href': f'{self.url}/{collection}/{uuid}',
                 'rel': 'bookmark'}]


class Naming(contexts.Conditions):
    """Names the operation that a request has begun in its answer."""

    def __init__(self, call):
        self._call = call

    def keep(self, session, operation=None, body=None):
        if operation is not None:
            self._call.headers[OPERATION_HEADER] = operation.uuid


def all_projects(call, rule):
    """Whether rows of all projects are meant, as for administrators.

    :raises PolicyNotAuthorized: the operator's policy says otherwise.
    """
    if call.context.is_admin:
        policy.authorize(call.context, rule)
    return call.context.is_admin


def method(answers=200, since=versions.MINIMUM, until=versions.MAXIMUM,
           unversioned=None, query=(), body=None, patch=None, result=None,
           only=None, headers=None, also=None, keyed=False, begins=False,
           tagged=False, warns=False):
    """Make a function reachable over HTTP.

    It is given a Call and the variable parts of the path, and returns what
    the answer's body is to hold, or None for none.

    :param answers: the status of a success; None if there never is one.
    :param since: the first microversion that offers it.
    :param until: the last one; after it the path does not exist.
    :param unversioned: the one that a request without any is taken for,
        where the operator wants that.
    :param query: the Parameters it takes.
    :param body: the type of the object it takes.
    :param patch: the type that a JSON patch which it takes is for.
    :param keyed: whether it may be repeated with an Idempotency-Key.
    :param tagged: whether it answers with the tag of a resource, or changes
        one that has a tag, by `etags.require`.

    The rest is for the API's description only.

    :param result: the type it answers with; a list of one, or a tuple of
        those that it may be.
    :param only: the names of a short form of the result.
    :param headers: what the headers of its answers tell, by name, unless
        the work has only begun.
    :param also: the types of successes with other statuses, by status.
    :param begins: whether it begins an operation, which the answer names.
    :param warns: whether it may have warnings.
    """
    declared = Declared(answers, since, until, unversioned, tuple(query),
                        body, patch, result, only, headers or {}, also or {},
                        keyed, begins, tagged, warns)

    def decorate(function):
        @functools.wraps(function)
        def controller(*idents):
            request = pecan.request
            call = _call(request, declared)
            if (declared.keyed and idempotency.HEADER in request.headers
                    and not call.query.get('dry_run')):
                return _response(*idempotency.once(
                    call, request, functools.partial(function, call,
                                                     *idents)))
            body = function(call, *idents)
            text = None if body is None else json.dumps(body)
            if declared.tagged and request.method == 'GET':
                return _tagged(request, text)
            return _response(call.status, call.headers, text)

        controller.declared = declared
        return framework.exposed(controller)

    return decorate


def _call(request, declared):
    context = middleware.context_of(request.environ)
    context.is_admin = policy.is_admin(context)
    context.trustee_domain_id = identity.trustee_domain_seen_by(context)
    version = request.environ.get(middleware.VERSION, versions.MINIMUM)
    call = Call(context=context, version=version,
                url=_address(request),
                query=_query(request, declared, version),
                status=declared.answers, if_match=request.if_match)
    context.conditions = Naming(call)
    # Bodies of DELETE mean nothing: 22.0.0 takes some, others are sent.
    document = None if request.method == 'DELETE' else _document(request)
    if declared.patch is not None:
        call.changes = patches.parse(declared.patch, document)
    elif declared.body is not None:
        if document is None:
            raise errors.Invalid('The request must have a body, a JSON '
                                 'object.')
        call.body = types.read(declared.body, document)
    elif document not in (None, {}):
        raise errors.Invalid('This request must not have a body.')
    return call


def _address(request):
    """Where the users of this API find it, as the links say."""
    return (CONF.api.public_endpoint or request.application_url).rstrip('/')


def _query(request, declared, version):
    try:
        pairs = urlparse.parse_qsl(request.query_string, errors='strict',
                                   keep_blank_values=True)
    except ValueError:
        raise errors.Invalid('The query of the URL cannot be read.') from None
    known = {parameter.name: parameter for parameter in declared.query
             if parameter.since <= version}
    values = {name: parameter.default for name, parameter in known.items()}
    seen = set()
    for name, text in pairs:
        if name not in known:
            raise errors.InvalidParameter(
                f'query parameter {name!r}', 'this request does not support '
                                             'it.')
        if name in seen:
            raise errors.InvalidParameter(
                f'query parameter {name}', 'it is given twice.')
        seen.add(name)
        try:
            values[name] = known[name].kind.validate(text)
        except ValueError as e:
            raise errors.InvalidParameter(f'query parameter {name}',
                                          f'{e}.') from None
    return values


def _document(request):
    """The body as JSON gives it; None when there is none."""
    try:
        body = bodies.take(request.environ)
    except EOFError:
        raise errors.Invalid('The body of the request is shorter than '
                             'announced.') from None
    if body is None:
        raise errors.Invalid('The body of the request is too long.')
    if not body:
        return None
    if request.content_type not in ('', JSON):
        raise errors.UnsupportedMediaType(
            f'The body of the request must be of type {JSON}, not '
            f'{request.content_type}.')
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise errors.Invalid('The body of the request is not valid JSON.'
                             ) from None


def _no_constant(word):
    raise ValueError(word)


def _tagged(request, text):
    tag = etags.of(text)
    headers = {etags.HEADER: f'"{tag}"'}
    if tag not in request.if_none_match:
        return _response(200, headers, text)
    response = _response(304, headers, None)
    response.content_length = None
    return response


def _response(status, headers, body):
    response = webob.Response(status=status)
    if body is None:
        response.headers.pop('Content-Type', None)
        response.content_length = 0
    else:
        response.content_type = JSON
        response.charset = None
        response.body = body.encode()
    response.headers.update(headers)
    return response


def _warning(texts):
    """The header of that name, as RFC 7234 has it."""
    shown = texts[:MOST_WARNINGS]
    if len(texts) > MOST_WARNINGS:
        shown[-1] = f'There are {len(texts) - len(shown) + 1} more warnings.'
    return ', '.join(f'299 - "{_quoted(text)}"' for text in shown)


def _quoted(text):
    # What is no ASCII, or would end a line, is shown as Python has it.
    plain = text.encode('unicode_escape').decode()[:LONGEST_WARNING]
    return re.sub(r'(["\\])', r'\\\1', plain)
