# SPDX-License-Identifier: Apache-2.0
"""The tests that other people wrote for this API, as they are released."""

import pathlib
import subprocess
import sys

from magnum.tests.integration import leftovers

TOP = pathlib.Path(__file__).resolve().parents[3]


def test_the_released_plugin_finds_what_it_expects(service, demo, operator):
    before = leftovers.look(service, demo, operator)
    done = subprocess.run(
        [sys.executable, '-m', 'tools.proofs.tempest.runner'], text=True,
        cwd=TOP,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=900)
    print(done.stdout)
    assert done.returncode == 0
    assert leftovers.look(service, demo, operator) == before
    magnum = operator.container_infrastructure_management
    assert not [t.name for t in magnum.cluster_templates()
                if t.name.startswith('tempest-')]
