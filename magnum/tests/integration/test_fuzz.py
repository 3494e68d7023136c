# SPDX-License-Identifier: Apache-2.0
"""Requests made up from the API's description, with a real token."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from magnum.tests.integration import leftovers
from magnum.tests.integration import tenants

TOP = pathlib.Path(__file__).resolve().parents[3]

# Many requests ask for a cluster, and each would have to be built.
CLUSTERS = 2


@pytest.fixture
def limited(demo2, operator):
    """A project that may have few clusters, and has a template."""
    project = demo2.cloud.current_project_id
    quotas = demo2.http.get_endpoint().rstrip('/') + '/quotas'
    operator.session.post(quotas, json={'project_id': project,
                                        'hard_limit': CLUSTERS})
    template = tenants.make_template(demo2, 'fuzzed')
    yield demo2
    # Perhaps a request has deleted it already.
    demo2.http.delete(f'/clustertemplates/{template.uuid}', raise_exc=False)
    operator.session.delete(f'{quotas}/{project}/Cluster')


def test_no_request_makes_the_service_fail(limited, service, operator):
    before = leftovers.look(service, limited, operator)
    url = limited.http.get_endpoint().partition('/v1')[0]
    done = subprocess.run(
        [sys.executable, '-m', 'tools.proofs.fuzz.runs', '--url', url,
         '--count', '500', '--seconds', '50'],
        env=os.environ | {'OS_TOKEN': limited.cloud.auth_token}, cwd=TOP,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=400)
    assert done.returncode == 0, done.stdout
    numbers = done.stdout.partition(' requests: ')[2]
    assert ' of 401' not in numbers
    # Some of them did something.
    assert re.search(' of 20[1-4]', numbers), done.stdout
    assert leftovers.look(service, limited, operator) == before
