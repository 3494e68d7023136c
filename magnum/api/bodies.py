# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: read as a whole, up to a limit, before they are used.

`take` is the application's, under any WSGI server; `Store` is for
`magnum.api.server`, which reads bodies without a thread.
"""

import dataclasses
import io
import re

# What the application takes; whatever else is announced, at most one more
# byte is ever read.
MAX_BODY = 1024 * 1024

# Bodies up to here are taken from everybody.  Of longer ones there may be so
# many at a time, which bounds the memory of a worker.
SHORT = 64 * 1024
MAX_LONG = 32

_SIZE = re.compile(rb'[0-9A-Fa-f]{1,16}[ \t]*(?:;[^\r\n]*)?\r\n')
_MAX_TRAILERS = 100


class Malformed(Exception):
    """The chunks of a body cannot be read."""


class Full(Exception):
    """There are too many long bodies at the moment."""


@dataclasses.dataclass
class Body:
    """What was read; not whole when it is too long to be taken."""

    file: io.BytesIO
    is_whole: bool
    is_long: bool = False


class Store:
    """Reads bodies for a whole process."""

    def __init__(self):
        self.long = 0

    async def read(self, reader, length):
        """The body of a request whose head was read from the stream.

        :param length: as announced; None for chunks.
        :raises Malformed, Full: it cannot be taken.
        """
        body = Body(io.BytesIO(), True)
        try:
            if length is None:
                await self._chunks(reader, body)
            elif length > MAX_BODY:
                # The application refuses it for what is announced.
                body.is_whole = False
            elif length:
                await self._add(reader, body, length)
        except BaseException:
            self.give_back(body)
            raise
        body.file.seek(0)
        return body

    def give_back(self, body):
        """The body is not used any more."""
        self.long -= body.is_long
        body.is_long = False

    async def _add(self, reader, body, size):
        self._take_place(body, size)
        while size:
            piece = await reader.read(min(size, SHORT))
            if not piece:
                raise ConnectionResetError('in the middle of a body')
            body.file.write(piece)
            size -= len(piece)

    def _take_place(self, body, size):
        if body.file.tell() + size > SHORT and not body.is_long:
            if self.long >= MAX_LONG:
                raise Full
            self.long += 1
            body.is_long = True

    async def _chunks(self, reader, body):
        while True:
            line = await reader.readuntil(b'\r\n')
            if not _SIZE.fullmatch(line):
                raise Malformed
            size = int(re.split(rb'[ \t;\r]', line, maxsplit=1)[0], 16)
            if size == 0:
                return await self._trailers(reader)
            room = MAX_BODY + 1 - body.file.tell()
            await self._add(reader, body, min(size, room))
            if size >= room:
                body.is_whole = False
                return
            if await reader.readexactly(2) != b'\r\n':
                raise Malformed

    async def _trailers(self, reader):
        for _ in range(_MAX_TRAILERS):
            if await reader.readuntil(b'\r\n') == b'\r\n':
                return
        raise Malformed


def take(environ):
    """The body of a request, or None when it is longer than the limit.

    :raises EOFError: it is shorter than announced.
    """
    announced = environ.get('CONTENT_LENGTH') or ''
    # More digits than these are too many bytes in any case.
    length = int(announced[:18]) if announced.isdecimal() else None
    if length is None and not environ.get('wsgi.input_terminated'):
        # No server gives more than what is announced, unless it says so.
        return b''
    if length is not None and length > MAX_BODY:
        return None
    body = _read(environ['wsgi.input'],
                 MAX_BODY + 1 if length is None else length)
    if length is not None and len(body) < length:
        raise EOFError
    return body if len(body) <= MAX_BODY else None


def _read(stream, size):
    pieces = []
    while size:
        piece = stream.read(min(size, SHORT))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b''.join(pieces)
