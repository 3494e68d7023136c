# SPDX-License-Identifier: Apache-2.0
"""The API for uWSGI and mod_wsgi: `magnum.wsgi.api:application`.

Importing this reads the configuration.  Of a foreign server's command line
only `--config-file` and `--config-dir` are ours; all of magnum-api's is.
"""

import argparse
import os
import sys

from magnum.api import app
from magnum.api import keystone
from magnum.api import paste
from magnum import config
from magnum.db import session as db
from magnum import errors
from magnum import needs


def _is_ours(program):
    return os.path.basename(program) == 'magnum-api'


def _our_arguments(program, argv):
    if _is_ours(program):
        return argv
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--config-file', action='append', default=[])
    parser.add_argument('--config-dir', action='append', default=[])
    known, _ = parser.parse_known_args(argv)
    return ([f'--config-file={path}' for path in known.config_file]
            + [f'--config-dir={path}' for path in known.config_dir])


config.parse(_our_arguments(sys.argv[0], sys.argv[1:]), prog='magnum-api')
config.setup_logging()
try:
    needs.check()
    keystone.check()
except errors.InfrastructureFailed as e:
    # One line, and no traceback, whichever server this is.
    raise SystemExit(f'magnum-api: {e}') from None
if not _is_ours(sys.argv[0]):
    # Where it is, the process that watches over the workers has said so.
    paste.warn()
db.fail_at_once()
application = app.build()
