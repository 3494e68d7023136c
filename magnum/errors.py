# SPDX-License-Identifier: Apache-2.0
"""Everything that this service refuses, fails at, or cannot find.

    MagnumError                      500
     +- Temporary                    503  the world is not ready: try again
     |   +- ServiceUnavailable
     +- Invalid                      400  the request can never succeed
     |   +- InvalidParameter             one field of it, named
     |   +- NotSupported                 what the driver has no power for
     |   +- DriverNotFound               nobody serves this kind of cluster
     |   +- InvalidCsr
     +- Forbidden                    403
     |   +- PolicyNotAuthorized
     |   +- QuotaExceeded
     +- NotFound                     404
     +- NotAcceptable                406
     +- Conflict                     409
     |   +- AlreadyExists
     |   +- WrongStatus
     +- UnsupportedMediaType         415
     +- AuthorisationEnded           403  the token or trust is of no use now
     +- InfrastructureFailed         500  the back end said no, and will again

A class carries the HTTP status that the API answers with.  A message says
what is wrong, with which thing, and what to do; it is shown to users, so it
holds neither secrets nor the text of SQL or tracebacks.
"""


class MagnumError(Exception):
    """Base of all errors that are ours; `code` is the HTTP status."""

    code = 500
    message = 'The service met an unexpected condition.'

    def __init__(self, message=None):
        super().__init__(message or self.message)

    def __str__(self):
        return self.args[0]


class Temporary(MagnumError):
    """The world refuses for now; the same call may succeed later."""

    code = 503


class ServiceUnavailable(Temporary):
    """Another service did not answer, or answered that it is not able to."""


class Invalid(MagnumError):
    """The request is at fault."""

    code = 400


class InvalidParameter(Invalid):
    """One field of the request is at fault."""

    def __init__(self, field, reason):
        super().__init__(f'Invalid value for {field}: {reason}')
        self.field = field
        self.reason = reason


class NotSupported(Invalid):
    """The cluster's driver has no power to do this."""


class DriverNotFound(Invalid):
    """No enabled driver serves this kind of cluster."""


class InvalidCsr(Invalid):
    """The certificate signing request cannot be read, or asks too much."""


class Forbidden(MagnumError):
    code = 403


class PolicyNotAuthorized(Forbidden):
    def __init__(self, rule):
        super().__init__(f"Policy doesn't allow {rule} to be performed.")


class QuotaExceeded(Forbidden):
    def __init__(self, resource, limit):
        super().__init__(f'Resource limit exceeded: this project may have '
                         f'{limit} of {resource}; delete one, or ask for a '
                         f'higher quota.')


class AuthorisationEnded(Forbidden):
    """The token or trust that this work was to use is of no use any more."""


class NotFound(MagnumError):
    code = 404

    def __init__(self, kind, ident):
        super().__init__(f'{kind} {ident} could not be found.')


class NotAcceptable(MagnumError):
    code = 406


class Conflict(MagnumError):
    code = 409


class AlreadyExists(Conflict):
    def __init__(self, kind, ident):
        super().__init__(f'{kind} {ident} already exists.')


class WrongStatus(Conflict):
    """The resource's status does not allow the operation."""

    def __init__(self, operation, kind, ident, status):
        super().__init__(f'{operation} {kind} {ident} when status is '
                         f'"{status}" is not supported.')


class UnsupportedMediaType(MagnumError):
    code = 415


class InfrastructureFailed(MagnumError):
    """The back end refused or failed in a way that repeating cannot cure."""
