# SPDX-License-Identifier: Apache-2.0
"""magnum-conductor: does what the journal says.

One process, many threads.  SIGTERM and SIGINT end the running steps and give
the rest back within `graceful_shutdown_timeout`; SIGHUP reads again the
options that may change while it runs (`debug`, log levels); SIGUSR2 has it
report its state: threads, processes, configuration.
"""

import os
import queue
import signal
import sys
import threading

from oslo_config import cfg
from oslo_log import log
from oslo_service import opts as service_opts

from magnum.conductor import service
from magnum import config
from magnum.db import session as db
from magnum import errors
from magnum import needs
from magnum import reports
from magnum import version

LOG = log.getLogger(__name__)
CONF = cfg.CONF


def main():
    service_opts.register_service_opts(CONF)
    config.parse(sys.argv[1:], prog='magnum-conductor',
                 description='Carry out the operations on clusters that '
                             'magnum-api has recorded.')
    config.setup_logging()
    try:
        needs.check()
    except errors.InfrastructureFailed as e:
        sys.exit(f'magnum-conductor: {e}')
    reports.at_signal('magnum-conductor')
    reports.at_change_of_file('magnum-conductor')
    signals = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: signals.put(number))
    # Its loops try again, and end at a signal.
    db.fail_at_once()
    conductor = service.Conductor()
    LOG.info('magnum-conductor %s starts, process %d.', version.text(),
             os.getpid())
    conductor.start()
    while signals.get() == signal.SIGHUP:
        CONF.mutate_config_files()
        LOG.info('Read the options that may change while running.')
    LOG.info('Stopping: the running steps end, the rest is given back.')
    timer = threading.Timer(CONF.graceful_shutdown_timeout or 3600, _give_up)
    timer.daemon = True
    timer.start()
    conductor.stop()
    LOG.info('Stopped.')
    # Threads of libraries may still wait for a broker that is gone.
    os._exit(0)


def _give_up():
    LOG.warning('The running steps did not end within %d seconds; another '
                'conductor takes them over when their leases have run out.',
                CONF.graceful_shutdown_timeout)
    os._exit(1)
