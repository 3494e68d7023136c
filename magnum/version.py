# SPDX-License-Identifier: Apache-2.0
"""Which release this is."""

from pbr import version

_INFO = version.VersionInfo('magnum')


def text():
    """The release, such as '24.0.0'."""
    return _INFO.release_string()
