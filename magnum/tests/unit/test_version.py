# SPDX-License-Identifier: Apache-2.0
"""Which release this says it is."""

from importlib import metadata

from magnum import version


def test_installers_take_it_for_newer_than_the_last_release():
    for text in (version.text(), metadata.version('magnum')):
        numbers = text.split('.')
        assert [int(number) for number in numbers[:3]] == [24, 0, 0]
        # Until there is a tag: pip takes 24.0.0.dev7 for older than 24.0.0.
        assert numbers[3:] == [] or numbers[3].startswith('dev')
