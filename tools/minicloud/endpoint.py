# SPDX-License-Identifier: Apache-2.0
"""Point the catalogue's container-infra service at a URL on this machine.

usage: endpoint http://127.0.0.1:PORT/v1
"""

import socket
import sys

from tools.minicloud import services
from tools.minicloud import settings


def main():
    url = sys.argv[-1]
    if len(sys.argv) != 2 or not url.startswith('http://127.0.0.1:') \
            or "'" in url:
        sys.exit(__doc__.strip())
    services.sql("UPDATE endpoint e JOIN service s ON s.id = e.service_id "
                 f"SET e.url = '{url}' WHERE s.type = 'container-infra'",
                 'keystone')
    # Keystone keeps its catalogue in memcached.
    with socket.create_connection(
            (settings.IP, settings.PORTS['memcached']), 5) as s:
        s.sendall(b'flush_all\r\n')
        s.recv(16)


if __name__ == '__main__':
    main()
