# SPDX-License-Identifier: Apache-2.0
"""magnum-api: the REST API on a server of its own.

gunicorn with workers of this project's own, `magnum.api.server`: it brings
processes, TLS, a graceful stop on SIGTERM, and new workers with the log levels
read again on SIGHUP.  On SIGUSR2 all of them report their state.  Under uWSGI
or mod_wsgi use `magnum.wsgi.api:application` instead.

The application is loaded by the workers only; the process that watches over
them stays small.
"""

import multiprocessing
import signal
import sys
import threading

from gunicorn.app import base
from gunicorn import arbiter
from gunicorn import glogging
from gunicorn import util
from oslo_config import cfg
from oslo_log import log
from oslo_service import opts as service_opts

from magnum.api import options  # noqa: F401  (registers [api])
from magnum.api import paste
from magnum import config
from magnum import errors
from magnum import needs
from magnum import reports
from magnum import reseal

LOG = log.getLogger(__name__)
CONF = cfg.CONF


class _Logger(glogging.Logger):
    """Send gunicorn's own lines to where all others go."""

    def setup(self, cfg):
        for logger in (self.error_log, self.access_log):
            logger.handlers = []
            logger.propagate = True
        self.access_log.disabled = True


class _Arbiter(arbiter.Arbiter):
    """The process that watches over the workers."""

    def handle_usr2(self):
        """Report, where gunicorn would start a second server."""
        reports.write('magnum-api')
        self.kill_workers(signal.SIGUSR2)


def _try_keys(worker):
    """Look at what the keys are for, beside the work; one worker is enough."""
    if worker.age == 1:
        threading.Thread(target=reseal.try_keys, name='keys',
                         daemon=True).start()


class Server(base.BaseApplication):
    """The application in gunicorn's hands."""

    def load_config(self):
        api = CONF.api
        host = f'[{api.host}]' if ':' in str(api.host) else api.host
        settings = {
            'bind': f'{host}:{api.port}', 'proc_name': 'magnum-api',
            'workers': api.workers or multiprocessing.cpu_count(),
            'worker_class': 'magnum.api.server.Worker',
            'graceful_timeout': CONF.graceful_shutdown_timeout,
            'logger_class': _Logger, 'post_worker_init': _try_keys,
            'control_socket_disable': True}
        if api.enabled_ssl:
            settings['certfile'] = api.ssl_cert_file
            settings['keyfile'] = api.ssl_key_file
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def run(self):
        _Arbiter(self).run()

    def load(self):
        try:
            return util.import_app('magnum.wsgi.api:application')
        except SystemExit as e:
            print(e, file=sys.stderr, flush=True)
            # With any other, another worker would try the same.
            sys.exit(arbiter.Arbiter.APP_LOAD_ERROR)


def main():
    service_opts.register_service_opts(CONF)
    config.parse(sys.argv[1:], prog='magnum-api',
                 description='Serve the REST API of the container '
                             'infrastructure service.')
    config.setup_logging()
    # Before there is somebody to ask for one.
    reports.at_signal('magnum-api')
    try:
        needs.check()
    except errors.InfrastructureFailed as e:
        sys.exit(f'magnum-api: {e}')
    paste.warn()
    LOG.info('magnum-api listens on %s:%s.', CONF.api.host, CONF.api.port)
    Server().run()
