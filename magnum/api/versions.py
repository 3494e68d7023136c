# SPDX-License-Identifier: Apache-2.0
"""Microversions: what each of them changed, and which one a request wants.

`HISTORY` is the one table; the API's history page is made from it.  Where the
code differs by version it asks by a name of this module: a method by
`expose.method(since=versions.RESIZE)`, an attribute by
`call.version >= versions.CLUSTER_ID`.
"""

import re
from typing import NamedTuple

from magnum import errors

SERVICE = 'container-infrastructure-management'
SERVICES = (SERVICE, 'container-infrastructure', 'container-infra')

HEADER = 'OpenStack-API-Version'
MINIMUM_HEADER = 'OpenStack-API-Minimum-Version'
MAXIMUM_HEADER = 'OpenStack-API-Maximum-Version'


class Version(NamedTuple):
    """A microversion; compares as numbers, prints as 'X.Y'."""

    major: int
    minor: int

    def __str__(self):
        return f'{self.major}.{self.minor}'


HISTORY = {
    Version(1, 1): 'The first version.',
    Version(1, 2): 'Bays are created, updated and deleted asynchronously.',
    Version(1, 3): 'Query parameter rollback on PATCH of clusters and bays.',
    Version(1, 4): 'Statistics: /v1/stats.',
    Version(1, 5): 'Rotation of CA certificates: PATCH /v1/certificates.',
    Version(1, 6): 'Quotas: /v1/quotas.',
    Version(1, 7): 'POST /v1/clusters/{ident}/actions/resize.',
    Version(1, 8): 'POST /v1/clusters/{ident}/actions/upgrade.',
    Version(1, 9): 'Nodegroups: /v1/clusters/{ident}/nodegroups.',
    Version(1, 10): 'A cluster may have no worker: node_count 0.',
    Version(1, 11): 'Bays and baymodels are gone.',
    Version(1, 12): 'Rotation of credentials: PATCH /v1/credentials.',
    Version(1, 13): 'Clusters carry cluster_id.',
    Version(1, 14): 'Nodegroups have node_labels and node_taints.',
}

MINIMUM = min(HISTORY)
MAXIMUM = max(HISTORY)

# Until 1.1 the requests for bays were answered when the work had begun.
ASYNCHRONOUS_BAYS = Version(1, 2)
ROLLBACK = Version(1, 3)
RESIZE = Version(1, 7)
# The path of upgrades exists with that of resizes, and works one later.
ACTIONS = Version(1, 7)
UPGRADE = Version(1, 8)
NODEGROUPS = Version(1, 9)
NO_WORKERS = Version(1, 10)
LAST_BAYS = Version(1, 10)
CREDENTIALS = Version(1, 12)
CLUSTER_ID = Version(1, 13)
NODE_LABELS = Version(1, 14)

# As many digits as a number may have without being a burden.
_NUMBERS = re.compile(r'([0-9]{1,100})\.([0-9]{1,100})')


class Malformed(errors.NotAcceptable):
    """The version header cannot be understood."""


class Unsupported(errors.NotAcceptable):
    """The version asked for is none of ours."""

    def __init__(self, version):
        super().__init__(
            f'Version {version} was requested but the supported versions are '
            f'{MINIMUM} to {MAXIMUM}.')
        self.version = version


def parse(header):
    """The version that a request's header, or None, asks for.

    A header may name the versions of several services; ours is picked.

    :raises Malformed, Unsupported: it cannot be served.
    """
    if header is None:
        return MINIMUM
    entries = [entry.split() for entry in header.split(',')]
    if len(entries) > 1:
        ours = [entry for entry in entries
                if entry and entry[0] in SERVICES]
    else:
        ours = entries
    if len(ours) != 1 or len(ours[0]) != 2:
        raise Malformed(f'Header {HEADER} must be "{SERVICE} X.Y", '
                        f'not "{header}".')
    service, text = ours[0]
    if text.lower() == 'latest':
        return MAXIMUM
    if service not in SERVICES:
        raise Malformed(f'Header {HEADER} names service "{service}"; this is '
                        f'"{SERVICE}".')
    numbers = _NUMBERS.fullmatch(text)
    if not numbers:
        raise Malformed(f'Header {HEADER} holds no version: "{text}" must be '
                        f'X.Y or latest.')
    version = Version(*map(int, numbers.groups()))
    if not MINIMUM <= version <= MAXIMUM:
        raise Unsupported(version)
    return version


def headers(version=None):
    """What every answer says of versions."""
    answer = [(MINIMUM_HEADER, f'{SERVICE} {MINIMUM}'),
              (MAXIMUM_HEADER, f'{SERVICE} {MAXIMUM}'),
              ('Vary', HEADER)]
    if version is not None:
        answer.append((HEADER, f'{SERVICE} {version}'))
    return answer
