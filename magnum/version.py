# SPDX-License-Identifier: Apache-2.0
"""Which release this is."""

from pbr import version

_INFO = version.VersionInfo('magnum')


def text():
    """The release, such as '24.0.0'."""
    return _INFO.release_string()


# What oslo.reports asks of the object that it is given for the version.

def vendor_string():
    return 'OpenStack Foundation'


def product_string():
    return 'OpenStack Magnum'


version_string_with_package = text
