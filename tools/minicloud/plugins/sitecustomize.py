# SPDX-License-Identifier: Apache-2.0
"""In every Python process of the cloud: no connection but to loopback.

The floating and fixed addresses of fake servers are addresses that someone
else may own, and services would dial them.  With servers that are machines the
floating ones are on a bridge of this cloud's own.
"""

import os
import sys

LOOPBACK = ('::1', 'localhost', '', '::ffff:127.0.0.1')
FLOATING = '172.24.'
OUTSIDE = f'/sys/class/net/mc{os.environ.get("MINICLOUD_SHIFT", "0")}-outside'


def _is_ours(host):
    return (host.startswith('127.') or host in LOOPBACK
            or host.startswith(FLOATING) and os.path.exists(OUTSIDE))


def _guard(event, args):
    if event in ('socket.connect', 'socket.sendto'):
        address = args[1]
        if isinstance(address, tuple) and isinstance(address[0], str):
            host = address[0]
            if not _is_ours(host):
                raise ConnectionRefusedError(
                    111, f'only loopback addresses here, not {host}')


sys.addaudithook(_guard)
