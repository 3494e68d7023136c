# SPDX-License-Identifier: Apache-2.0
"""What listeners are told, and what they are not."""

import queue

from oslo_config import cfg
import pytest

from magnum.db import models
from magnum import notifications

CONF = cfg.CONF


@pytest.fixture
def cluster():
    return models.Cluster(
        uuid='c1', name='c', project_id='p', status='CREATE_IN_PROGRESS',
        docker_volume_size=3, labels={'a': '1'}, created_at=models.utcnow(),
        trustee_password='secret', trust_id='t')


@pytest.fixture
def groups():
    return [models.NodeGroup(role='master', node_count=1,
                             node_addresses=['10.0.0.1']),
            models.NodeGroup(role='worker', node_count=2,
                             node_addresses=['10.0.0.2', '10.0.0.3'])]


def test_nothing_is_wanted_by_default():
    assert not notifications.wanted()


def test_the_event_is_that_of_earlier_releases(cluster, groups):
    event = notifications.payload('create', 'pending', cluster, groups, 'u',
                                  'p')
    assert event['typeURI'].endswith('/cloud/audit/1.0/event')
    assert (event['action'], event['outcome']) == ('create', 'pending')
    assert event['initiator']['user_id'] == 'u'
    assert event['target']['id'] == 'c1'
    content = event['target']['attachments'][0]['content']
    assert content['docker_volume_size:'] == 3
    assert content['docker_volume_size'] == 3
    assert (content['master_count'], content['node_count']) == (1, 2)
    assert content['node_addresses'] == ['10.0.0.2', '10.0.0.3']
    assert 'T' in content['created_at']


def test_an_event_holds_no_secret(cluster, groups):
    event = notifications.payload('create', 'pending', cluster, groups, 'u',
                                  'p')
    assert 'secret' not in repr(event)


def test_what_nobody_fetches_is_dropped_not_waited_for(
        monkeypatch, caplog, cluster, groups):
    monkeypatch.setattr(notifications, '_waiting', queue.Queue(maxsize=1))
    monkeypatch.setattr(notifications, '_start_sender', lambda: None)
    for _ in range(2):
        notifications.send('create', 'pending', cluster, groups)
    assert 'is lost' in caplog.text
