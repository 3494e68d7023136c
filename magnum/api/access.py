# SPDX-License-Identifier: Apache-2.0
"""The access log: one line for each request that magnum-api has answered.

The ids of request, user and project are in front of it, where the formats of
oslo.log have them.  Under another WSGI server that server's own log has these
lines.
"""

import logging
import time

from oslo_config import cfg
from oslo_log import log

from magnum.api import middleware
from magnum.api import options  # noqa: F401  (registers [api])

# One may want it at another level, or in another file, than all the rest.
LOG = log.getLogger(__name__)
CONF = cfg.CONF

# Of an address that may be as long as a head.
URI_CHARACTERS = 1000


def answered(request, environ, status, sent, begun, level=logging.INFO):
    """Note a request that the application has answered.

    :param environ: what the application made of the request; None: nothing.
    :param sent: bytes of the response's body.
    :param begun: when the request came, in monotonic time.
    """
    environ = environ or {}
    context = environ.get(middleware.CONTEXT)
    _note(level, environ.get('REMOTE_ADDR'),
          f'{request.method} {request.uri[:URI_CHARACTERS]}', status, sent,
          begun, **({'context': context} if context else {}))


def refused(peer, status, begun):
    """Note what the server itself refused, as it could not be read."""
    _note(logging.INFO, peer, '-', status, 0, begun)


def _note(level, address, what, status, sent, begun, **named):
    if CONF.api.access_log:
        LOG.log(level, '%s "%s" status: %s bytes: %d time: %.3f s',
                address or '-', what, status, sent, time.monotonic() - begun,
                **named)
