# SPDX-License-Identifier: Apache-2.0
"""Released clients, each in an environment of its own, do all they can."""

import pytest

from tools.proofs.clients import runner


@pytest.fixture(scope='module')
def outcomes(demo, demo2):
    return runner.begin()


@pytest.mark.parametrize('run', runner.RUNS, ids='-'.join)
def test_a_released_client_does_all_it_can(outcomes, run):
    done = outcomes[run].result()
    print(done.stdout)
    assert done.returncode == 0
