# SPDX-License-Identifier: Apache-2.0
"""In each API that is compared: note its HTTP requests to other services.

One line for each, `HOST:PORT METHOD PATH`, goes to the file that BENCH_CALLS
names.  It sees what Python's http.client sends, which is under all the
libraries that these services use, whatever is in them.
"""

import os
import runpy
import sys

_PATH = os.environ.get('BENCH_CALLS')


def _note(event, args):
    if event != 'http.client.send':
        return
    connection, data = args
    words = bytes(data[:2000]).split(b'\r\n', 1)[0].split(b' ')
    # A body is sent on its own, after the head.
    if len(words) == 3 and words[2].startswith(b'HTTP/'):
        with open(_PATH, 'ab') as calls:
            calls.write(b'%s:%d %s %s\n' % (
                connection.host.encode(), connection.port, *words[:2]))


if _PATH:
    sys.addaudithook(_note)
# There can be only one file of this name: go on with the mini cloud's.
runpy.run_path(os.path.join(os.path.dirname(__file__),
                            '../../../minicloud/plugins/sitecustomize.py'))
