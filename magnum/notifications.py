# SPDX-License-Identifier: Apache-2.0
"""CADF events at the start and end of an operation, for who listens.

`magnum.cluster.create|update|delete` with outcome `pending`, `success` or
`failure`; the payload is that of release 22.0.0.  Nobody waits for the bus: a
thread of its own does the sending, and what cannot be sent while a thousand
events wait is dropped with a warning.  No token travels along.
"""

import datetime
import queue
import threading
from typing import Any
import uuid

from oslo_config import cfg
from oslo_log import log
import oslo_messaging as messaging
from oslo_messaging import opts as messaging_opts

from magnum import rpc

LOG = log.getLogger(__name__)
CONF = cfg.CONF

GROUP = 'oslo_messaging_notifications'
CONF.register_opts(dict(messaging_opts.list_opts())[GROUP], group=GROUP)

CLUSTER_TYPE = 'service/magnum/cluster'
USER_TYPE = 'service/security/account/user'

COLUMNS = ('status', 'status_reason', 'project_id', 'created_at',
           'updated_at', 'cluster_template_id', 'keypair',
           'docker_volume_size', 'labels', 'master_flavor_id', 'flavor_id',
           'stack_id', 'health_status', 'create_timeout', 'api_address',
           'discovery_url')

_waiting: queue.Queue = queue.Queue(maxsize=1000)
_lock = threading.Lock()
_sender: threading.Thread | None = None


def wanted() -> bool:
    """Whether the operator has named a driver; by default nothing is sent."""
    return bool(CONF.oslo_messaging_notifications.driver)


def send(action: str, outcome: str, cluster: Any, nodegroups: list,
         user_id: str | None = None, project_id: str | None = None) -> None:
    """Tell, some time soon, what happens to a cluster.

    :param action: create, update or delete.
    :param outcome: pending, success or failure.
    """
    event = (f'magnum.cluster.{action}', outcome,
             payload(action, outcome, cluster, nodegroups, user_id,
                     project_id))
    _start_sender()
    try:
        _waiting.put_nowait(event)
    except queue.Full:
        LOG.warning('The notification %s of cluster %s is lost: too many '
                    'wait for the bus.', event[0], cluster.uuid)


def payload(action: str, outcome: str, cluster: Any, nodegroups: list,
            user_id: str | None, project_id: str | None) -> dict[str, Any]:
    """The CADF event."""
    initiator = {'id': str(uuid.uuid4()), 'typeURI': USER_TYPE}
    if user_id:
        initiator |= {'user_id': user_id, 'project_id': project_id}
    return {
        'typeURI': 'http://schemas.dmtf.org/cloud/audit/1.0/event',
        'eventType': 'activity', 'id': str(uuid.uuid4()),
        'eventTime': datetime.datetime.now(datetime.UTC).strftime(
            '%Y-%m-%dT%H:%M:%S.%f%z'),
        'action': action, 'outcome': outcome,
        'observer': {'id': str(uuid.uuid4()), 'typeURI': CLUSTER_TYPE},
        'initiator': initiator,
        'target': {'id': cluster.uuid, 'name': cluster.name,
                   'typeURI': CLUSTER_TYPE,
                   'attachments': [{'typeURI': CLUSTER_TYPE,
                                    'name': 'cluster_data',
                                    'content': _content(cluster,
                                                        nodegroups)}]}}


def _content(cluster: Any, nodegroups: list) -> dict[str, Any]:
    content = {}
    for column in COLUMNS:
        value = getattr(cluster, column)
        content[column] = (value.isoformat()
                           if isinstance(value, datetime.datetime) else value)
    # The key with the colon is what release 22.0.0 sent.
    content['docker_volume_size:'] = cluster.docker_volume_size
    masters = [group for group in nodegroups if group.role == 'master']
    workers = [group for group in nodegroups if group.role != 'master']
    for name, groups in (('master', masters), ('node', workers)):
        content[f'{name}_count'] = sum(group.node_count for group in groups)
        content[f'{name}_addresses'] = [
            address for group in groups for address in group.node_addresses]
    return content


def _start_sender() -> None:
    global _sender
    with _lock:
        if _sender is None or not _sender.is_alive():
            _sender = threading.Thread(target=_send_waiting, daemon=True,
                                       name='notifications')
            _sender.start()


def _send_waiting() -> None:
    transport = messaging.get_notification_transport(CONF)
    notifier = messaging.Notifier(transport,
                                  f'container-infra.{CONF.host}')
    while True:
        event_type, outcome, content = _waiting.get()
        tell = notifier.error if outcome == 'failure' else notifier.info
        try:
            tell({}, event_type, content)
        except rpc.UNREACHABLE as e:
            LOG.warning('The notification %s is lost: %s', event_type, e)
