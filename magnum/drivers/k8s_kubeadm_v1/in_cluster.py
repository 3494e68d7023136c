# SPDX-License-Identifier: Apache-2.0
"""What kubeadm keeps and installed in a cluster, changed by its API."""

import re
from typing import Any

from magnum.drivers import kubernetes_api
from magnum.drivers import kubernetes_drain
from magnum import errors

SYSTEM = '/api/v1/namespaces/kube-system'
APPS = '/apis/apps/v1/namespaces/kube-system'
MERGE = 'application/merge-patch+json'
STRATEGIC = 'application/strategic-merge-patch+json'


def set_version(api: kubernetes_api.Api, version: str) -> None:
    """Have masters that join from now on run this version.

    :raises InfrastructureFailed: kubeadm's configuration is not there, or is
        none.
    """
    path = f'{SYSTEM}/configmaps/kubeadm-config'
    text = api.call('GET', path).get('data', {}).get('ClusterConfiguration')
    changed, count = re.subn('(?m)^kubernetesVersion:.*$',
                             f'kubernetesVersion: {version}', text or '')
    if count != 1:
        raise errors.InfrastructureFailed(
            'ConfigMap kube-system/kubeadm-config of the cluster has no '
            'kubernetesVersion, so no new master could join.')
    if changed != text:
        api.call('PATCH', path, {'data': {'ClusterConfiguration': changed}},
                 MERGE)


def update_components(api: kubernetes_api.Api, version: str,
                      dns_version: str | None) -> None:
    """Bring kube-proxy and CoreDNS to what this version comes with.

    A cluster without one of them is left as it is, and so is CoreDNS when its
    version is not known.
    """
    _set_tag(api, f'{APPS}/daemonsets/kube-proxy', 'kube-proxy', version)
    if dns_version:
        _set_tag(api, f'{APPS}/deployments/coredns', 'coredns', dns_version)


def _set_tag(api: kubernetes_api.Api, path: str, container: str,
             tag: str) -> None:
    for one in _containers(kubernetes_api.find(api, path) or {}):
        image = one.get('image', '')
        if one.get('name') != container or '@' in image:
            continue
        # The registry may have a port: only what follows the last slash.
        head, slash, name = image.rpartition('/')
        wanted = f'{head}{slash}{name.partition(":")[0]}:{tag}'
        if image != wanted:
            api.call('PATCH', path, {'spec': {'template': {'spec': {
                'containers': [{'name': container, 'image': wanted}]}}}},
                STRATEGIC)


def _containers(found: dict[str, Any]) -> list[dict[str, Any]]:
    return found.get('spec', {}).get('template', {}).get('spec', {}).get(
        'containers', [])


def node_names(api: kubernetes_api.Api) -> list[str]:
    return [node['metadata']['name'] for node in api.items('/api/v1/nodes')]


def forget_node(api: kubernetes_api.Api, name: str) -> None:
    """Remove a Node object; absent is success."""
    kubernetes_api.remove(api, kubernetes_drain.node_path(name))
