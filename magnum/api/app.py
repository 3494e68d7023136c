# SPDX-License-Identifier: Apache-2.0
"""The WSGI application, from the outside in.

There is no paste file to keep in step: the order below is the pipeline.
"""

from oslo_config import cfg
from oslo_middleware import cors
from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id

from magnum.api import dispatch
from magnum.api import middleware
from magnum.api import routes

CONF = cfg.CONF


def build():
    """The whole application, as any WSGI server can serve it."""
    app = dispatch.Application()
    # Innermost first.
    app = middleware.Versions(app)
    app = middleware.Authentication(app, routes.PUBLIC)
    # A refused token has an answer of its own, which passes unchanged.
    app = middleware.Errors(app)
    app = http_proxy_to_wsgi.HTTPProxyToWSGI(app, CONF)
    CONF.register_opts(cors.CORS_OPTS, group='cors')
    if CONF.cors.allowed_origin:
        # It answers every OPTIONS, so it is there when asked for only.
        app = cors.CORS(app, CONF)
    app = middleware.Context(app)
    app = request_id.RequestId(app, CONF)
    health = healthcheck.Healthcheck(None, CONF)
    return _Mounted(app, {'/healthcheck': health})


class _Mounted:
    """Paths that stand outside of everything, and the rest."""

    def __init__(self, app, mounts):
        self.app = app
        self.mounts = mounts

    def __call__(self, environ, start_response):
        path = environ.get('PATH_INFO', '').rstrip('/')
        return self.mounts.get(path, self.app)(environ, start_response)
