# SPDX-License-Identifier: Apache-2.0
"""Stop what `up` started, by recorded pid.  The data stay.

usage: down           stop
       down --wipe    and remove data, configuration and logs
"""

import shutil
import sys

from tools.minicloud.nodes import takedown
from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings


def main():
    if sys.argv[1:] not in ([], ['--wipe']):
        sys.exit(__doc__.strip())
    if not settings.RUN.exists():
        return
    held = processes.lock()
    processes.stop(['guest'])
    takedown.remove_all()
    last = services.INFRASTRUCTURE
    processes.stop([n for n in processes.recorded() if n not in last])
    processes.stop([n for n in processes.recorded() if n != 'epmd'])
    processes.stop(processes.recorded())
    if '--wipe' in sys.argv:
        shutil.rmtree(settings.RUN)
    held.close()
    processes.say('The mini cloud is down.')


if __name__ == '__main__':
    main()
