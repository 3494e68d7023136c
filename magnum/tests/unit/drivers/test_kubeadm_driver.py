# SPDX-License-Identifier: Apache-2.0
"""The kubeadm driver: a specification in, a stack out, and back."""

import dataclasses

from heatclient import exc
import pytest

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import driver as kubeadm_driver
from magnum import errors
from magnum import specs as specs_of_magnum
from magnum.tests.unit.drivers import specs

PLACE = 'resources.kube_minions.resources[1].resources.node_config_deployment'
JOIN = f'Resource CREATE failed: WaitConditionFailure: {PLACE}: join: refused'
SILENT = ('Resource CREATE failed: WaitConditionTimeout: '
          f'{PLACE}: 0 of 1 received')


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
    """A cluster of one master and two workers, complete."""
    spec = specs.cluster()
    ident = driver.apply(cloud, spec).stack_id
    cloud.service.complete(ident)
    return dataclasses.replace(spec, stack_id=ident)


def resized(spec, workers, remove=()):
    group = dataclasses.replace(spec.workers, node_count=workers,
                                nodes_to_remove=tuple(remove))
    return dataclasses.replace(spec, nodegroups=(spec.masters, group))


def only(cloud):
    stack, = cloud.service.live()
    return stack


# Create.

def test_creating_takes_one_call_to_heat(cloud, driver):
    driver.apply(cloud, specs.cluster())
    assert cloud.service.calls == {'create': 1}


def test_a_stack_is_tagged_and_timed(cloud, driver):
    driver.apply(cloud, specs.cluster(create_timeout=33))
    stack = only(cloud)
    assert stack.stack_name == 'my-cluster-1-8c3b2f6e6f0e'
    assert stack.tags == ['magnum', f'magnum-cluster-{specs.UUID}']
    assert stack.timeout_mins == 33


def test_applying_again_after_a_crash_changes_nothing(cloud, driver):
    spec = specs.cluster()
    first = driver.apply(cloud, spec).stack_id
    before = dict(only(cloud).parameters)
    assert driver.apply(cloud, spec).stack_id == first
    assert driver.apply(cloud, dataclasses.replace(
        spec, stack_id=first)).stack_id == first
    assert only(cloud).parameters == before
    assert cloud.service.calls['update'] == 0


def test_a_network_alone_brings_its_subnet(cloud, driver):
    driver.apply(cloud, specs.cluster(fixed_network='mine'))
    parameters = only(cloud).parameters
    assert parameters['fixed_network'] == 'network-id'
    assert parameters['fixed_subnet'] == 'subnet-id'
    assert parameters['fixed_subnet_cidr'] == '10.99.0.0/24'


def test_of_several_subnets_one_must_be_named(cloud, driver):
    cloud.subnets *= 2
    with pytest.raises(errors.InvalidParameter, match='fixed_subnet'):
        driver.apply(cloud, specs.cluster(fixed_network='mine'))


def test_a_load_balancer_needs_the_service(cloud, driver):
    cloud.services.clear()
    with pytest.raises(errors.InfrastructureFailed, match='load balancer'):
        driver.apply(cloud, specs.cluster(master_lb_enabled=True))


def test_without_a_trust_there_is_no_cloud_provider(cloud, driver):
    driver.apply(cloud, specs.cluster(
        trust=dataclasses.replace(specs.TRUST, trust_id='')))
    parameters = only(cloud).parameters
    assert parameters['cloud_conf'] == ''
    assert 'cloud-provider' not in parameters['first_master_user_data']
    assert "CLOUD_PROVIDER='no'" in parameters['worker_user_data']


# Resize.

def test_resizing_sends_the_count_and_ends_bootstrapping(
        cloud, driver, built):
    driver.apply(cloud, resized(built, 3))
    stack = only(cloud)
    assert stack.parameters['number_of_minions'] == 3
    assert stack.parameters['bootstrap_index'] == ''
    assert stack.minions.members == ['0', '1', '2']


def test_resizing_keeps_all_keys(cloud, driver, built):
    secret = ('sa_key', 'ca_key', 'join_kubeconfig', 'cloud_conf')
    before = {key: only(cloud).parameters[key] for key in secret}
    driver.apply(cloud, resized(built, 3))
    assert before == {key: only(cloud).parameters[key] for key in secret}


def test_a_named_server_is_the_one_that_goes(cloud, driver, built):
    victim = only(cloud).minions.server_id('0')
    driver.apply(cloud, resized(built, 1, [victim]))
    assert only(cloud).minions.members == ['1']


def test_the_same_count_replaces_a_named_node(cloud, driver, built):
    driver.apply(cloud, resized(built, 2, ['0']))
    assert only(cloud).minions.members == ['1', '2']


def test_a_node_that_is_gone_already_is_no_reason_to_act(
        cloud, driver, built):
    wanted = resized(built, 2, ['0'])
    driver.apply(cloud, wanted)
    cloud.service.complete(built.stack_id)
    driver.apply(cloud, wanted)
    assert cloud.service.calls['update'] == 1
    assert only(cloud).minions.members == ['1', '2']


def test_repeating_while_it_runs_does_not_send_again(cloud, driver, built):
    wanted = resized(built, 3, ['0'])
    driver.apply(cloud, wanted)
    driver.apply(cloud, wanted)
    assert cloud.service.calls['update'] == 1


def test_a_failed_update_is_sent_again_and_failed_nodes_replaced(
        cloud, driver, built):
    driver.apply(cloud, resized(built, 3))
    cloud.service.fail(built.stack_id, JOIN, [('kube_minions', '2')])
    driver.apply(cloud, resized(built, 3))
    assert only(cloud).minions.members == ['0', '1', '3']


def test_what_failed_at_creation_is_replaced_by_a_resize(
        cloud, driver, built):
    cloud.service.stacks[built.stack_id].action = 'CREATE'
    cloud.service.fail(built.stack_id, JOIN, [('kube_minions', '1')])
    driver.apply(cloud, resized(built, 2))
    assert only(cloud).minions.members == ['0', '2']


def test_without_a_first_master_nothing_can_be_repaired(
        cloud, driver, built):
    cloud.service.fail(built.stack_id, JOIN, [('kube_masters', '0')])
    with pytest.raises(errors.InfrastructureFailed, match='first master'):
        driver.apply(cloud, resized(built, 3))


def test_a_join_credential_near_its_end_is_made_anew(cloud, driver, built):
    stack = only(cloud)
    stack.parameters['join_not_after'] = '2020-01-01T00:00:00+00:00'
    old = stack.parameters['join_kubeconfig']
    driver.apply(cloud, resized(built, 3))
    assert stack.parameters['join_kubeconfig'] != old
    assert stack.parameters['join_not_after'] > '2026'


def test_a_stack_that_vanished_is_not_made_anew(cloud, driver, built):
    cloud.service.stacks.clear()
    with pytest.raises(errors.InfrastructureFailed, match='not found'):
        driver.apply(cloud, resized(built, 3))


# Observe.

def test_a_complete_cluster_tells_addresses_and_versions(
        cloud, driver, built):
    seen = driver.observe(cloud, built)
    assert seen.state is base.State.COMPLETE
    assert seen.api_address == 'https://172.24.1.10:6443'
    assert seen.coe_version == 'v1.31.4'
    assert seen.container_version == '1.7.24'
    workers = seen.nodegroups['worker-uuid']
    assert workers.node_addresses == ('172.24.2.10', '172.24.2.11')
    assert workers.node_count == 2
    assert workers.stack_id == built.stack_id


def test_progress_costs_one_list_call(cloud, driver):
    spec = specs.cluster()
    ident = driver.apply(cloud, spec).stack_id
    spec = dataclasses.replace(spec, stack_id=ident)
    cloud.service.calls.clear()
    assert driver.observe(cloud, spec).state is base.State.IN_PROGRESS
    assert cloud.service.calls == {'list': 1}


def test_a_node_that_says_why_it_failed_is_quoted(cloud, driver, built):
    cloud.service.fail(built.stack_id, JOIN)
    seen = driver.observe(cloud, built)
    assert seen.state is base.State.FAILED
    assert seen.reason == 'Node 1: join: refused'
    assert seen.nodegroups['worker-uuid'].reason == JOIN


@pytest.mark.parametrize('resource, failed, other', [
    ('kube_minions', 'worker', 'master'), ('kube_masters', 'master', 'worker'),
])
def test_a_group_is_not_blamed_for_the_nodes_of_another(
        cloud, driver, built, resource, failed, other):
    reason = JOIN.replace('kube_minions', resource)
    cloud.service.fail(built.stack_id, reason)
    groups = driver.observe(cloud, built).nodegroups
    assert groups[f'{failed}-uuid'].reason == reason
    assert groups[f'{failed}-uuid'].failure
    assert groups[f'{other}-uuid'].reason == (
        f'See default-{failed}, which failed.')
    assert groups[f'{other}-uuid'].failure is None


def test_a_silent_node_is_named_with_its_time(cloud, driver, built):
    cloud.service.fail(built.stack_id, SILENT)
    reason = driver.observe(cloud, built).reason
    assert reason.startswith('Timed out: ')
    assert 'my-cluster-1-8c3b2f6e6f0e-node-1 did not report' in reason
    assert '55 min' in reason
    assert 'console log' in reason


def test_when_all_time_is_over_silent_nodes_are_looked_up(
        cloud, driver, built):
    cloud.service.fail(built.stack_id, 'Timed out', [('kube_minions', '0')])
    assert 'node-0 did not report' in driver.observe(cloud, built).reason


def test_nothing_is_seen_where_nothing_is(cloud, driver):
    spec = specs.cluster()
    assert driver.observe(cloud, spec).state is base.State.GONE
    spec = dataclasses.replace(spec, stack_id='lost')
    assert driver.observe(cloud, spec).state is base.State.GONE


# Destroy.

def test_destroying_removes_the_stack(cloud, driver, built):
    driver.destroy(cloud, built)
    assert driver.observe(cloud, built).state is base.State.IN_PROGRESS
    cloud.service.complete(built.stack_id)
    assert driver.observe(cloud, built).state is base.State.GONE
    driver.destroy(cloud, built)


def test_what_a_crash_left_is_destroyed_by_its_name(cloud, driver):
    spec = specs.cluster()
    driver.apply(cloud, spec)
    driver.destroy(cloud, spec)
    assert only(cloud).stack_status == 'DELETE_IN_PROGRESS'


def test_a_failed_removal_is_tried_again(cloud, driver, built):
    driver.destroy(cloud, built)
    cloud.service.fail(built.stack_id, 'in use')
    assert driver.observe(cloud, built).state is base.State.FAILED
    driver.destroy(cloud, built)
    assert only(cloud).status == 'IN_PROGRESS'


def test_a_removal_under_way_is_left_alone(cloud, driver, built):
    driver.destroy(cloud, built)
    driver.destroy(cloud, built)
    assert cloud.service.calls['delete'] == 1


def test_load_balancers_of_services_go_first(cloud, driver, built):
    ours = f'Kubernetes external service x from cluster {specs.UUID}'
    cloud.balancers = [specs.Balancer('1', ours),
                       specs.Balancer('2', 'of somebody else')]
    with pytest.raises(errors.Temporary, match='balancers .* kube_service'):
        driver.destroy(cloud, built)
    assert only(cloud).action == 'CREATE'
    driver.destroy(cloud, built)
    assert only(cloud).action == 'DELETE'
    assert [b.id for b in cloud.balancers] == ['2']


def test_an_unreachable_heat_is_a_passing_trouble(cloud, driver, built):
    cloud.service.faults['get'] = [exc.HTTPServiceUnavailable('busy')]
    with pytest.raises(errors.Temporary):
        driver.destroy(cloud, built)


# A cluster of which parts are missing.

@pytest.mark.parametrize('left', ['masters', 'workers'])
def test_a_cluster_without_a_default_group_is_seen_and_destroyed(
        cloud, driver, built, left):
    group = getattr(built, left)
    spec = dataclasses.replace(built, nodegroups=(group,), trust=None,
                               authorities=None)
    assert list(driver.observe(cloud, spec).nodegroups) == [group.uuid]
    cloud.service.fail(built.stack_id, 'Timed out', [('kube_minions', '0')])
    assert driver.observe(cloud, spec).state is base.State.FAILED
    driver.destroy(cloud, spec)
    assert only(cloud).action == 'DELETE'


# What failed.

@pytest.mark.parametrize('reason, code, resource', [
    (JOIN, 'NODE_FAILED', PLACE),
    (SILENT, 'NODE_TIMEOUT', PLACE),
    ('Timed out', 'STACK_TIMEOUT', None),
    ('Resource CREATE failed: Forbidden: resources.a: Quota exceeded for x',
     'QUOTA_EXCEEDED', 'resources.a'),
    ('No valid host was found.', 'NO_VALID_HOST', None),
    ('Something else', 'INFRASTRUCTURE_FAILED', None),
])
def test_a_failure_has_a_code_and_the_resource(cloud, driver, built, reason,
                                               code, resource):
    cloud.service.fail(built.stack_id, reason, [('kube_minions', '1')])
    seen = driver.observe(cloud, built)
    assert (seen.failure.code, seen.failure.resource) == (code, resource)
    assert seen.failure.text == seen.reason
    assert seen.nodegroups['worker-uuid'].failure == seen.failure
    name = 'my-cluster-1-8c3b2f6e6f0e'
    assert [(r.name, r.status, r.nodegroup) for r in seen.resources] == [
        (f'{name}-master-0', 'READY', 'master-uuid'),
        (f'{name}-node-0', 'READY', 'worker-uuid'),
        (f'{name}-node-1', 'FAILED', 'worker-uuid')]


def test_what_works_has_no_failure(cloud, driver, built):
    seen = driver.observe(cloud, built)
    assert seen.failure is None
    assert seen.resources is None


# What this driver cannot do is said, not passed over.

def test_what_is_not_there_yet_is_not_supported(cloud, driver, built):
    access = specs_of_magnum.Access('https://a', 'ca', specs.key_pair())
    with pytest.raises(errors.NotSupported):
        driver.drain(access, ['node'])
    with pytest.raises(errors.NotSupported):
        driver.destroy_nodegroup(cloud, built, built.workers)


# Check.

@pytest.mark.parametrize('wanted, resources', [
    ({}, {'server': 3, 'port': 3, 'floating_ip': 3, 'network': 1,
          'subnet': 1, 'router': 1}),
    ({'masters': 3, 'master_lb_enabled': True, 'fixed_subnet': 's',
      'docker_volume': 5,
      'labels': {'etcd_volume_size': '2', 'boot_volume_size': '20'}},
     {'server': 5, 'port': 5, 'floating_ip': 6, 'load_balancer': 1,
      'volume': 13}),
    ({'floating_ip_enabled': False, 'fixed_network': 'n', 'workers': 0},
     {'server': 1, 'port': 1}),
])
def test_a_plan_counts_what_would_be_made(driver, wanted, resources):
    plan = driver.check(specs.cluster(**wanted))
    assert plan.resources == resources | {'security_group': 2,
                                          'server_group': 2}


def test_a_plan_has_all_labels_and_warns_of_unknown_ones(driver):
    plan = driver.check(specs.cluster(labels={'typo': '1',
                                              'etcd_volume_size': '0'}))
    assert plan.labels['etcd_volume_size'] == '0'
    assert plan.labels['flannel_backend'] == 'vxlan'
    assert set(plan.labels) <= set(driver.labels)
    assert [w for w in plan.warnings if 'typo' in w] == list(plan.warnings)
    assert len(plan.warnings) == 1


@pytest.mark.parametrize('wanted, field', [
    ({'network_driver': 'calico'}, 'network_driver'),
    ({'network_driver': 'cilium'}, 'network_driver'),
    ({'volume_driver': 'rexray'}, 'volume_driver'),
    ({'tls_disabled': True}, 'tls_disabled'),
    ({'masters': 2, 'master_lb_enabled': True}, 'master_count'),
    ({'masters': 3}, 'master_count'),
    ({'masters': 0}, 'master_count'),
    ({'external_network_id': None}, 'external_network_id'),
    ({'nodegroups': (specs.group('master', flavor_id=None),
                     specs.group('worker'))}, 'master_flavor_id'),
    ({'nodegroups': (specs.group('master'),
                     specs.group('worker', flavor_id=None))}, 'flavor_id'),
    ({'image_properties': {}}, 'image_id'),
    ({'image_properties': {'kube_version': 'new'}}, 'image_id'),
    ({'image_properties': {'kube_version': 'v1.30.9'}}, 'image_id'),
    ({'labels': {'kube_tag': 'v1.32.0'}}, 'labels'),
    ({'labels': {'etcd_volume_size': 'big'}}, 'labels'),
    ({'labels': {'flannel_network_cidr': '10.0.0.0/99'}}, 'labels'),
    ({'labels': {'kubeproxy_options': '--v=9'}}, 'labels'),
    ({'labels': {'kubeapi_options': '--v=2 --anonymous-auth=False'}},
     'labels'),
    ({'labels': {'cloud_provider_enabled': 'false'}}, 'volume_driver'),
    ({'labels': {'kubelet_options': "--a='; reboot'"}}, 'labels'),
])
def test_what_could_not_be_built_is_refused(driver, wanted, field):
    spec = specs.cluster(**{'trust': None, 'authorities': None} | wanted)
    with pytest.raises(errors.InvalidParameter) as refusal:
        driver.check(spec)
    assert refusal.value.field == field


@pytest.mark.parametrize('wanted', [
    {}, {'masters': 3, 'master_lb_enabled': True},
    {'volume_driver': None, 'network_driver': None},
    {'image_properties': {'kube_version': '1.34.1'}},
    {'image_properties': {}, 'labels': {'kube_tag': 'v1.33.2-rancher1'}},
    {'labels': {'unknown': 'kept', 'etcd_volume_size': ''}},
    {'labels': {'kubeapi_options': '--anonymous-auth=true'}},
    {'floating_ip_enabled': False, 'external_network_id': None,
     'fixed_network': 'mine'},
])
def test_what_can_be_built_is_accepted(driver, wanted):
    driver.check(specs.cluster(
        **{'trust': None, 'authorities': None} | wanted))


def test_user_data_over_the_limit_is_refused_with_its_size(driver):
    with pytest.raises(errors.InvalidParameter, match=r'\d{5} bytes'):
        driver.check(specs.cluster(labels={
            'kubeapi_options': '--oidc-issuer-url=' + 'x' * 30000}))


def test_a_label_of_the_wrong_type_is_named(driver):
    with pytest.raises(errors.InvalidParameter, match='boot_volume_size'):
        driver.check(specs.cluster(labels={'boot_volume_size': '2G'}))


@pytest.mark.parametrize('minutes, seconds', [
    (1, 30), (2, 60), (10, 300), (60, 3300), (6000, 43200)])
def test_nodes_give_up_before_their_stack_does(minutes, seconds):
    from_minutes = kubeadm_driver.wishes.node_timeout(minutes)
    assert from_minutes == seconds


def test_a_stack_that_was_deleted_by_hand_is_called_so(cloud, driver, built):
    heat.delete(cloud, heat.find(cloud, built.stack_id))
    cloud.service.complete(built.stack_id)
    seen = driver.observe(cloud, built)
    assert seen.state is base.State.GONE
    assert seen.reason.endswith('was deleted in Heat.')


def test_a_refusal_of_heat_names_the_node_first(cloud, driver):
    cloud.service.faults['create'] = [exc.HTTPBadRequest(
        '{"error": {"message": "resources.kube_masters<nested_stack>.'
        'resources.0<master.yaml>: : Image status is required to be active '
        'not deactivated."}}')]
    with pytest.raises(errors.InfrastructureFailed) as caught:
        driver.apply(cloud, specs.cluster())
    assert str(caught.value) == ('Master 0: Image status is required to be '
                                 'active not deactivated.')


def test_a_node_whose_server_was_deleted_is_replaced(cloud, driver, built):
    stack = only(cloud)
    cloud.lost = {stack.minions.server_id('1')}
    driver.apply(cloud, built)
    assert stack.action == 'UPDATE'
    assert stack.minions.members == ['0', '2']
    # Once is enough: the new one lives.
    cloud.service.complete(stack.id)
    driver.apply(cloud, built)
    assert stack.status == 'COMPLETE'


def test_the_only_master_cannot_be_replaced(cloud, driver, built):
    stack = only(cloud)
    cloud.lost = {stack.masters.server_id('0')}
    driver.apply(cloud, built)
    assert stack.status == 'COMPLETE'
