# SPDX-License-Identifier: Apache-2.0
"""Take pods away from nodes before the nodes go.

Pods are evicted, so that disruption budgets hold: Kubernetes answers 429 for
one that may not go yet.  Load balancers of Services leave the node out, too,
which takes them a moment.  Nobody waits here.  When a node was first told to
take no new pods is kept in an annotation of its own, so whoever comes back,
after a crash too, knows how long it has been.
"""

from collections.abc import Iterable
import datetime
from typing import Any
from urllib import parse

from oslo_config import cfg
from oslo_log import log

from magnum.drivers import kubernetes_api
from magnum.drivers import options  # noqa: F401  (registers what is read here)

CONF = cfg.CONF

LOG = log.getLogger(__name__)

BEGUN = 'magnum.openstack.org/drain-begun'
MIRROR = 'kubernetes.io/config.mirror'
# Heeded by cloud controller managers.
UNBALANCED = 'node.kubernetes.io/exclude-from-external-load-balancers'
# So long a node stays when it is empty, for load balancers to leave it out.
LEAVING_SECONDS = 15
# How many pods a text names.
SHOWN = 3


def drain(api: kubernetes_api.Api, names: Iterable[str]) -> str | None:
    """Move on with these nodes; what they wait for, or None: all are empty.

    A node that is gone is empty, and so is one that has not become so within
    `[kubernetes] drain_timeout` seconds: its pods end with their server.
    """
    waiting = [text for text in (_drain(api, name) for name in names) if text]
    return '; '.join(waiting) or None


def _drain(api: kubernetes_api.Api, name: str) -> str | None:
    begun = _cordon(api, name)
    if begun is None:
        return None
    seconds = (datetime.datetime.now(datetime.UTC) - begun).total_seconds()
    pods = _pods_to_evict(api, name)
    if not pods:
        return (f'load balancers leave out node {name}'
                if seconds < LEAVING_SECONDS else None)
    if seconds > max(CONF.kubernetes.drain_timeout, LEAVING_SECONDS):
        LOG.warning('Node %s is removed with pods that could not be evicted '
                    'in time: %s', name, _shown(pods))
        return None
    refusal = None
    for pod in pods:
        refusal = _evict(api, pod) or refusal
    return (f'{len(pods)} pods are leaving node {name}: {_shown(pods)}'
            + (f' ({refusal})' if refusal else ''))


def _cordon(api: kubernetes_api.Api, name: str) -> datetime.datetime | None:
    """When the node was told to take no more pods; None: it is gone."""
    path = node_path(name)
    try:
        node = api.call('GET', path)
        noted = node.get('metadata', {}).get('annotations', {}).get(BEGUN)
        if noted and node.get('spec', {}).get('unschedulable'):
            return datetime.datetime.fromisoformat(noted)
        now = datetime.datetime.now(datetime.UTC)
        api.call('PATCH', path, {
            'metadata': {'annotations': {BEGUN: now.isoformat()},
                         'labels': {UNBALANCED: ''}},
            'spec': {'unschedulable': True}},
            'application/merge-patch+json')
    except kubernetes_api.Refused as e:
        if e.status == 404:
            return None
        raise
    except ValueError:
        # Somebody wrote what is no time.
        return datetime.datetime.now(datetime.UTC)
    return now


def node_path(name: str) -> str:
    return f'/api/v1/nodes/{parse.quote(name, safe="")}'


def _pods_to_evict(api: kubernetes_api.Api,
                   name: str) -> list[dict[str, Any]]:
    return [pod for pod in api.items(
        '/api/v1/pods', fieldSelector=f'spec.nodeName={name}')
        if _is_to_go(pod)]


def _is_to_go(pod: dict[str, Any]) -> bool:
    metadata = pod.get('metadata', {})
    owners = metadata.get('ownerReferences') or ()
    return not (MIRROR in (metadata.get('annotations') or {})
                or any(owner.get('kind') == 'DaemonSet' for owner in owners)
                or pod.get('status', {}).get('phase') in ('Succeeded',
                                                          'Failed'))


def _evict(api: kubernetes_api.Api, pod: dict[str, Any]) -> str | None:
    """Ask a pod to go; why it may not, or None."""
    metadata = pod['metadata']
    if metadata.get('deletionTimestamp'):
        return None
    name, namespace = metadata['name'], metadata['namespace']
    try:
        api.call('POST', f'/api/v1/namespaces/{namespace}/pods/{name}'
                         f'/eviction', {
                             'apiVersion': 'policy/v1', 'kind': 'Eviction',
                             'metadata': {'name': name,
                                          'namespace': namespace}})
    except kubernetes_api.Refused as e:
        if e.status == 404:
            return None
        if e.status == 429:
            return 'a disruption budget holds some of them'
        return str(e)
    return None


def _shown(pods: list[dict[str, Any]]) -> str:
    names = sorted(f'{pod["metadata"]["namespace"]}/{pod["metadata"]["name"]}'
                   for pod in pods)
    more = ', ...' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
