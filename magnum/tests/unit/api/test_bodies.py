# SPDX-License-Identifier: Apache-2.0
"""Bodies are read up to a limit, whatever is announced."""

import asyncio
import io

import pytest

from magnum.api import bodies

LIMIT = bodies.MAX_BODY


class Endless(io.RawIOBase):
    """As much as anybody wants; counts what was taken."""

    def __init__(self):
        self.taken = 0

    def read(self, size=-1):
        assert size >= 0, 'everything at once'
        self.taken += size
        return b' ' * size


def test_a_body_without_an_announced_length_is_read_up_to_the_limit():
    stream = Endless()
    assert bodies.take({'wsgi.input': stream,
                        'wsgi.input_terminated': True}) is None
    assert stream.taken == LIMIT + 1


@pytest.mark.parametrize('length', [str(LIMIT + 1), '9' * 5000])
def test_a_body_that_is_announced_too_long_is_not_read(length):
    stream = Endless()
    assert bodies.take({'wsgi.input': stream,
                        'CONTENT_LENGTH': length}) is None
    assert stream.taken == 0


def test_no_more_is_read_than_is_announced():
    stream = Endless()
    assert bodies.take({'wsgi.input': stream, 'CONTENT_LENGTH': '7',
                        'wsgi.input_terminated': True}) == b' ' * 7
    assert stream.taken == 7


def test_a_body_of_just_the_limit_is_taken():
    body = b'x' * LIMIT
    assert bodies.take({'wsgi.input': io.BytesIO(body),
                        'wsgi.input_terminated': True}) == body


def test_a_short_body_is_noticed():
    with pytest.raises(EOFError):
        bodies.take({'wsgi.input': io.BytesIO(b'ab'), 'CONTENT_LENGTH': '3'})


@pytest.mark.parametrize('environ', [{}, {'CONTENT_LENGTH': ''},
                                     {'CONTENT_LENGTH': '-1'}])
def test_without_a_length_there_is_no_body(environ):
    assert bodies.take({'wsgi.input': Endless(), **environ}) == b''


def read(raw, length=None, store=None):
    """What a store makes of bytes that arrive."""
    async def reading():
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        reader.feed_eof()
        return await (store or bodies.Store()).read(reader, length)
    return asyncio.run(reading())


def chunked(*pieces):
    return b''.join(b'%x;x=y\r\n%s\r\n' % (len(piece), piece)
                    for piece in pieces) + b'0\r\nTrailer: t\r\n\r\n'


def test_chunks_are_put_together():
    body = read(chunked(b'ab', b'c' * 70000))
    assert body.is_whole
    assert body.file.read() == b'ab' + b'c' * 70000


def test_chunks_end_at_the_limit():
    body = read(chunked(*[b'x' * 65536] * 20))
    assert not body.is_whole
    assert len(body.file.getvalue()) == LIMIT + 1


@pytest.mark.parametrize('raw', [
    b'z\r\n', b'\r\n', b'-1\r\nab\r\n', b'0x2\r\nab\r\n', b'2\r\nabc\r\n',
    b'1' * 17 + b'\r\n', b'0\r\n' + b'T: t\r\n' * 101 + b'\r\n'])
def test_bad_chunks_are_refused(raw):
    with pytest.raises(bodies.Malformed):
        read(raw)


def test_there_are_only_so_many_long_bodies(monkeypatch):
    monkeypatch.setattr(bodies, 'MAX_LONG', 1)
    store = bodies.Store()
    long = b'x' * (bodies.SHORT + 1)
    first = read(long, len(long), store)
    with pytest.raises(bodies.Full):
        read(long, len(long), store)
    assert read(b'short', 5, store).is_whole
    store.give_back(first)
    assert read(long, len(long), store).is_whole


def test_a_body_that_breaks_off_gives_its_place_back():
    store = bodies.Store()
    with pytest.raises(ConnectionResetError):
        read(b'x', bodies.SHORT + 1, store)
    assert store.long == 0
