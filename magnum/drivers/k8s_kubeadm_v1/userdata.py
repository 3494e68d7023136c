# SPDX-License-Identifier: Apache-2.0
"""User data of nodes: files and one command, as cloud-init reads them.

The text is made here, all but @WORDS@ for what only Heat knows: names and
addresses, keys, and how to signal.  The templates of members (master.yaml,
worker.yaml) fill them in.  How long it is can so be told before anything is
built: its own length, and `ROOM` for the words.

Another first-boot system takes another renderer of the same files.
"""

import base64
from collections.abc import Iterable
import dataclasses
import functools
import gzip
import json
import pathlib
import re

_FOLDER = pathlib.Path(__file__).parent

SCRIPT = '/usr/local/sbin/magnum-node'

# Nova takes 65535 bytes of base64, which are 49149 of text.
LIMIT = 48 * 1024

# What Heat adds to the text of a master at most, with RSA keys of 2048 bits.
# A test measures it.
ROOM = 15 * 1024

# Stands for an @ that begins no word of Heat's, until the text is JSON.
_AT = '\ue000'


@dataclasses.dataclass(frozen=True)
class File:
    """`is_packed`: the content is base64 of gzip, to be unpacked there."""

    path: str
    content: str
    permissions: str = '0600'
    is_packed: bool = False


def cloud_config(files: Iterable[File]) -> str:
    """The user data of a node that has these files and runs the script."""
    document = {
        'preserve_hostname': False, 'manage_etc_hosts': 'localhost',
        'hostname': '@NAME@', 'ssh_authorized_keys': ['@SSH_KEY@'],
        'runcmd': [[SCRIPT, 'up']],
        'write_files': [_entry(file) for file in files]}
    # JSON is YAML, too, and what Heat fills in needs little escaping there.
    text = json.dumps(document, sort_keys=True)
    return '#cloud-config\n' + text.replace(r'\ue000', r'\u0040')


def _entry(file: File) -> dict[str, str]:
    entry = {'path': file.path, 'permissions': file.permissions,
             'content': file.content}
    if file.is_packed:
        entry['encoding'] = 'gz+b64'
    return entry


def literal(text: str) -> str:
    """Text of a user's, in which nothing is a word for Heat."""
    return re.sub('@(?=[A-Z_]{1,64}@)', _AT, text)


def packed(text: str) -> str:
    """As cloud-init's encoding gz+b64; the same for the same text."""
    return base64.b64encode(
        gzip.compress(text.encode(), 9, mtime=0)).decode()


@functools.cache
def script() -> File:
    """The program that makes a server a node."""
    text = (_FOLDER / 'scripts' / 'magnum-node').read_text()
    return File(SCRIPT, packed(text), '0755', is_packed=True)


@functools.cache
def environment() -> str:
    """Its variables, with words."""
    return (_FOLDER / 'scripts' / 'node.env').read_text()
