# SPDX-License-Identifier: Apache-2.0
"""Rows for tests, complete but for what a test says of them.

A keyword that is no column is an error.
"""

import itertools
import uuid

from magnum.db import models
from magnum.db import session as db

_numbers = itertools.count(1)


def template(**columns):
    """A public-spirited template: private, with flavors."""
    return models.ClusterTemplate(**{
        'uuid': str(uuid.uuid4()), 'name': f'template-{next(_numbers)}',
        'project_id': 'p', 'user_id': 'owner', 'coe': 'kubernetes',
        'image_id': 'ubuntu-k8s', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'external_network_id': 'public',
        'network_driver': 'flannel', 'cluster_distro': 'ubuntu',
        'server_type': 'vm', 'labels': {}, 'driver': 'fake', **columns})


def cluster(**columns):
    """A cluster that has been built, with an account of its own."""
    return models.Cluster(**{
        'uuid': str(uuid.uuid4()), 'name': f'cluster-{next(_numbers)}',
        'cluster_template_id': str(uuid.uuid4()),
        'project_id': 'p', 'user_id': 'owner', 'status': 'CREATE_COMPLETE',
        'labels': {}, 'create_timeout': 60, 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'stack_id': str(uuid.uuid4()),
        'api_address': 'https://192.0.2.7:6443', 'trustee_user_id': 'trustee',
        **columns})


def nodegroup(cluster, **columns):
    """A group of one worker."""
    return models.NodeGroup(**{
        'uuid': str(uuid.uuid4()), 'name': f'group-{next(_numbers)}',
        'cluster_id': cluster.uuid, 'project_id': cluster.project_id,
        'role': 'worker', 'node_count': 1, 'is_default': False,
        'flavor_id': 'm1.small', 'image_id': 'ubuntu-k8s', 'labels': {},
        'status': cluster.status, 'node_addresses': ['10.0.0.9'],
        **columns})


def nodegroups(cluster):
    """The two groups that every cluster has."""
    return [nodegroup(cluster, name='default-master', role='master',
                      is_default=True),
            nodegroup(cluster, name='default-worker', is_default=True)]


def operation(cluster, **columns):
    """A resize from one worker to two that has been done."""
    group = str(uuid.uuid4())
    return models.Operation(**{
        'uuid': str(uuid.uuid4()), 'kind': 'resize_cluster',
        'cluster_uuid': cluster.uuid, 'nodegroup_uuid': group,
        'cluster_project_id': cluster.project_id,
        'project_id': cluster.project_id, 'user_id': cluster.user_id,
        'request_id': f'req-{next(_numbers)}', 'state': 'DONE',
        'changes': {group: {'node_count': [1, 2]}}, 'attempt': 3,
        'step': 'settle', 'history': [{'step': None, 'attempt': 1}],
        'timeout_seconds': 4200, 'not_before': models.utcnow(),
        'started_at': models.utcnow(), 'deadline': models.utcnow(),
        'finished_at': models.utcnow(), **columns})


def federation(**columns):
    """A federation as an old release may have left it."""
    return models.Federation(**{
        'uuid': str(uuid.uuid4()), 'name': f'federation-{next(_numbers)}',
        'project_id': 'p', 'hostcluster_id': str(uuid.uuid4()),
        'member_ids': [], 'properties': {'dns-zone': 'example.org'},
        'status': 'CREATE_COMPLETE', **columns})


def quota(**columns):
    """A quota of five clusters."""
    return models.Quota(**{'project_id': 'p', 'resource': 'Cluster',
                           'hard_limit': 5, **columns})


def service(**columns):
    """A conductor that has just beaten."""
    return models.MagnumService(**{
        'host': f'host-{next(_numbers)}', 'binary': 'magnum-conductor',
        'report_count': 1, 'last_seen_up': models.utcnow(), **columns})


def store(*rows):
    """Write rows down, in their order."""
    with db.writer() as session:
        for row in rows:
            session.add(row)
            session.flush()
