# SPDX-License-Identifier: Apache-2.0
"""What every request passes on its way to a controller.

The order is in `magnum.api.app`.  Here are the ones of our own: whose request
it is, who need not show a token, which microversion is wanted, and how errors
are told.
"""

import json
import re
from urllib import parse

from oslo_db import exception as db_exc
from oslo_log import log
from sqlalchemy import exc as sa_exc
import webob

from magnum.api import framework
from magnum.api import keystone
from magnum.api import versions
from magnum import context as contexts
from magnum.db import session as db
from magnum import errors

LOG = log.getLogger(__name__)

CONTEXT = 'magnum.context'
VERSION = 'magnum.version'
ANSWER_HEADERS = 'magnum.answer_headers'

# MariaDB's numbers for text that a column's character set does not have, be it
# stored or compared with.
CHARACTERS = {1267, 1271, 1366, 3988}

# The code of the error that a version which is none of ours is.
UNSUPPORTED = 'magnum.microversion-unsupported'

_HELP = 'http://docs.openstack.org/api-guide/compute/microversions.html'
_END_OF_SENTENCE = re.compile(r'\.\s*$|\.\s+(?=[A-Z])')
_TRACEBACK = 'Traceback (most recent call last):'


class RouteError(errors.MagnumError):
    """The request did not get as far as a controller."""

    code = 'BAD_ROUTE'

    def __init__(self, http_status, message, headers=()):
        super().__init__(message)
        self.http_status = http_status
        self.headers = headers


class Context:
    """Has the thread work for this request, and forget it afterwards.

    Until the token is checked the caller is nobody.
    """

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ[CONTEXT] = contexts.RequestContext.unknown(environ)
        with contexts.of(environ[CONTEXT]):
            return self.app(environ, start_response)


def context_of(environ):
    """Whose request it is."""
    return environ[CONTEXT]


class Authentication:
    """keystonemiddleware for all paths but the public ones.

    The headers by which it tells who the caller is are believed behind it
    only: on public paths anybody may send them.
    """

    def __init__(self, app, public):
        self.app = app
        self.public = public
        self.guarded = keystone.protect(self._known)

    def __call__(self, environ, start_response):
        if environ.get('PATH_INFO', '').rstrip('/') in self.public:
            return self.app(environ, start_response)
        return self.guarded(environ, start_response)

    def _known(self, environ, start_response):
        environ[CONTEXT] = contexts.RequestContext.from_environ(environ)
        return self.app(environ, start_response)


class Versions:
    """Reads the version header, and says which versions there are."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        # The root document is for those who know no version yet.
        if environ.get('PATH_INFO', '').rstrip('/') != '':
            environ[ANSWER_HEADERS] = versions.headers()
            try:
                version = versions.parse(
                    environ.get('HTTP_OPENSTACK_API_VERSION'))
            except versions.Unsupported as e:
                environ[ANSWER_HEADERS] = versions.headers(e.version)
                raise
            take_for(environ, version)
        return self.app(environ, start_response)


def take_for(environ, version):
    """From now on the request is one of that version."""
    environ[VERSION] = version
    environ[ANSWER_HEADERS] = versions.headers(version)


class Errors:
    """Tells every error in the same way, and none in too many words."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        try:
            request = webob.Request(environ)
            if not _readable(request):
                environ[ANSWER_HEADERS] = versions.headers()
                raise RouteError(404, 'The path of the URL cannot be read.')
            response = request.get_response(self.app)
            error = framework.refusal(environ)
            if error is not None:
                response = error_response(environ, RouteError(
                    error.status_int, error.detail or error.title))
            elif response.status_int == 503:
                # Of the middleware, in words that some clients die of.
                raise errors.ServiceUnavailable(
                    'Keystone does not answer, so that the token cannot be '
                    'checked; try again later.')
        except errors.MagnumError as e:
            if e.http_status >= 500:
                LOG.warning('%s: %s', _asked(environ), e)
            response = error_response(environ, e)
        except (db_exc.DBError, sa_exc.DBAPIError) as e:
            response = error_response(environ, _database_error(environ, e))
        except Exception:
            LOG.exception('%s failed.', _asked(environ))
            response = error_response(environ, errors.MagnumError())
        response.headers.extend(environ.get(ANSWER_HEADERS, ()))
        return response(environ, start_response)


def _asked(environ):
    """The request in one line of a log, whatever its path holds."""
    return (f'{environ["REQUEST_METHOD"]} '
            f'{parse.quote(environ.get("PATH_INFO", ""))}')


def _database_error(environ, error):
    """What to tell of an error of the database: never its own words."""
    cause = getattr(getattr(error, 'inner_exception', error), 'orig', None)
    code = cause.args[0] if getattr(cause, 'args', None) else None
    if isinstance(error, db_exc.DBDataError) or code in CHARACTERS:
        LOG.info('A value does not fit into its column.', exc_info=True)
        return errors.Invalid('A value of the request is too long, or holds '
                              'characters that cannot be stored.')
    LOG.exception('%s failed.', _asked(environ))
    if isinstance(error, db.UNREACHABLE):
        return errors.ServiceUnavailable('The database cannot be reached; '
                                         'try again later.')
    return errors.MagnumError()


def _readable(request):
    try:
        return '\0' not in request.path_info
    except UnicodeError:
        return False


def error_response(environ, error):
    """The answer that tells of an error."""
    text = str(error).split(_TRACEBACK)[0].rstrip()
    entry = {'request_id': environ.get('openstack.request_id', ''),
             'code': 'client' if error.http_status < 500 else 'server',
             'status': error.http_status,
             'title': _END_OF_SENTENCE.split(text)[0] or text,
             'detail': text,
             'links': []}
    if isinstance(error, RouteError | versions.Malformed):
        entry['code'] = ''
        entry['title'] = webob.Response(
            status=error.http_status).status[4:]
    if isinstance(error, versions.Unsupported):
        entry |= {'code': UNSUPPORTED,
                  'title': 'Requested microversion is unsupported',
                  'description': text,
                  'min_version': str(versions.MINIMUM),
                  'max_version': str(versions.MAXIMUM),
                  'links': [{'rel': 'help', 'href': _HELP}]}
    # Some clients read `message` only, and show nothing when it is absent.
    body = {'errors': [entry], 'message': text}
    response = webob.Response(
        status=error.http_status, content_type='application/json',
        body=json.dumps(body).encode())
    response.headers.extend(getattr(error, 'headers', ()))
    return response
