# SPDX-License-Identifier: Apache-2.0
"""The guest acts for the cloud's servers.  Tell it how the next ones behave.

usage: guest fail REGEX PHASE TEXT   those servers fail in that phase
       guest silent REGEX            they never signal
       guest slow REGEX SECONDS      they signal, later
       guest behave                  forget all orders
       guest real on [--all] | off   new servers become machines, or do not;
                                     --all: of both versions of Kubernetes
       guest enter SERVER COMMAND... run a command in a server's machine
       guest start | stop | log      (`up` starts it)

REGEX is searched for in the server's name.  Later orders win over earlier
ones; `slow` goes together with `fail`.
"""

import json
import os
import re
import sys

from tools.minicloud.nodes import images
from tools.minicloud.nodes import machine
from tools.minicloud.nodes import names
from tools.minicloud.nodes import programs
from tools.minicloud.nodes import root
from tools.minicloud import processes
from tools.minicloud import settings

ORDERS = settings.RUN / 'guest-orders.json'


def give(order=None):
    """Add an order, or forget all."""
    orders = []
    if order:
        re.compile(order['servers'])
        if ORDERS.exists():
            orders = json.loads(ORDERS.read_text())
        orders.append(order)
    fresh = ORDERS.with_suffix('.new')
    fresh.write_text(json.dumps(orders))
    fresh.replace(ORDERS)


def real(versions):
    """Make what machines are made of, then let servers be machines."""
    if os.getuid():
        sys.exit('machines can be started by root only')
    # All first: the images of one version have some of the others'.
    for version in versions:
        programs.folder(version)
    for version in versions:
        images.store(version)
        root.root(version)
    processes.run([settings.VENV / 'bin/python', '-m', 'tools.minicloud.seed',
                   'nodes', *versions], 'seed-nodes', **settings.OURS)
    names.STATE.mkdir(exist_ok=True)
    names.REAL.touch()


def enter(server, command):
    """Become that command in the machine of a server, by name or id."""
    for server_id in machine.known():
        it = machine.Machine(server_id)
        if server in (server_id, it.name) and it.first_pid():
            words = it.enter(*command)
            os.execvp(words[0], words)
    sys.exit(f'no machine of a server {server} runs')


def main():
    match sys.argv[1:]:
        case ['fail', servers, phase, text]:
            give({'what': 'fail', 'servers': servers,
                  'text': f'{phase}: {text}'})
        case ['silent', servers]:
            give({'what': 'silent', 'servers': servers})
        case ['slow', servers, seconds]:
            give({'what': 'slow', 'servers': servers,
                  'seconds': float(seconds)})
        case ['behave']:
            give()
        case ['real', 'on', *more] if more in ([], ['--all']):
            real(programs.versions() if more else programs.versions()[:1])
        case ['real', 'off']:
            names.REAL.unlink(missing_ok=True)
        case ['enter', server, *command] if command:
            enter(server, command)
        case ['start']:
            processes.start('guest', [
                settings.VENV / 'bin/python', '-m', 'tools.minicloud.guestd'],
                **settings.OURS)
        case ['stop']:
            processes.stop(['guest'])
        case ['log']:
            print((settings.LOG / 'guest.log').read_text(), end='')
        case _:
            sys.exit(__doc__.strip())


if __name__ == '__main__':
    main()
