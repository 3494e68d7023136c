# SPDX-License-Identifier: Apache-2.0

import pytest

from magnum.api import versions


@pytest.mark.parametrize(('header', 'expected'), [
    (None, (1, 1)),
    ('container-infra 1.9', (1, 9)),
    ('container-infrastructure 1.10', (1, 10)),
    ('  container-infrastructure-management   1.14 ', (1, 14)),
    ('container-infra LATEST', (1, 14)),
    ('anything latest', (1, 14)),
    ('compute 2.90, container-infra 1.5', (1, 5)),
    ('compute latest, container-infra 1.5', (1, 5)),
])
def test_the_header_says_which_version(header, expected):
    assert versions.parse(header) == expected


@pytest.mark.parametrize('header', [
    '', 'container-infra', 'container-infra 1', 'container-infra 1.x',
    'container-infra 1.2.3', 'container-infra 1.2 3', 'compute 1.2',
    'Container-Infra 1.2', 'container-infra 1.²', 'container-infra -1.2',
    'compute 2.1, image 2', 'container-infra 1.2, container-infra 1.3'])
def test_what_cannot_be_understood_is_refused(header):
    with pytest.raises(versions.Malformed):
        versions.parse(header)


@pytest.mark.parametrize('version', ['1.0', '1.15', '2.1', '0.9', '1.100'])
def test_what_is_out_of_range_is_refused_by_its_number(version):
    with pytest.raises(versions.Unsupported) as refusal:
        versions.parse(f'container-infra {version}')
    assert str(refusal.value.version) == version


def test_the_history_has_no_gap():
    numbers = [version.minor for version in versions.HISTORY]
    assert numbers == list(range(1, versions.MAXIMUM.minor + 1))
