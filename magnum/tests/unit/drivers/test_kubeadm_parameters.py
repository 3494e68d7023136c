# SPDX-License-Identifier: Apache-2.0
"""What a running stack takes of a specification, and what it never does."""

import dataclasses

from oslo_config import cfg
import pytest

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import driver as kubeadm_driver
from magnum.drivers.k8s_kubeadm_v1 import keys
from magnum.drivers.k8s_kubeadm_v1 import labels
from magnum.drivers.k8s_kubeadm_v1 import nodes
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum import errors
from magnum import specs as specifications
from magnum.tests.fakes import hot
from magnum.tests.unit.drivers import specs

CONF = cfg.CONF

TEXTS = {'first_master_user_data', 'master_user_data', 'worker_user_data',
         'user_data_digest'}
NEW = TEXTS | {'trust_generation', 'external_cloud', 'label_defaults'}

# What the parameters of stacks were before there were texts.
EARLIER = {
    'master_role': 'master', 'master_nodegroup_name': 'default-master',
    'worker_role': 'worker', 'worker_nodegroup_name': 'default-worker',
    'kubeadm_init': '{}', 'kubeadm_join_master': '{}',
    'kubeadm_join_worker': '{}', 'addons_bundle': 'H4sI',
    'node_env': "CLOUD_PROVIDER='yes'\nVERIFY_CA='True'", 'node_files': []}


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(heat, 'FRESH_SECONDS', 0)


@pytest.fixture
def cloud():
    return specs.Cloud()


@pytest.fixture
def driver():
    return kubeadm_driver.Driver()


@pytest.fixture
def built(cloud, driver):
    spec = specs.cluster()
    ident = driver.apply(cloud, spec).stack_id
    cloud.service.complete(ident)
    return dataclasses.replace(spec, stack_id=ident)


def only(cloud):
    stack, = cloud.service.live()
    return stack


def sized(spec, workers, **more):
    group = dataclasses.replace(spec.workers, node_count=workers)
    return dataclasses.replace(spec, nodegroups=(spec.masters, group), **more)


def changed(cloud, driver, spec):
    """The names of the parameters that applying it changes."""
    before = dict(only(cloud).parameters)
    driver.apply(cloud, spec)
    after = only(cloud).parameters
    cloud.service.complete(spec.stack_id)
    return {name for name in set(before) | set(after)
            if before.get(name) != after.get(name)}


def make_earlier(stack, **more):
    """Give a stack the parameters that earlier releases gave it."""
    for name in NEW:
        del stack.parameters[name], stack.template['parameters'][name]
    for name, value in {**EARLIER, **more}.items():
        stack.parameters[name] = value
        stack.template['parameters'][name] = {'type': 'string'}


def test_a_resize_changes_only_what_it_must(cloud, driver, built):
    first = {'number_of_minions', 'bootstrap_index', 'first_master_user_data'}
    assert changed(cloud, driver, sized(built, 3)) == first
    assert changed(cloud, driver, sized(built, 1)) == {'number_of_minions'}
    assert changed(cloud, driver, sized(built, 1)) == set()


def test_nothing_that_replaces_a_node_is_sent_with_a_resize(
        cloud, driver, built):
    groups = (
        dataclasses.replace(built.masters, flavor_id='big', image_id='new',
                            docker_volume_size=9),
        dataclasses.replace(built.workers, flavor_id='big', image_id='new',
                            docker_volume_size=9, node_count=3))
    wanted = dataclasses.replace(
        built, nodegroups=groups, keypair='other', create_timeout=600,
        image_properties={'kube_version': 'v1.33.0'}, dns_nameserver='1.1.1.1',
        labels={'availability_zone': 'b', 'etcd_volume_size': '7',
                'boot_volume_size': '30', 'octavia_provider': 'ovn',
                'flannel_network_cidr': '10.200.0.0/16'})
    before = dict(only(cloud).parameters)
    assert changed(cloud, driver, wanted) <= TEXTS | {
        'number_of_minions', 'bootstrap_index'}
    once = {row.name for row in parameters.ROWS
            if row.life is parameters.Life.ONCE}
    assert {name: before[name] for name in once} == {
        name: only(cloud).parameters[name] for name in once}
    assert 'v1.33.0' not in only(cloud).parameters['master_user_data']


def test_what_new_members_are_told_comes_with_the_next_change(
        cloud, driver, built):
    driver.apply(cloud, sized(built, 3))
    cloud.service.complete(built.stack_id)
    CONF.set_override('verify_ca', False, 'drivers')
    assert changed(cloud, driver, sized(built, 3)) == set()
    assert changed(cloud, driver, sized(built, 4)) == {
        'number_of_minions', 'master_user_data', 'worker_user_data',
        'user_data_digest'}
    assert "VERIFY_CA='False'" in only(cloud).parameters['worker_user_data']


def test_new_defaults_of_labels_are_for_new_clusters(cloud, driver, built,
                                                     monkeypatch):
    driver.apply(cloud, sized(built, 3))
    cloud.service.complete(built.stack_id)
    for name, default in (('metrics_server_enabled', False),
                          ('flannel_tag', 'v9'), ('kubelet_options', '--v=9'),
                          ('admission_control_list', 'Other')):
        monkeypatch.setitem(labels.LABELS, name, dataclasses.replace(
            labels.LABELS[name], default=default))
    # Not known when the cluster was made.
    monkeypatch.setitem(labels.LABELS, 'later', dataclasses.replace(
        labels.LABELS['flannel_tag'], name='later'))
    assert changed(cloud, driver, sized(built, 4)) == {'number_of_minions'}
    # What is given goes before.
    own = {'kubelet_options': '--v=4'}
    assert changed(cloud, driver, sized(built, 3, labels=own)) == {
        'number_of_minions', 'master_user_data', 'worker_user_data',
        'user_data_digest'}
    assert '--v=4' in only(cloud).parameters['worker_user_data']
    fresh = parameters.of_new_stack(specs.cluster(), wishes.Networks())
    assert fresh['label_defaults']['flannel_tag'] == 'v9'
    assert '--v=9' in fresh['worker_user_data']


def test_a_stack_of_an_earlier_release_keeps_today_s_defaults(
        cloud, driver, built, monkeypatch):
    make_earlier(only(cloud))
    driver.apply(cloud, sized(built, 3))
    cloud.service.complete(built.stack_id)
    monkeypatch.setitem(labels.LABELS, 'flannel_tag', dataclasses.replace(
        labels.LABELS['flannel_tag'], default='v9'))
    assert changed(cloud, driver, sized(built, 4)) == {'number_of_minions'}


def test_new_authorities_are_sent_and_the_rest_is_kept(cloud, driver, built):
    driver.apply(cloud, sized(built, 3))
    cloud.service.complete(built.stack_id)
    other = specifications.KeyPair(
        specs.key_pair().certificate + '\n# new\n', 'key')
    authorities = dataclasses.replace(built.authorities, etcd=other)
    assert changed(cloud, driver, sized(
        built, 4, authorities=authorities)) == {
            'number_of_minions', 'etcd_ca_cert', 'etcd_ca_key'}


def test_a_new_trust_is_sent_with_the_place_of_the_stack(cloud, driver,
                                                         built):
    driver.apply(cloud, sized(built, 3))
    cloud.service.complete(built.stack_id)
    old = only(cloud).parameters['cloud_conf']
    trust = dataclasses.replace(specs.TRUST, trust_id='b-trust')
    assert changed(cloud, driver, sized(built, 4, trust=trust)) == {
        'number_of_minions', 'cloud_conf', 'trust_generation'}
    assert only(cloud).parameters['cloud_conf'] == old.replace('a-trust',
                                                               'b-trust')


@pytest.mark.parametrize('answer', ['yes', 'no'])
def test_a_stack_of_an_earlier_release_is_resized(cloud, driver, built,
                                                  answer):
    stack = only(cloud)
    text = stack.parameters['worker_user_data']
    make_earlier(stack, node_env=f"CLOUD_PROVIDER='{answer}'")
    assert driver.observe(cloud, built).nodegroups[
        'worker-uuid'].node_count == 2
    secrets = {name: stack.parameters[name] for name in (
        'ca_key', 'etcd_ca_key', 'front_proxy_ca_key', 'sa_key',
        'join_kubeconfig', 'cloud_conf')}
    assert changed(cloud, driver, sized(built, 3)) == NEW | set(EARLIER) | {
        'number_of_minions', 'bootstrap_index'}
    assert secrets == {name: stack.parameters[name] for name in secrets}
    assert f"CLOUD_PROVIDER='{answer}'" in stack.parameters[
        'worker_user_data']
    if answer == 'yes':
        assert stack.parameters['worker_user_data'] == text
    assert stack.parameters['external_cloud'] is (answer == 'yes')
    # From now on it is as any other.
    assert changed(cloud, driver, sized(built, 4)) == {'number_of_minions'}


def test_a_stack_of_an_earlier_release_is_left_alone_and_destroyed(
        cloud, driver, built):
    make_earlier(only(cloud))
    assert changed(cloud, driver, built) == set()
    driver.destroy(cloud, built)
    assert only(cloud).action == 'DELETE'


def test_a_stack_without_a_group_of_workers_keeps_its_size(cloud, driver,
                                                           built):
    spec = dataclasses.replace(built, nodegroups=(built.masters,))
    assert changed(cloud, driver, spec) == set()
    cloud.service.fail(built.stack_id, 'why', [('kube_minions', '1')])
    assert 'number_of_minions' not in changed(cloud, driver, spec)
    assert only(cloud).minions.members == ['0', '2']


def test_what_is_hidden_is_compared_by_something_that_is_shown():
    rules = hot.template('cluster.yaml')['parameters']
    for row in parameters.ROWS:
        if rules[row.name].get('hidden') and (
                row.life is not parameters.Life.ONCE):
            assert not rules[row.generation].get('hidden'), row.name


@pytest.mark.parametrize('member', ['master.yaml', 'worker.yaml'])
def test_running_servers_ignore_what_is_for_new_members(member):
    template = hot.template(member)
    server, = (r for r in template['resources'].values()
               if r['type'] == 'OS::Nova::Server')
    assert server['properties'].pop('user_data_update_policy') == 'IGNORE'
    user_data = server['properties'].pop('user_data')
    own = {name for name in template['parameters']
           if f"'{name}'" in str(user_data)}
    try:
        elsewhere = str({**template['resources'], **template['conditions']})
    finally:
        server['properties']['user_data'] = user_data
    for_members = {'user_data', 'first_user_data', 'join_kubeconfig',
                   'ca_cert', 'ca_key', 'sa_key', 'cloud_conf'}
    assert own & for_members
    for name in for_members & set(template['parameters']):
        assert name in own
        assert f"'get_param': '{name}'" not in elsewhere


# The length of user data.

@pytest.mark.parametrize('wanted', [
    {}, {'docker_volume': 5, 'labels': {'etcd_volume_size': '5'}},
    {'masters': 3, 'master_lb_enabled': True}])
def test_what_heat_fills_in_has_room(wanted):
    spec = specs.cluster(name='x' * 60, trust=specifications.Trust(
        'x' * 64, 'x' * 32, 'x' * 100, 'x' * 32, 'x' * 32, 'x' * 32), **wanted)
    networks = wishes.Networks('x' * 36, 'x' * 36, 'x' * 36, '10.0.0.0/24',
                               'x' * 16, True)
    given = parameters.of_new_stack(spec, networks)
    text = nodes.first_master(wishes.of_check(spec))
    for index in '01':
        whole = hot.render('kube_masters', given, index)
        assert len(whole.encode()) <= len(text.encode()) + userdata.ROOM
    # And not much more than that.
    assert len(hot.render('kube_masters', given)) > (
        len(text) + userdata.ROOM * 0.9)


def test_checking_makes_no_keys(driver, monkeypatch):
    spec = specs.cluster(trust=None, authorities=None)

    def refuse(*args, **kwargs):
        raise AssertionError('a key was made')
    monkeypatch.setattr(keys.ec, 'generate_private_key', refuse)
    monkeypatch.setattr(keys.serialization, 'load_pem_private_key', refuse)
    driver.check(spec)


def test_a_user_s_words_are_none_of_heat_s():
    spec = specs.cluster(
        http_proxy='http://x@CA_KEY@proxy:1',
        labels={'kubeapi_options': '--a=@SA_KEY@',
                'kubelet_options': '--b=@SIGNAL@'})
    given = parameters.of_new_stack(spec, wishes.Networks())
    for group in ('kube_masters', 'kube_minions'):
        files = hot.files(group, given)
        assert 'x@CA_KEY@proxy' in files[
            '/etc/systemd/system/kubelet.service.d/proxy.conf']
        assert '--b=@SIGNAL@' in files['/etc/magnum/node.env']
    assert '@SA_KEY@' in hot.files('kube_masters', given)[
        '/etc/magnum/kubeadm.yaml'].encode().decode('unicode_escape')


def test_new_masters_are_told_which_masters_are_gone():
    """Members of etcd must not outlive their masters."""
    spec = specs.cluster(masters=3, master_lb_enabled=True)
    wanted = wishes.of_new_cluster(spec, wishes.Networks())
    assert "GONE=''" in nodes.master(wanted)
    wanted = dataclasses.replace(wanted, is_new=False,
                                 masters_to_remove=('1', '2'))
    assert "GONE='1 2'" in nodes.master(wanted)


@pytest.fixture
def named(cloud, driver, built):
    """What a resize of the default workers makes of names."""
    return lambda *names: driver.nodes_to_remove(cloud, built, built.workers,
                                                 names)


def test_nodes_are_named_by_id_index_or_name(cloud, named):
    stack = only(cloud)
    first, second = (stack.minions.server_id(index) for index in '01')
    assert named(first.upper(), '1') == [first, second]
    assert named('0', f'{stack.stack_name}-node-0', first) == [first]
    assert named() == []


@pytest.mark.parametrize('name', [
    'fbb1d7b4-5a4e-4e8b-9f3c-2f2a54f0a4b1', '../../x', '7', '', '10.0.0.5'])
def test_what_is_no_node_is_refused_by_name(named, name):
    with pytest.raises(errors.InvalidParameter) as refusal:
        named('0', name)
    assert refusal.value.field == 'nodes_to_remove'
    assert f'"{name}" is not a node of default-worker' in str(refusal.value)


def test_a_master_is_refused_by_name(cloud, named):
    stack = only(cloud)
    for name in (stack.masters.server_id('0'),
                 f'{stack.stack_name}-master-0'):
        with pytest.raises(errors.InvalidParameter, match='is a master'):
            named(name)


def test_a_node_that_was_named_before_may_be_named_again(cloud, driver,
                                                         named):
    stack = only(cloud)
    stack.parameters['minions_to_remove'] = 'gone-id,5'
    assert named('gone-id', '5') == ['gone-id', '5']


def test_a_cluster_without_a_stack_has_no_nodes(cloud, driver):
    spec = specs.cluster()
    with pytest.raises(errors.InvalidParameter, match='no nodes yet'):
        driver.nodes_to_remove(cloud, spec, spec.workers, ['0'])
