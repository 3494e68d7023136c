# SPDX-License-Identifier: Apache-2.0
"""Users of the cloud, and what they do with clusters."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

from heatclient.v1 import client as heat_client
from magnumclient.v1 import client as magnum_client
import openstack
import pytest

# The command of the environment that the tests run in.
OPENSTACK = pathlib.Path(sys.executable).with_name('openstack')


def wait_until(is_so, seconds, what):
    """Ask again and again; what it was that came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = is_so()
        if value:
            return value
        time.sleep(0.5)
    pytest.fail(f'Not within {seconds} s: {what}')


class Tenant:
    """One user of the cloud, with the clients that users have."""

    def __init__(self, name):
        self.name = name
        self.cloud = openstack.connect(cloud=name)
        self.magnum = magnum_client.Client(
            session=self.cloud.session, region_name='RegionOne',
            api_version='latest')
        self.heat = heat_client.Client(
            session=self.cloud.session, service_type='orchestration',
            interface='public', region_name='RegionOne')
        # Plain HTTP, for what no client would send.
        self.http = self.cloud.config.get_session_client('container-infra')
        self.http.default_microversion = 'latest'

    def openstack(self, *words):
        """The command `openstack ...`; what it printed."""
        done = subprocess.run(
            [OPENSTACK, '--os-cloud', self.name, *words],
            capture_output=True, text=True, timeout=120,
            # The client cannot do without it, and jobs of a CI have none.
            env={'SHELL': '/bin/sh', **os.environ})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settled(self, ident, seconds=240):
        """The cluster, once nothing is in progress; None: it has gone."""
        def look():
            found = [c for c in self.magnum.clusters.list(detail=True)
                     if ident in (c.uuid, c.name)]
            if not found:
                return 'gone'
            return (not found[0].status.endswith('_IN_PROGRESS')
                    and found[0])
        cluster = wait_until(look, seconds, f'cluster {ident} settles')
        return (None if cluster == 'gone'
                else self.magnum.clusters.get(cluster.uuid))

    def delete(self, cluster):
        """Delete a cluster, and see that it has gone."""
        self.magnum.clusters.delete(cluster.uuid)
        assert self.settled(cluster.uuid) is None


@contextlib.contextmanager
def tidy(tenant):
    """What failed tests left is deleted at the end of the block."""
    yield tenant
    left = tenant.magnum.clusters.list()
    for cluster in left:
        tenant.magnum.clusters.delete(cluster.uuid)
    for cluster in left:
        tenant.settled(cluster.uuid)


def make_template(tenant, name, **more):
    return tenant.magnum.cluster_templates.create(**{
        'name': name, 'coe': 'kubernetes', 'image_id': 'ubuntu-kube-v1.31.4',
        'external_network_id': 'public', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'network_driver': 'flannel',
        'keypair_id': 'testkey', **more})
