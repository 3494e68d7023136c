# SPDX-License-Identifier: Apache-2.0
"""Clusters whose nodes do not come up: what their owner is told."""

import contextlib
import pathlib
import subprocess

from magnum.tests.integration import leftovers

TOP = pathlib.Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def guest_told(*order):
    """New servers behave as ordered in the block."""
    guest = TOP / 'tools/minicloud/guest'
    subprocess.run([guest, *order], check=True)
    try:
        yield
    finally:
        subprocess.run([guest, 'behave'], check=True)


def group(tenant, cluster, name):
    return next(g for g in tenant.magnum.nodegroups.list(cluster.uuid)
                if g.name == name)


def test_a_node_that_cannot_join_says_so_in_its_own_words(
        service, demo, operator, template):
    before = leftovers.look(service, demo, operator)
    with guest_told('fail', 'unjoined.*-node-', 'join',
                    'the token has expired'):
        demo.magnum.clusters.create(name='unjoined', node_count=1,
                                    cluster_template_id=template.uuid)
        cluster = demo.settled('unjoined')

    assert cluster.status == 'CREATE_FAILED'
    worker = group(demo, cluster, 'default-worker')
    assert worker.status == 'CREATE_FAILED'
    for told in (demo.magnum.nodegroups.get(
                     cluster.uuid, worker.uuid).status_reason,
                 str(cluster.faults)):
        assert 'join: the token has expired' in told
    demo.delete(cluster)
    assert leftovers.look(service, demo, operator) == before


def test_a_node_that_says_nothing_is_a_timeout_that_says_so(
        service, demo, operator, template):
    before = leftovers.look(service, demo, operator)
    with guest_told('silent', 'unheard.*master'):
        demo.magnum.clusters.create(name='unheard', node_count=0,
                                    create_timeout=1,
                                    cluster_template_id=template.uuid)
        cluster = demo.settled('unheard')

    assert cluster.status == 'CREATE_FAILED'
    assert 'time' in cluster.status_reason.lower()
    assert cluster.faults
    demo.delete(cluster)
    assert leftovers.look(service, demo, operator) == before
