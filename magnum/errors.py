# SPDX-License-Identifier: Apache-2.0
"""Everything that this service refuses, fails at, or cannot find.

    MagnumError                      500
     +- Temporary                    503  the world is not ready: try again
     |   +- ServiceUnavailable
     |       +- ServiceFailed            it broke on the request
     +- Invalid                      400  the request can never succeed
     |   +- InvalidParameter             one field of it, named
     |   +- NotSupported                 what the driver has no power for
     |   +- DriverNotFound               nobody serves this kind of cluster
     |   +- InvalidCsr
     +- Forbidden                    403
     |   +- PolicyNotAuthorized
     |   +- QuotaExceeded
     +- NotFound                     404
     |   +- NotFoundElsewhere            of another service, which is named
     +- NotAcceptable                406
     +- Conflict                     409
     |   +- AlreadyExists
     |   +- WrongStatus
     +- PreconditionFailed           412
     +- UnsupportedMediaType         415
     +- KeyReused                    422
     +- AuthorisationEnded           403  the token or trust is of no use now
     +- InfrastructureFailed         500  the back end said no, and will again

A class carries the HTTP status that the API answers with, and a code: a word
for programs, which stays the same when the message is reworded.  A message
says what is wrong, with which thing, and what to do; it is shown to users, so
it holds neither secrets nor the text of SQL or tracebacks.
"""


class MagnumError(Exception):
    """Base of all errors that are ours.

    :param code: where it says more than that of the class.
    """

    http_status = 500
    code = 'INTERNAL_ERROR'
    message = 'The service met an unexpected condition.'

    def __init__(self, message=None, code=None):
        super().__init__(message or self.message)
        self.code = code or type(self).code

    def __str__(self):
        return self.args[0]


class Temporary(MagnumError):
    """The world refuses for now; the same call may succeed later."""

    http_status = 503
    code = 'TEMPORARY'


class ServiceUnavailable(Temporary):
    """Another service did not answer, or answered that it is not able to."""

    code = 'SERVICE_UNAVAILABLE'


class ServiceFailed(ServiceUnavailable):
    """Another service broke on the request, and may do so every time."""

    code = 'CLOUD_UNAVAILABLE'


class Invalid(MagnumError):
    """The request is at fault."""

    http_status = 400
    code = 'INVALID_REQUEST'


class InvalidParameter(Invalid):
    """One field of the request is at fault."""

    code = 'INVALID_PARAMETER'

    def __init__(self, field, reason):
        super().__init__(f'Invalid value for {field}: {reason}')
        self.field = field
        self.reason = reason


class NotSupported(Invalid):
    """The cluster's driver has no power to do this."""

    code = 'NOT_SUPPORTED'


class DriverNotFound(Invalid):
    """No enabled driver serves this kind of cluster."""

    code = 'DRIVER_NOT_FOUND'


class InvalidCsr(Invalid):
    """The certificate signing request cannot be read, or asks too much."""

    code = 'INVALID_CSR'


class Forbidden(MagnumError):
    http_status = 403
    code = 'FORBIDDEN'


class PolicyNotAuthorized(Forbidden):
    code = 'NOT_AUTHORIZED'

    def __init__(self, rule):
        super().__init__(f"Policy doesn't allow {rule} to be performed.")


class QuotaExceeded(Forbidden):
    code = 'QUOTA_EXCEEDED'

    def __init__(self, resource, limit):
        noun = resource if limit == 1 else f'{resource}s'
        super().__init__(f'Resource limit exceeded: this project is limited '
                         f'to {limit} {noun}; delete one, or ask for a higher '
                         f'quota.')


class AuthorisationEnded(Forbidden):
    """The token or trust that this work was to use is of no use any more."""

    code = 'AUTHORISATION_ENDED'


class NotFound(MagnumError):
    http_status = 404
    code = 'NOT_FOUND'

    def __init__(self, kind, ident):
        super().__init__(f'{kind} {ident} could not be found.')


class NotFoundElsewhere(NotFound):
    """Another service has nothing of this kind and name."""

    code = 'CLOUD_NOT_FOUND'

    def __init__(self, service, text):
        MagnumError.__init__(self, f'{service}: {text}')


class NotAcceptable(MagnumError):
    http_status = 406
    code = 'NOT_ACCEPTABLE'


class Conflict(MagnumError):
    http_status = 409
    code = 'CONFLICT'


class AlreadyExists(Conflict):
    code = 'ALREADY_EXISTS'

    def __init__(self, kind, ident):
        super().__init__(f'{kind} {ident} already exists.')


class WrongStatus(Conflict):
    """The resource's status does not allow the operation."""

    code = 'WRONG_STATUS'

    def __init__(self, operation, kind, ident, status):
        super().__init__(f'{operation} {kind} {ident} when status is '
                         f'"{status}" is not supported.')


class PreconditionFailed(MagnumError):
    """What is to be changed is not what the caller has seen."""

    http_status = 412
    code = 'PRECONDITION_FAILED'


class KeyReused(MagnumError):
    """A key of idempotency came back with another request."""

    http_status = 422
    code = 'IDEMPOTENCY_KEY_REUSED'


class UnsupportedMediaType(MagnumError):
    http_status = 415
    code = 'UNSUPPORTED_MEDIA_TYPE'


class InfrastructureFailed(MagnumError):
    """The back end refused or failed in a way that repeating cannot cure."""

    code = 'INFRASTRUCTURE_FAILED'
