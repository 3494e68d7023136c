# SPDX-License-Identifier: Apache-2.0
"""magnum-api: the REST API on a server of its own.

gunicorn with threaded workers: it brings processes, TLS, a graceful stop on
SIGTERM, and new workers with the log levels read again on SIGHUP.  Under
uWSGI or mod_wsgi use `magnum.wsgi.api:application` instead.
"""

import multiprocessing
import sys

from gunicorn.app import base
from gunicorn import glogging
from oslo_config import cfg
from oslo_log import log
from oslo_service import opts as service_opts

from magnum.api import app
from magnum import config
from magnum.db import session

LOG = log.getLogger(__name__)
CONF = cfg.CONF

THREADS = 8


class _Logger(glogging.Logger):
    """Send gunicorn's own lines to where all others go."""

    def setup(self, cfg):
        for logger in (self.error_log, self.access_log):
            logger.handlers = []
            logger.propagate = True
        self.access_log.disabled = True


class Server(base.BaseApplication):
    """The application in gunicorn's hands."""

    def load_config(self):
        api = CONF.api
        host = f'[{api.host}]' if ':' in str(api.host) else api.host
        settings = {
            'bind': f'{host}:{api.port}', 'proc_name': 'magnum-api',
            'workers': api.workers or multiprocessing.cpu_count(),
            'worker_class': 'gthread', 'threads': THREADS,
            # Loaded once and shared by all workers.
            'preload_app': True,
            'graceful_timeout': CONF.graceful_shutdown_timeout,
            'keepalive': 5, 'logger_class': _Logger,
            'control_socket_disable': True,
            'post_fork': lambda arbiter, worker: session.reset()}
        if api.enabled_ssl:
            settings['certfile'] = api.ssl_cert_file
            settings['keyfile'] = api.ssl_key_file
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self):
        return app.build()

    def reload(self):
        CONF.mutate_config_files()
        super().reload()


def main():
    service_opts.register_service_opts(CONF)
    config.parse(sys.argv[1:], prog='magnum-api')
    config.setup_logging()
    LOG.info('magnum-api listens on %s:%s.', CONF.api.host, CONF.api.port)
    Server().run()
