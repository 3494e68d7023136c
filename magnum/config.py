# SPDX-License-Identifier: Apache-2.0
"""Read the configuration files, and set the defaults of the libraries.

Options of ours are declared in the modules that use them; `magnum.opts`
collects them.  `CONF.x.y` is read inside functions only, so that a value is
never taken before the files are read.
"""

import logging

from oslo_config import cfg
from oslo_log import log
import oslo_messaging as messaging
from oslo_middleware import cors
from oslo_middleware.healthcheck import opts as health_opts

from magnum import version

CONF = cfg.CONF

# What would end a line, or bend a terminal, as `repr` writes it.
_ESCAPES = {number: ascii(chr(number))[1:-1]
            for number in (*range(0x20), *range(0x7f, 0xa0), 0x2028, 0x2029)}


class _LineRecord(logging.LogRecord):
    """A log record whose message is one line, whoever wrote parts of it."""

    def getMessage(self):
        return super().getMessage().translate(_ESCAPES)


def set_library_defaults():
    """Change the defaults of library options; the sample shows them too."""
    messaging.set_transport_defaults(control_exchange='magnum')
    cfg.set_defaults(health_opts.HEALTHCHECK_OPTS,
                     backends=['disable_by_file'])
    cfg.set_defaults(health_opts.DISABLE_BY_FILE_OPTS,
                     disable_by_file_path='/etc/magnum/healthcheck_disable')
    cors.set_defaults(
        allow_headers=['X-Auth-Token', 'X-Identity-Status', 'X-Roles',
                       'X-Service-Catalog', 'X-User-Id', 'X-Tenant-Id',
                       'X-OpenStack-Request-ID', 'X-Server-Management-Url'],
        allow_methods=['GET', 'PUT', 'POST', 'DELETE', 'PATCH'],
        expose_headers=['X-Auth-Token', 'X-Subject-Token', 'X-Service-Token',
                        'X-OpenStack-Request-ID', 'X-Server-Management-Url',
                        'X-Container-Infra-Operation'])


def parse(argv, prog=None, config_files=None, description=None):
    """Read the files and the command line into CONF.

    May be called again, as tests do: what was read before is forgotten.

    :param argv: arguments without the program's name.
    :param config_files: read these instead of searching the usual places.
    :param description: what the program is for, in its --help.
    """
    # Options of the command line can be registered only before it is read.
    CONF.clear()
    set_library_defaults()
    log.register_options(CONF)
    CONF(argv, project='magnum', prog=prog, version=version.text(),
         default_config_files=config_files, description=description)


def setup_logging():
    """Send the log where the options that were read say.

    Messages hold paths, names and other services' words, so that control
    characters are escaped in all of them; tracebacks keep their lines.
    """
    logging.setLogRecordFactory(_LineRecord)
    log.setup(CONF, 'magnum', version.text())
