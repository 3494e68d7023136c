# SPDX-License-Identifier: Apache-2.0
"""A cluster is upgraded by replacing its nodes, a few at a time."""

import dataclasses
import json

import pytest

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import driver as kubeadm_driver
from magnum.drivers.k8s_kubeadm_v1 import upgrading
from magnum.drivers import kubernetes_drain
from magnum import errors
from magnum.tests.fakes import kubernetes_objects
from magnum.tests.unit.drivers import specs

NEW = 'v1.32.1'
PROXY = f'{kubernetes_objects.APPS}/daemonsets/kube-proxy'
DNS = f'{kubernetes_objects.APPS}/deployments/coredns'


class Cluster:
    """A cluster that was built, and what `advance` makes of it."""

    def __init__(self, masters=3, workers=2, batch=None):
        self.cloud = specs.Cloud()
        self.retired = self.cloud.retired_pool_members = []
        group = specs.cluster(master_lb_enabled=True)
        self.before = dataclasses.replace(group, nodegroups=(
            dataclasses.replace(group.masters, node_count=masters),
            dataclasses.replace(group.workers, node_count=workers)))
        ident = kubeadm_driver.Driver().apply(self.cloud,
                                              self.before).stack_id
        self.stack = self.cloud.service.stacks[ident]
        self.kubernetes = kubernetes_objects.Objects()
        self.settle()
        self.spec = self.wanted('image-2', NEW, batch)
        self.told = []
        # (masters, workers, members of etcd) at each rest.
        self.seen = []

    def wanted(self, image, version, batch=None):
        return dataclasses.replace(
            self.before, stack_id=self.stack.id, max_batch_size=batch,
            image_properties={'kube_version': version},
            nodegroups=tuple(dataclasses.replace(g, image_id=image)
                             for g in self.before.nodegroups))

    def names(self):
        name = self.stack.stack_name
        return [*(f'{name}-master-{i}' for i in self.stack.masters.members),
                *(f'{name}-node-{i}' for i in self.stack.minions.members)]

    def settle(self):
        """Heat is done, and its new servers have joined."""
        self.cloud.service.complete(self.stack.id)
        for name in self.names():
            if name not in self.kubernetes.nodes:
                self.kubernetes.join(name)

    def advance(self):
        stack = heat.find(self.cloud, self.stack.id, outputs=True)
        told = upgrading.Upgrade(self.cloud, self.spec, stack,
                                 self.kubernetes).advance()
        self.told.append(told)
        return told

    def upgrade(self, limit=60):
        """Move after move, to the end."""
        for _ in range(limit):
            if self.stack.status == 'IN_PROGRESS':
                self.settle()
                self.seen.append((len(self.stack.masters.members),
                                  len(self.stack.minions.members),
                                  len(self.kubernetes.members)))
            if self.advance() is None:
                return
        raise AssertionError(self.told[-3:])

    def pins(self, group):
        return json.loads(heat.find(self.cloud, self.stack.id).parameters[
            upgrading.PINS[group]])


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(heat, 'FRESH_SECONDS', 0)
    monkeypatch.setattr(kubernetes_drain, 'LEAVING_SECONDS', 0)


def test_all_nodes_are_replaced_and_the_sizes_are_as_before():
    cluster = Cluster(masters=3, workers=2)
    cluster.upgrade()
    assert cluster.stack.masters.members == ['3', '4', '5']
    assert cluster.stack.minions.members == ['2', '3']
    parameters = cluster.stack.parameters
    assert parameters['kube_version'] == NEW
    assert parameters['master_image'] == parameters['minion_image'] == (
        'image-2')
    assert cluster.pins('kube_masters') == cluster.pins('kube_minions') == {}


def test_etcd_never_has_less_than_its_size_and_keeps_no_dead_member():
    cluster = Cluster(masters=3, workers=0)
    cluster.upgrade()
    assert {members for _, _, members in cluster.seen} == {3, 4}
    assert {masters for masters, _, _ in cluster.seen} == {3, 4}
    names = [name for name in cluster.names() if '-master-' in name]
    assert cluster.kubernetes.members == names
    assert not [path for path in cluster.kubernetes.pods
                if 'magnum-etcd' in path]


def test_an_only_master_has_another_beside_it_before_it_goes():
    cluster = Cluster(masters=1, workers=1)
    cluster.upgrade()
    assert [masters for masters, _, _ in cluster.seen][:2] == [2, 1]
    assert cluster.stack.masters.members == ['1']
    assert cluster.kubernetes.removed == [
        f'{cluster.stack.stack_name}-master-0']


def test_workers_go_in_batches_after_all_masters():
    cluster = Cluster(masters=1, workers=5, batch=2)
    cluster.upgrade()
    assert [w for _, w, _ in cluster.seen] == [5, 5, 7, 5, 7, 5, 6, 5]


def test_running_members_keep_what_they_were_built_with():
    cluster = Cluster(masters=3, workers=2)
    old = cluster.stack.parameters['master_image']
    assert '0 of 3 masters are new' in cluster.advance()
    assert cluster.pins('kube_masters') == {
        index: {'image': old, 'flavor': 'm1.small',
                'kube_version': 'v1.31.4'} for index in '012'}
    assert set(cluster.pins('kube_minions')) == {'0', '1'}
    assert cluster.stack.parameters['bootstrap_index'] == ''


def test_masters_that_join_read_the_new_version():
    cluster = Cluster()
    cluster.advance()
    assert f'\nkubernetesVersion: {NEW}\n' in cluster.kubernetes.documents[
        f'{kubernetes_objects.SYSTEM}/configmaps/kubeadm-config'][
            'data']['ClusterConfiguration']


def test_kube_proxy_follows_when_no_old_master_is_left():
    cluster = Cluster(masters=1, workers=1)
    while '0 of 1 nodes' not in (cluster.advance() or ''):
        image = cluster.kubernetes.documents[PROXY]['spec']['template'][
            'spec']['containers'][0]['image']
        assert image == 'registry:5000/kube-proxy:v1.31.4'
        if cluster.stack.status == 'IN_PROGRESS':
            cluster.settle()
    assert cluster.kubernetes.documents[PROXY]['spec']['template']['spec'][
        'containers'][0]['image'] == f'registry:5000/kube-proxy:{NEW}'


def test_nodes_are_drained_and_forgotten():
    cluster = Cluster(masters=1, workers=1)
    name = f'{cluster.stack.stack_name}-node-0'
    cluster.kubernetes.run('web', name)
    cluster.kubernetes.run('agent', name, ownerReferences=[
        {'kind': 'DaemonSet'}])
    cluster.upgrade()
    assert '/api/v1/namespaces/default/pods/web' not in (
        cluster.kubernetes.pods)
    assert '/api/v1/namespaces/default/pods/agent' in cluster.kubernetes.pods
    assert set(cluster.kubernetes.nodes) == set(cluster.names())


def test_load_balancers_are_given_time_to_leave_a_node_out(monkeypatch):
    monkeypatch.setattr(kubernetes_drain, 'LEAVING_SECONDS', 3600)
    cluster = Cluster(masters=1, workers=1)
    name = f'{cluster.stack.stack_name}-master-0'
    with pytest.raises(AssertionError, match=f'leave out node {name}'):
        cluster.upgrade()
    assert kubernetes_drain.UNBALANCED in (
        cluster.kubernetes.nodes[name]['metadata']['labels'])
    assert cluster.stack.masters.members == ['0', '1']


def test_a_disruption_budget_is_waited_for():
    cluster = Cluster(masters=1, workers=1)
    cluster.kubernetes.run('web', f'{cluster.stack.stack_name}-node-0')
    cluster.kubernetes.budget = 0
    with pytest.raises(AssertionError, match='a disruption budget'):
        cluster.upgrade()
    assert cluster.stack.minions.members == ['0', '1']
    cluster.kubernetes.budget = None
    cluster.upgrade()
    assert cluster.stack.minions.members == ['1']


def test_a_drain_ends_with_its_time(monkeypatch):
    cluster = Cluster(masters=1, workers=1)
    cluster.kubernetes.run('web', f'{cluster.stack.stack_name}-node-0')
    cluster.kubernetes.budget = 0
    monkeypatch.setattr(kubernetes_drain.CONF.kubernetes, 'drain_timeout', 0,
                        raising=False)
    cluster.upgrade()
    assert cluster.stack.minions.members == ['1']


def test_a_node_that_failed_is_replaced_by_the_next_upgrade():
    cluster = Cluster(masters=1, workers=2)
    while len(cluster.stack.minions.members) == 2:
        if cluster.stack.status == 'IN_PROGRESS':
            cluster.settle()
        cluster.advance()
    cluster.cloud.service.fail(cluster.stack.id, 'no valid host',
                               [('kube_minions', '2')])
    assert cluster.advance() == (
        f'Replacing nodes that failed: {cluster.stack.stack_name}-node-2')
    cluster.upgrade()
    assert cluster.stack.minions.members == ['3', '4']
    assert cluster.pins('kube_minions') == {}


def test_a_cluster_that_is_as_wanted_is_left_alone():
    cluster = Cluster()
    cluster.upgrade()
    updates = cluster.cloud.service.calls['update']
    assert cluster.advance() is None
    assert cluster.cloud.service.calls['update'] == updates


def test_add_ons_get_new_versions_and_all_else_keeps_its_defaults():
    cluster = Cluster(masters=1, workers=0)
    kept = cluster.stack.parameters['label_defaults']
    cluster.stack.parameters['label_defaults'] = {
        **kept, 'flannel_tag': 'v0.1.0', 'flannel_network_cidr': '10.7.0.0/16'}
    cluster.upgrade()
    assert cluster.stack.parameters['label_defaults'] == {
        **kept, 'flannel_network_cidr': '10.7.0.0/16'}


def test_another_upgrade_replaces_what_the_first_made():
    cluster = Cluster(masters=1, workers=1)
    cluster.upgrade()
    cluster.spec = cluster.wanted('image-3', 'v1.32.2')
    cluster.upgrade()
    assert cluster.stack.masters.members == ['2']
    assert cluster.stack.parameters['kube_version'] == 'v1.32.2'


@pytest.mark.parametrize(('running', 'wanted', 'why'), [
    ('v1.32.1', 'v1.31.4', 'no way back'),
    ('v1.31.4', 'v1.33.0', 'no minor version can be skipped'),
    ('v1.31.4', 'v1.31.3', 'no way back')])
def test_what_no_upgrade_leads_to_is_refused(running, wanted, why):
    spec = specs.cluster(master_lb_enabled=True,
                         image_properties={'kube_version': wanted})
    with pytest.raises(errors.InvalidParameter, match=why):
        upgrading.check(spec, running)


@pytest.mark.parametrize('wanted', ['v1.31.4', 'v1.31.9', 'v1.32.0'])
def test_the_next_minor_and_later_patches_are_reachable(wanted):
    upgrading.check(specs.cluster(
        master_lb_enabled=True,
        image_properties={'kube_version': wanted}), 'v1.31.4')


def test_without_a_load_balancer_no_master_can_take_over():
    with pytest.raises(errors.NotSupported, match='load balancer'):
        upgrading.check(specs.cluster(), 'v1.31.4')
