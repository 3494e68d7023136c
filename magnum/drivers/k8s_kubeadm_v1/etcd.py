# SPDX-License-Identifier: Apache-2.0
"""Remove a master that lives from etcd, before its server goes.

This service reaches the Kubernetes API and nothing else of the cluster.  So
a pod on another master asks etcd there, with the image and the certificates
that etcd itself has.  Its name is made of what it does: whoever comes back
finds it.
"""

import json
from typing import Any

from magnum.drivers import kubernetes_api
from magnum import errors

PODS = '/api/v1/namespaces/kube-system/pods'
PKI = '/etc/kubernetes/pki/etcd'
ETCDCTL = ('etcdctl', '--endpoints=https://127.0.0.1:2379',
           f'--cacert={PKI}/ca.crt', f'--cert={PKI}/healthcheck-client.crt',
           f'--key={PKI}/healthcheck-client.key', '--command-timeout=20s')


def remove(api: kubernetes_api.Api, name: str, other: str) -> str | None:
    """Take master `name` away from etcd, by way of master `other`.

    Nobody waits here: returns what is being waited for, or None when etcd
    does not list it any more.

    :raises InfrastructureFailed: etcd refuses.
    """
    listing = f'magnum-etcd-list-{name}'[:63].rstrip('-')
    removal = f'magnum-etcd-remove-{name}'[:63].rstrip('-')
    if _phase(api, removal) is None:
        output = _outcome(api, listing, other, ('member', 'list', '-w',
                                                'json'))
        if output is None:
            return 'asking etcd for its members'
        member_id = _member_id(output, name)
        if member_id is None:
            _delete(api, listing)
            return None
        _create(api, removal, other, ('member', 'remove', member_id))
    if _outcome(api, removal, other, ()) is None:
        return f'removing {name} from etcd'
    _delete(api, listing)
    _delete(api, removal)
    return None


def _member_id(output: str, name: str) -> str | None:
    """etcd's number of this member, as etcdctl takes it."""
    try:
        members = json.loads(output)['members']
        return next((f'{member["ID"]:x}' for member in members
                     if member.get('name') == name), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise errors.InfrastructureFailed(
            f'etcd did not list its members, but said: {output[:200]}'
        ) from None


def _outcome(api: kubernetes_api.Api, pod: str, node: str,
             command: tuple[str, ...]) -> str | None:
    """What the pod printed; None: it is at work, or was only just made."""
    phase = _phase(api, pod)
    if phase is None:
        _create(api, pod, node, command)
        return None
    if phase not in ('Succeeded', 'Failed'):
        return None
    output = api.text(f'{PODS}/{pod}/log')[1]
    if phase == 'Failed':
        # The next try makes another one.
        _delete(api, pod)
        raise errors.ServiceUnavailable(
            f'etcd on {node} refuses: {" ".join(output.split())[-200:]}')
    return output


def _phase(api: kubernetes_api.Api, pod: str) -> str | None:
    """How far the pod is; None: there is none."""
    found = kubernetes_api.find(api, f'{PODS}/{pod}')
    if found is None:
        return None
    return found.get('status', {}).get('phase', 'Pending')


def _create(api: kubernetes_api.Api, pod: str, node: str,
            command: tuple[str, ...]) -> None:
    etcd = api.call('GET', f'{PODS}/etcd-{node}')
    try:
        api.call('POST', PODS, _manifest(
            pod, node, etcd['spec']['containers'][0]['image'], command))
    except kubernetes_api.Refused as e:
        if e.status != 409:
            raise


def _manifest(pod: str, node: str, image: str,
              command: tuple[str, ...]) -> dict[str, Any]:
    return {
        'apiVersion': 'v1', 'kind': 'Pod',
        'metadata': {'name': pod, 'namespace': 'kube-system'},
        'spec': {
            'nodeName': node, 'hostNetwork': True, 'restartPolicy': 'Never',
            'activeDeadlineSeconds': 60,
            'automountServiceAccountToken': False,
            'priorityClassName': 'system-node-critical',
            'tolerations': [{'operator': 'Exists'}],
            'containers': [{
                'name': 'etcdctl', 'image': image,
                'imagePullPolicy': 'IfNotPresent',
                'command': [*ETCDCTL, *command],
                'volumeMounts': [{'name': 'pki', 'mountPath': PKI,
                                  'readOnly': True}]}],
            'volumes': [{'name': 'pki', 'hostPath': {
                'path': PKI, 'type': 'Directory'}}]}}


def _delete(api: kubernetes_api.Api, pod: str) -> None:
    kubernetes_api.remove(api, f'{PODS}/{pod}', gracePeriodSeconds=0)
