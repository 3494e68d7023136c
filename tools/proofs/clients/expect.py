# SPDX-License-Identifier: Apache-2.0
"""Comparisons that say what they saw, for scripts without a test runner."""

import time


class Failed(AssertionError):
    """A client saw what it should not; the text is for people."""


def same(seen, *wanted, **attributes):
    """`seen` is `wanted`, or a mapping with these attributes among others."""
    if wanted and seen != wanted[0]:
        raise Failed(f'not {wanted[0]!r} but {seen!r}')
    for name, value in attributes.items():
        if seen.get(name) != value:
            raise Failed(f'{name} is not {value!r} but {seen.get(name)!r}')


def until(is_so, seconds, what):
    """Ask again and again; what it was that came true."""
    end = time.monotonic() + seconds
    while True:
        value = is_so()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f'not within {seconds} s: {what}')
        time.sleep(0.3)
