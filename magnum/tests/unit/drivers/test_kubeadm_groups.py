# SPDX-License-Identifier: Apache-2.0
"""Node groups of the kubeadm driver that have stacks of their own."""

import dataclasses
import json

from heatclient import exc
import pytest

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import driver as kubeadm_driver
from magnum import errors
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import hot
from magnum.tests.unit.drivers import specs

UUID = '4f8a1c2e-77aa-4b1e-8d35-aabbccddeeff'
OTHER = '5e9b2d3f-77aa-4b1e-8d35-aabbccddeeff'
NAME = 'my-cluster-1-gpu-4f8a1c2e77aa'
TAINT = {'key': 'gpu', 'value': 'yes', 'effect': 'NoSchedule'}
LONG = [f'{"x" * 240}/{"y" * 60}{n}' for n in range(64)]
PLACE = 'resources.kube_minions.resources[1].resources.node_config_deployment'
JOIN = f'Resource CREATE failed: WaitConditionFailure: {PLACE}: join: refused'


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    """Look again each time, however little time has passed."""
    monkeypatch.setattr(heat, 'FRESH_SECONDS', 0)


@pytest.fixture
def cloud():
    return specs.Cloud()


@pytest.fixture
def driver():
    return kubeadm_driver.Driver()


@pytest.fixture
def built(cloud, driver):
    """A cluster, complete."""
    spec = specs.cluster(labels={'availability_zone': 'az1',
                                 'flannel_network_cidr': '10.9.0.0/16'})
    ident = driver.apply(cloud, spec).stack_id
    cloud.service.complete(ident)
    return dataclasses.replace(spec, stack_id=ident, coe_version='v1.31.4')


def with_group(spec, **wanted):
    """The specification with one more group, which alone is meant."""
    group = specs.group(wanted.pop('role', 'worker'), **{
        'uuid': UUID, 'name': 'gpu', 'is_default': False, 'node_count': 2,
        'flavor_id': 'm1.gpu', 'image_id': 'ubuntu-gpu'} | wanted)
    return dataclasses.replace(
        spec, only=group.uuid, nodegroups=(*spec.nodegroups, group))


def changed(spec, **wanted):
    """The same with another wish for the group that is meant."""
    return dataclasses.replace(spec, nodegroups=tuple(
        dataclasses.replace(group, **wanted) if group.uuid == spec.only
        else group for group in spec.nodegroups))


@pytest.fixture
def grown(cloud, driver, built):
    """With a group of two nodes, complete."""
    spec = with_group(built)
    ident = driver.apply(cloud, spec).nodegroups[UUID]
    cloud.service.complete(ident)
    return changed(spec, stack_id=ident)


def stack_of(cloud, name=NAME):
    return next((stack for stack in cloud.service.live()
                 if stack.stack_name == name), None)


# Create.

def test_a_group_is_a_stack_of_its_own(cloud, driver, built):
    spec = with_group(built)
    applied = driver.apply(cloud, spec)
    stack = stack_of(cloud)
    assert applied == base.Applied(built.stack_id, {UUID: stack.id})
    assert stack.tags == ['magnum', f'magnum-cluster-{specs.UUID}',
                          f'magnum-ng-{UUID}']
    assert cloud.service.stacks[built.stack_id].status == 'COMPLETE'
    shown = stack.parameters
    assert shown['is_cluster_stack'] is False
    assert (shown['number_of_minions'], shown['minion_flavor'],
            shown['minion_image']) == (2, 'm1.gpu', 'ubuntu-gpu')
    assert (shown['fixed_network'], shown['fixed_subnet'],
            shown['existing_master_private_ip']) == (
        'network-of-nodes', 'subnet-of-nodes', '10.0.0.7')
    assert shown['existing_security_group'] == (
        f'secgroup_kube_minion-of-{built.stack_id}')
    assert (shown['kube_version'], shown['pods_cidr']) == (
        'v1.31.4', '10.9.0.0/16')
    assert not [name for name in shown if name.endswith('_key')
                and shown[name] and name != 'ssh_public_key']


def test_behind_a_load_balancer_it_joins_there(cloud, driver):
    spec = specs.cluster(masters=3, master_lb_enabled=True)
    ident = driver.apply(cloud, spec).stack_id
    driver.apply(cloud, with_group(dataclasses.replace(spec, stack_id=ident)))
    assert stack_of(cloud).parameters['existing_master_private_ip'] == (
        '10.0.0.8')


@pytest.mark.parametrize('lost', ['answer', 'record'])
def test_a_group_is_made_once(cloud, driver, built, lost):
    spec = with_group(built)
    if lost == 'answer':
        cloud.service.lost['create'] = [exc.CommunicationError('broken')]
        with pytest.raises(errors.Temporary):
            driver.apply(cloud, spec)
    else:
        driver.apply(cloud, spec)
    driver.apply(cloud, spec)
    assert len(cloud.service.live()) == 2


def test_a_stack_of_that_name_of_somebody_else_is_not_taken(
        cloud, driver, built):
    cloud.heat.stacks.create(
        stack_name=NAME, template='parameters: {}', parameters={}, tags='x')
    with pytest.raises(errors.Conflict, match='does not belong'):
        driver.apply(cloud, with_group(built))


def test_its_own_labels_and_those_of_the_cluster_are_told_apart(
        cloud, driver, built):
    driver.apply(cloud, with_group(built, labels={
        'boot_volume_size': '30', 'flannel_network_cidr': '10.8.0.0/16'}))
    shown = stack_of(cloud).parameters
    assert (shown['boot_volume_size'], shown['availability_zone'],
            shown['pods_cidr']) == (30, '', '10.9.0.0/16')


def test_all_groups_are_made_where_none_is_named(cloud, driver, built):
    spec = dataclasses.replace(with_group(built), only=None)
    applied = driver.apply(cloud, spec)
    assert applied.nodegroups == {
        'master-uuid': built.stack_id, 'worker-uuid': built.stack_id,
        UUID: stack_of(cloud).id}


def test_a_default_group_is_changed_without_the_others(cloud, driver, grown):
    workers = dataclasses.replace(grown.workers, node_count=5)
    spec = dataclasses.replace(
        changed(grown, node_count=7), only=workers.uuid)
    spec = dataclasses.replace(spec, nodegroups=(
        spec.masters, workers, *spec.extra_groups))
    driver.apply(cloud, spec)
    assert cloud.service.stacks[grown.stack_id].parameters[
        'number_of_minions'] == 5
    assert stack_of(cloud).action == 'CREATE'


def test_without_the_cluster_s_stack_there_is_nothing_to_join(
        cloud, driver, built):
    cloud.service.stacks.clear()
    with pytest.raises(errors.InfrastructureFailed, match='no cluster'):
        driver.apply(cloud, with_group(built))


# What nodes get.

def files(cloud):
    return hot.files('kube_minions', stack_of(cloud).parameters, '1')


def test_nodes_get_labels_taints_and_a_way_to_join(cloud, driver, built):
    driver.apply(cloud, with_group(
        built, role='infer', node_labels={'tier': 'gold'},
        node_taints=(TAINT, {'key': 'x', 'effect': 'NoExecute'})))
    found = files(cloud)
    own, = map(json.loads, found['/etc/magnum/kubeadm.yaml'].split('---\n'))
    registration = own['nodeRegistration']
    assert registration['name'].endswith('-node-1')
    assert registration['kubeletExtraArgs'][0]['value'] == (
        'magnum.openstack.org/role=infer,magnum.openstack.org/nodegroup=gpu,'
        'tier=gold')
    assert registration['taints'] == [TAINT, {'key': 'x',
                                              'effect': 'NoExecute'}]
    kubeconfig = json.loads(found['/etc/magnum/discovery.conf'])
    assert kubeconfig['clusters'][0]['cluster']['server'] == (
        'https://10.0.0.7:6443')
    assert "ROLE='worker'" in found['/etc/magnum/node.env']
    assert "API_ADDRESS='10.0.0.7'" in found['/etc/magnum/node.env']


def test_nodes_have_no_key_but_the_one_to_join_with(cloud, driver, built):
    driver.apply(cloud, with_group(built))
    text = ''.join(files(cloud).values())
    assert specs.authorities().kubernetes.private_key not in text
    assert specs.TRUST.trustee_password not in text


# Change.

def test_a_group_is_resized_alone(cloud, driver, grown):
    driver.apply(cloud, changed(grown, node_count=3))
    assert stack_of(cloud).minions.members == ['0', '1', '2']
    assert cloud.service.calls['update'] == 1


def test_a_group_may_have_no_nodes(cloud, driver, grown):
    driver.apply(cloud, changed(grown, node_count=0))
    assert stack_of(cloud).minions.members == []


def test_what_is_as_wanted_is_left_alone(cloud, driver, grown):
    driver.apply(cloud, grown)
    driver.apply(cloud, changed(grown, node_labels={'new': 'label'}))
    assert cloud.service.calls['update'] == 0


def test_new_nodes_get_what_was_changed_meanwhile(cloud, driver, grown):
    driver.apply(cloud, changed(grown, node_labels={'new': 'label'},
                                node_count=3))
    assert 'new=label' in files(cloud)['/etc/magnum/kubeadm.yaml']


def test_a_join_credential_near_its_end_is_made_anew(cloud, driver, grown):
    stack = stack_of(cloud)
    old = stack.parameters['join_kubeconfig']
    driver.apply(cloud, changed(grown, node_count=3))
    assert stack.parameters['join_kubeconfig'] == old
    stack.parameters['join_not_after'] = '2020-01-01T00:00:00+00:00'
    driver.apply(cloud, changed(grown, node_count=4))
    assert stack.parameters['join_kubeconfig'] != old


def test_a_failed_node_is_replaced(cloud, driver, grown):
    cloud.service.fail(stack_of(cloud).id, JOIN, [('kube_minions', '1')])
    driver.apply(cloud, grown)
    assert stack_of(cloud).minions.members == ['0', '2']


def test_a_node_whose_server_was_deleted_is_replaced(cloud, driver, grown):
    cloud.lost = {stack_of(cloud).minions.server_id('0')}
    driver.apply(cloud, grown)
    assert stack_of(cloud).minions.members == ['1', '2']


def test_nodes_to_remove_are_those_of_the_group(cloud, driver, grown):
    group = grown.only_group
    server = stack_of(cloud).minions.server_id('1')
    assert driver.nodes_to_remove(cloud, grown, group, [
        f'{NAME}-node-0', '1', server]) == [
        stack_of(cloud).minions.server_id('0'), server]
    of_cluster = cloud.service.stacks[grown.stack_id].minions.server_id('0')
    with pytest.raises(errors.InvalidParameter, match='not a node of gpu'):
        driver.nodes_to_remove(cloud, grown, group, [of_cluster])
    with pytest.raises(errors.InvalidParameter, match='gpu has no nodes yet'):
        driver.nodes_to_remove(cloud, grown, dataclasses.replace(
            group, stack_id=None), ['0'])
    driver.apply(cloud, changed(grown, nodes_to_remove=(server,)))
    assert stack_of(cloud).minions.members == ['0', '2']


def test_a_stack_that_vanished_is_not_made_anew(cloud, driver, grown):
    del cloud.service.stacks[stack_of(cloud).id]
    with pytest.raises(errors.InfrastructureFailed, match='node group gpu'):
        driver.apply(cloud, changed(grown, node_count=5))


# Observe.

def test_a_group_is_seen_by_itself(cloud, driver, grown):
    cloud.service.fail(grown.stack_id, 'Quota exceeded')
    seen = driver.observe(cloud, grown)
    assert seen.state is base.State.COMPLETE
    assert (seen.stack_id, seen.api_address) == (None, None)
    group = seen.nodegroups[UUID]
    assert list(seen.nodegroups) == [UUID]
    assert (group.stack_id, group.node_count) == (stack_of(cloud).id, 2)
    assert len(group.node_addresses) == 2


def test_a_group_says_why_it_failed(cloud, driver, grown):
    cloud.service.fail(stack_of(cloud).id, JOIN, [('kube_minions', '1')])
    seen = driver.observe(cloud, grown)
    assert (seen.state, seen.reason) == (base.State.FAILED,
                                         'Node 1: join: refused')
    assert seen.nodegroups[UUID].reason == JOIN
    assert [(r.name, r.status, r.nodegroup) for r in seen.resources] == [
        (f'{NAME}-node-0', 'READY', UUID), (f'{NAME}-node-1', 'FAILED', UUID)]


def test_what_is_recorded_nowhere_is_found_by_its_name(cloud, driver, grown):
    seen = driver.observe(cloud, changed(grown, stack_id=None))
    assert seen.nodegroups[UUID].stack_id == stack_of(cloud).id


def test_all_are_seen_with_one_call(monkeypatch, cloud, driver, grown):
    monkeypatch.setattr(heat, 'FRESH_SECONDS', 60)
    monkeypatch.setattr(heat, '_projects', {})
    for stack in cloud.service.live():
        stack.begin('UPDATE')
    cloud.service.calls.clear()
    seen = driver.observe(cloud, dataclasses.replace(grown, only=None))
    assert seen.state is base.State.IN_PROGRESS
    assert set(seen.nodegroups) == {'master-uuid', 'worker-uuid', UUID}
    assert cloud.service.calls == {'list': 1}


@pytest.mark.parametrize('cluster, group, expected, reason', [
    ('COMPLETE', 'COMPLETE', 'COMPLETE', 'CREATE completed'),
    ('COMPLETE', 'IN_PROGRESS', 'IN_PROGRESS', 'started'),
    ('COMPLETE', 'FAILED', 'FAILED', 'of gpu'),
    ('FAILED', 'IN_PROGRESS', 'IN_PROGRESS', 'started'),
    ('FAILED', 'FAILED', 'FAILED', 'of cluster'),
    ('COMPLETE', 'GONE', 'COMPLETE', 'CREATE completed'),
    ('GONE', 'COMPLETE', 'FAILED', 'not found'),
    ('GONE', 'IN_PROGRESS', 'IN_PROGRESS', 'started'),
    ('GONE', 'GONE', 'GONE', 'not found')])
def test_states_of_several_stacks_make_one(cloud, driver, grown, cluster,
                                           group, expected, reason):
    for ident, state, why in ((grown.stack_id, cluster, 'of cluster'),
                              (stack_of(cloud).id, group, 'of gpu')):
        stack = cloud.service.stacks[ident]
        if state == 'IN_PROGRESS':
            stack.begin('UPDATE')
        elif state == 'FAILED':
            cloud.service.fail(ident, why)
        elif state == 'GONE':
            del cloud.service.stacks[ident]
    seen = driver.observe(cloud, dataclasses.replace(grown, only=None))
    assert seen.state is base.State[expected]
    assert reason in seen.reason
    assert seen.nodegroups[UUID].state is base.State[group]


# Destroy.

def test_a_group_is_destroyed_alone(cloud, driver, grown):
    driver.destroy_nodegroup(cloud, grown, grown.only_group)
    driver.destroy_nodegroup(cloud, grown, grown.only_group)
    assert cloud.service.calls['delete'] == 1
    assert driver.observe(cloud, grown).state is base.State.IN_PROGRESS
    cloud.service.complete(stack_of(cloud).id)
    assert driver.observe(cloud, grown).state is base.State.GONE
    driver.destroy_nodegroup(cloud, grown, grown.only_group)
    assert [stack.id for stack in cloud.service.live()] == [grown.stack_id]


def test_what_a_group_left_behind_goes(cloud, driver, grown):
    stack_of(cloud).begin('DELETE')
    cloud.service.fail(stack_of(cloud).id, 'in use')
    cloud.things_left['servers'] = [clouds.Named('1', f'{NAME}-node-0')]
    with pytest.raises(errors.Temporary, match='node-0'):
        driver.destroy_nodegroup(cloud, grown, grown.only_group)
    driver.destroy_nodegroup(cloud, grown, grown.only_group)
    assert stack_of(cloud).status == 'IN_PROGRESS'


def test_groups_go_before_their_cluster(cloud, driver, grown):
    spec = dataclasses.replace(grown, only=None)
    # Nobody wrote down that there is another one.
    driver.apply(cloud, with_group(grown, uuid=OTHER, name='lost'))
    driver.destroy(cloud, spec)
    groups = [stack for stack in cloud.service.live()
              if stack.action == 'DELETE']
    assert len(groups) == 2 and grown.stack_id not in {
        stack.id for stack in groups}
    assert driver.observe(cloud, spec).state is base.State.IN_PROGRESS
    for stack in groups:
        cloud.service.complete(stack.id)
    assert driver.observe(cloud, spec).state is base.State.COMPLETE
    driver.destroy(cloud, spec)
    stack, = cloud.service.live()
    assert stack.action == 'DELETE'
    cloud.service.complete(stack.id)
    assert driver.observe(cloud, spec).state is base.State.GONE
    driver.destroy(cloud, spec)


def test_one_group_that_does_not_go_holds_up_no_other(cloud, driver, grown):
    driver.apply(cloud, with_group(grown, uuid=OTHER, name='other'))
    stack_of(cloud).begin('DELETE')
    cloud.service.fail(stack_of(cloud).id, 'in use')
    cloud.things_left['servers'] = [clouds.Named('1', f'{NAME}-node-0')]
    with pytest.raises(errors.Temporary):
        driver.destroy(cloud, dataclasses.replace(grown, only=None))
    other, = (stack for stack in cloud.service.live()
              if '-other-' in stack.stack_name)
    assert other.action == 'DELETE'


# Check.

def test_a_group_is_counted(driver, built):
    plan = driver.check(with_group(
        built, docker_volume_size=5, labels={'boot_volume_size': '9'}))
    assert plan.resources == {'server': 2, 'port': 2, 'server_group': 1,
                              'floating_ip': 2, 'volume': 4}


def test_what_a_cluster_has_more_for_a_group_can_be_told(driver, built):
    # Of a cluster that is there nobody looks the image up.
    built = dataclasses.replace(built, image_properties={})
    before = driver.check(built).resources
    after = driver.check(dataclasses.replace(with_group(built),
                                             only=None)).resources
    assert {kind: after[kind] - count for kind, count in before.items()
            if after[kind] != count} == {
        'server': 2, 'port': 2, 'server_group': 1, 'floating_ip': 2}


@pytest.mark.parametrize('wanted, field, text', [
    ({'name': 'a b'}, 'name', 'letters'),
    ({'role': 'x,y=z'}, 'role', 'letters'),
    ({'flavor_id': None}, 'flavor_id', 'servers'),
    ({'labels': {'boot_volume_size': 'big'}}, 'labels', 'boot_volume_size'),
    ({'image_properties': {}}, 'image_id', 'kube_version'),
    ({'image_properties': {'kube_version': 'v1.32.0'}}, 'image_id',
     'v1.31.4'),
    ({'node_labels': {key: 'z' * 63 for key in LONG},
      'node_taints': tuple({'key': key, 'value': 'z' * 63,
                            'effect': 'PreferNoSchedule'} for key in LONG)},
     'node_labels', 'bytes')])
def test_a_group_that_could_not_join_is_refused(driver, built, wanted, field,
                                                text):
    with pytest.raises(errors.InvalidParameter, match=text) as refusal:
        driver.check(with_group(built, **wanted))
    assert refusal.value.field == field


@pytest.mark.parametrize('wanted', [
    {'image_properties': {'kube_version': '1.31.4'}},
    {'image_properties': {}, 'labels': {'kube_tag': 'v1.31.4'}},
    {'image_properties': None}, {'role': 'anything', 'node_count': 0}])
def test_a_group_that_can_join_is_accepted(driver, built, wanted):
    driver.check(with_group(built, **wanted))


@pytest.mark.parametrize('cluster, group, name', [
    ('prod', 'gpu', 'prod-gpu-4f8a1c2e77aa'),
    ('1st.cluster-with-a-long-name', 'Big.Nodes-9000',
     'k1st-cluster-with-a-big-nodes-4f8a1c2e77aa'),
    ('\u00e4', '...', 'k-4f8a1c2e77aa')])
def test_a_stack_is_named_like_cluster_and_group(cluster, group, name):
    assert heat.group_stack_name(cluster, group, UUID) == name
    assert len(name) <= 43
