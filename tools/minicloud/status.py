# SPDX-License-Identifier: Apache-2.0
"""Show each process of the mini cloud: pid, memory (MiB), whether it answers.

usage: status    ends with 1 when one that should run does not
"""

import sys

from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings


def answers(name):
    service = services.BY_NAME.get(name)
    if service and service.port:
        return processes.http_answers(service.port, service.path)
    if name in settings.PORTS:
        return processes.port_answers(settings.PORTS[name])
    return True


def main():
    wanted = [*services.INFRASTRUCTURE, *services.BY_NAME, 'guest']
    names = wanted + [n for n in processes.recorded() if n not in wanted]
    print(f'{"process":<18}{"pid":>8}{"RSS":>7}{"PSS":>7}  answers')
    totals, bad = [0, 0], False
    for name in names:
        pid = processes.running(name)
        rss, pss = processes.memory(pid) if pid else (0, 0)
        well = bool(pid) and answers(name)
        bad |= not well
        totals = [totals[0] + rss, totals[1] + pss]
        print(f'{name:<18}{pid or "-":>8}{rss:>7.0f}{pss:>7.0f}  '
              f'{"yes" if well else "NO"}')
    print(f'{"in all":<26}{totals[0]:>7.0f}{totals[1]:>7.0f}')
    sys.exit(bad)


if __name__ == '__main__':
    main()
