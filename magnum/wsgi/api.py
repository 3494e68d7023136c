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
from magnum import config
from magnum.db import session as db
from magnum import errors
from magnum import needs


def _our_arguments(program, argv):
    if os.path.basename(program) == 'magnum-api':
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
db.fail_at_once()
application = app.build()
