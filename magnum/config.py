# SPDX-License-Identifier: Apache-2.0
"""Read the configuration files, and set the defaults of the libraries.

Options of ours are declared in the modules that use them; `magnum.opts`
collects them.  `CONF.x.y` is read inside functions only, so that a value is
never taken before the files are read.
"""

from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log
from oslo_middleware import cors

from magnum import rpc
from magnum import version

CONF = cfg.CONF


def register_log_options(conf=CONF):
    log.register_options(conf)


def set_library_defaults():
    """Change the defaults of library options; the generated sample shows them."""
    cors.set_defaults(
        allow_headers=['X-Auth-Token', 'X-Identity-Status', 'X-Roles',
                       'X-Service-Catalog', 'X-User-Id', 'X-Tenant-Id',
                       'X-OpenStack-Request-ID', 'X-Server-Management-Url'],
        allow_methods=['GET', 'PUT', 'POST', 'DELETE', 'PATCH'],
        expose_headers=['X-Auth-Token', 'X-Subject-Token', 'X-Service-Token',
                        'X-OpenStack-Request-ID', 'X-Server-Management-Url'])


def parse(argv, prog=None, config_files=None):
    """Read the files and the command line into CONF.

    :param argv: arguments without the program's name.
    """
    rpc.set_defaults()
    set_library_defaults()
    db_options.set_defaults(CONF)
    CONF(argv, project='magnum', prog=prog, version=version.text(),
         default_config_files=config_files)
