# SPDX-License-Identifier: Apache-2.0
"""The objects of one Kubernetes cluster, behind the methods of our client.

Pods that etcdctl runs in are done at once, evicted pods go unless their budget
says no, and whatever else is patched is merged.
"""

import collections
import json

from magnum.drivers.k8s_kubeadm_v1 import etcd
from magnum.drivers import kubernetes_api

SYSTEM = '/api/v1/namespaces/kube-system'
APPS = '/apis/apps/v1/namespaces/kube-system'
CONFIGURATION = ('apiVersion: kubeadm.k8s.io/v1beta4\n'
                 'kind: ClusterConfiguration\n'
                 'kubernetesVersion: v1.31.4\nproxy: {}\n')


class Objects:
    """`budget`: how many pods of the tenant may be evicted; None: all."""

    def __init__(self):
        self.nodes = {}
        self.pods = {}
        self.members = []
        self.removed = []
        self.budget = None
        self.calls = collections.Counter()
        self.documents = {
            f'{SYSTEM}/configmaps/kubeadm-config': {
                'data': {'ClusterConfiguration': CONFIGURATION}},
            f'{APPS}/daemonsets/kube-proxy': _workload(
                'kube-proxy', 'registry:5000/kube-proxy:v1.31.4'),
            f'{APPS}/deployments/coredns': _workload(
                'coredns', 'registry:5000/coredns/coredns:v1.11.3')}

    def join(self, name):
        """A node comes, with etcd if it is a master."""
        self.nodes[name] = {'metadata': {'name': name}, 'spec': {}}
        if '-master-' in name and name not in self.members:
            self.members.append(name)
            self.pods[f'{SYSTEM}/pods/etcd-{name}'] = {
                'metadata': {'name': f'etcd-{name}', 'annotations': {
                    'kubernetes.io/config.mirror': 'x'},
                    'namespace': 'kube-system'},
                'spec': {'nodeName': name,
                         'containers': [{'image': 'etcd:3.5'}]},
                'status': {'phase': 'Running'}}

    def run(self, name, node, **metadata):
        """A pod of the tenant on that node."""
        self.pods[f'/api/v1/namespaces/default/pods/{name}'] = {
            'metadata': {'name': name, 'namespace': 'default', **metadata},
            'spec': {'nodeName': node}, 'status': {'phase': 'Running'}}

    def items(self, path, **query):
        self.calls['GET', path] += 1
        if path == '/api/v1/nodes':
            return list(self.nodes.values())
        node = query['fieldSelector'].partition('=')[2]
        return [pod for pod in self.pods.values()
                if pod['spec'].get('nodeName') == node]

    def text(self, path):
        return 200, self.pods[path.removesuffix('/log')]['log']

    def call(self, method, path, body=None, content_type='', **query):
        self.calls[method, path] += 1
        if path.endswith('/eviction'):
            return self._evict(path.removesuffix('/eviction'))
        if method == 'POST':
            return self._start(f'{path}/{body["metadata"]["name"]}', body)
        found = self._place(path)
        if path not in found:
            raise kubernetes_api.Refused(404, 'not found')
        if method == 'DELETE':
            return {'was': found.pop(path)}
        if method == 'PATCH':
            _merge(found[path], body)
        return found[path]

    def _place(self, path):
        if path.startswith('/api/v1/nodes/'):
            return _Nodes(self.nodes)
        return self.pods if '/pods/' in path else self.documents

    def _evict(self, path):
        if path not in self.pods:
            raise kubernetes_api.Refused(404, 'not found')
        if self.budget == 0:
            raise kubernetes_api.Refused(429, 'a budget says no')
        if self.budget:
            self.budget -= 1
        del self.pods[path]
        return {}

    def _start(self, path, body):
        if path in self.pods:
            raise kubernetes_api.Refused(409, 'already there')
        command = body['spec']['containers'][0]['command']
        assert command[:len(etcd.ETCDCTL)] == list(etcd.ETCDCTL)
        body.update(status={'phase': 'Succeeded'},
                    log=self._etcdctl(command[len(etcd.ETCDCTL):]))
        self.pods[path] = body
        return body

    def _etcdctl(self, words):
        if words[:2] == ['member', 'list']:
            return json.dumps({'members': [
                {'ID': 2 ** 63 + number, 'name': name}
                for number, name in enumerate(self.members)]})
        assert words[:2] == ['member', 'remove'], words
        name = self.members[int(words[2], 16) - 2 ** 63]
        self.members.remove(name)
        self.removed.append(name)
        return f'Member {words[2]} removed'


class _Nodes:
    """Nodes by the paths that they have."""

    def __init__(self, nodes):
        self.nodes = nodes

    def __contains__(self, path):
        return path.rpartition('/')[2] in self.nodes

    def __getitem__(self, path):
        return self.nodes[path.rpartition('/')[2]]

    def pop(self, path):
        return self.nodes.pop(path.rpartition('/')[2])


def _workload(name, image):
    return {'spec': {'template': {'spec': {'containers': [
        {'name': name, 'image': image}]}}}}


def _merge(document, patch):
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(document.setdefault(key, {}), value)
        else:
            document[key] = value
