# SPDX-License-Identifier: Apache-2.0
"""Stop processes of the mini cloud and start them with new configuration.

usage: restart NAME...    names as in `status`; rabbitmq is one of them
"""

import os
import sys

from tools.minicloud import processes
from tools.minicloud import settings


def main():
    names = sys.argv[1:]
    unknown = set(names) - set(processes.recorded())
    if not names or unknown:
        sys.exit(__doc__.strip())
    processes.lock().close()
    processes.stop(names)
    os.execv(settings.HERE / 'up', ['up'])


if __name__ == '__main__':
    main()
