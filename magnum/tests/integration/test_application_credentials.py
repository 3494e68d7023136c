# SPDX-License-Identifier: Apache-2.0
"""Application credentials, as Terraform and CI use them, make clusters.

Keystone lets none of them make trusts, so the cluster acts by an account of
its own.
"""

import os
import subprocess

import pytest

from magnum.tests.integration import leftovers
from magnum.tests.integration import tenants


@pytest.fixture(params=['restricted', 'unrestricted'])
def credential(request, demo):
    """The environment in which `openstack` logs in with one, and its id."""
    identity = demo.cloud.identity
    made = identity.create_application_credential(
        demo.cloud.current_user_id, f'for-clusters-{request.param}',
        unrestricted=request.param == 'unrestricted')
    yield made.id, {
        'OS_AUTH_TYPE': 'v3applicationcredential',
        'OS_AUTH_URL': demo.cloud.config.auth['auth_url'],
        'OS_APPLICATION_CREDENTIAL_ID': made.id,
        'OS_APPLICATION_CREDENTIAL_SECRET': made.secret,
        'OS_REGION_NAME': 'RegionOne', 'OS_IDENTITY_API_VERSION': '3'}
    identity.delete_application_credential(
        demo.cloud.current_user_id, made.id, ignore_missing=True)


def run(environment, *words):
    """The command `openstack ...`, logged in with the credential."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith('OS_')}
    done = subprocess.run([tenants.OPENSTACK, *words], capture_output=True,
                          text=True, timeout=120,
                          env={'SHELL': '/bin/sh', **kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_keystone(demo, operator):
    """What a cluster may have in Keystone beside its user."""
    assignments = operator.identity.role_assignments(
        scope_project_id=demo.cloud.current_project_id)
    trusts = operator.identity.get('/OS-TRUST/trusts').json()['trusts']
    return (sorted((a.user['id'], a.role['id']) for a in assignments
                   if a.user),
            sorted(trust['id'] for trust in trusts))


def test_a_cluster_lives_and_dies(service, demo, operator, template,
                                  credential, tmp_path):
    ident, environment = credential
    before = (leftovers.look(service, demo, operator),
              in_keystone(demo, operator))
    run(environment, 'coe', 'cluster', 'create', 'automatic',
        '--cluster-template', template.uuid, '--node-count', '1')
    cluster = demo.settled('automatic')
    assert cluster.status == 'CREATE_COMPLETE', cluster.status_reason
    run(environment, 'coe', 'cluster', 'config', 'automatic', '--dir',
        str(tmp_path))
    assert cluster.api_address in (tmp_path / 'config').read_text()

    run(environment, 'coe', 'cluster', 'resize', 'automatic', '2')
    cluster = demo.settled('automatic')
    assert cluster.status == 'UPDATE_COMPLETE', cluster.status_reason
    assert cluster.node_count == 2

    # The cluster does not depend on it any more.
    demo.cloud.identity.delete_application_credential(
        demo.cloud.current_user_id, ident)
    demo.openstack('coe', 'cluster', 'resize', 'automatic', '1')
    cluster = demo.settled('automatic')
    assert cluster.status == 'UPDATE_COMPLETE', cluster.status_reason
    demo.delete(cluster)
    assert (leftovers.look(service, demo, operator),
            in_keystone(demo, operator)) == before
