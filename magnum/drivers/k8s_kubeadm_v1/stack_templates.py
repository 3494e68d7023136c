# SPDX-License-Identifier: Apache-2.0
"""The Heat templates of this driver, as they are sent."""

from collections.abc import Mapping
import functools
import pathlib

_FOLDER = pathlib.Path(__file__).parent / 'templates'


@functools.cache
def cluster() -> str:
    return (_FOLDER / 'cluster.yaml').read_text()


@functools.cache
def files() -> Mapping[str, str]:
    """All that it refers to, by the names that it uses."""
    return {path.name: path.read_text() for path in sorted(_FOLDER.iterdir())
            if path.name != 'cluster.yaml'}
