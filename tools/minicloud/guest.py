# SPDX-License-Identifier: Apache-2.0
"""The guest acts for the cloud's servers.  Tell it how the next ones behave.

usage: guest fail REGEX PHASE TEXT   those servers fail in that phase
       guest silent REGEX            they never signal
       guest slow REGEX SECONDS      they signal, later
       guest behave                  forget all orders
       guest start | stop | log      (`up` starts it)

REGEX is searched for in the server's name.  Later orders win over earlier
ones; `slow` goes together with `fail`.
"""

import json
import re
import sys

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
