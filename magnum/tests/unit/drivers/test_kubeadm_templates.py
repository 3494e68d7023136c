# SPDX-License-Identifier: Apache-2.0
"""The templates fit together, and make user data that cloud-init can read."""

import base64
import dataclasses
import gzip
import json
import re

import pytest
import yaml

from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum.drivers.k8s_kubeadm_v1 import stack_templates
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.tests.fakes import hot
from magnum.tests.unit.drivers import specs

TEMPLATES = ('cluster.yaml', 'network.yaml', 'api_lb.yaml', 'master.yaml',
             'worker.yaml')
NETWORKS = wishes.Networks('public-id', '', '', '', 'RegionOne', True)


def walk(node):
    """Every mapping with one key: (key, value)."""
    if isinstance(node, dict):
        if len(node) == 1:
            yield next(iter(node.items()))
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for item in node:
            yield from walk(item)


def first(path):
    return path[0] if isinstance(path, list) else path


def wanted(**spec):
    return parameters.of_new_stack(specs.cluster(**spec), NETWORKS)


def files_of(group, index='0', **spec):
    text = hot.render(group, wanted(**spec), index)
    assert text.startswith('#cloud-config\n')
    config = yaml.safe_load(text)
    assert config['runcmd'] == [['/usr/local/sbin/magnum-node', 'up']]
    files = {}
    for entry in config['write_files']:
        content = entry['content']
        if entry.get('encoding') == 'gz+b64':
            content = gzip.decompress(base64.b64decode(content)).decode()
        files[entry['path']] = content
    return files


@pytest.mark.parametrize('group', ['kube_masters', 'kube_minions'])
def test_nodes_get_the_public_key_itself(group):
    values = wanted(public_key='ssh-rsa AAAA')
    config = yaml.safe_load(hot.render(group, values, '0'))
    assert config['ssh_authorized_keys'] == ['ssh-rsa AAAA']
    assert values['ssh_key_name'] == ''
    # As an earlier release wrote the request down.
    assert wanted(keypair='key')['ssh_key_name'] == 'key'


@pytest.mark.parametrize('name', TEMPLATES)
def test_everything_that_is_referred_to_is_declared(name):
    parsed = hot.template(name)
    assert str(parsed['heat_template_version']) == 'wallaby'
    declared = {'parameters': {*parsed['parameters'], 'OS::stack_name'},
                'resources': set(parsed['resources']),
                'conditions': set(parsed.get('conditions', ()))}
    for function, value in walk(parsed):
        if function == 'get_param':
            assert first(value) in declared['parameters']
        elif function == 'get_resource':
            assert value in declared['resources']
        elif function == 'get_attr':
            assert first(value) in declared['resources']
        elif function == 'if' and isinstance(value, list):
            assert first(value) in declared['conditions']
        elif function == 'get_file':
            assert value in stack_templates.files()


@pytest.mark.parametrize('name', TEMPLATES)
def test_no_parameter_is_declared_in_vain(name):
    parsed = hot.template(name)
    # Told to whoever reads the stack, not to its resources.
    notes = {'join_not_after', 'trust_generation', 'external_cloud',
             'user_data_digest', 'label_defaults'}
    used = {first(value) for function, value in walk(parsed)
            if function == 'get_param'}
    assert set(parsed['parameters']) - used == (
        notes & set(parsed['parameters']))


def test_all_parameters_are_supplied():
    parsed = hot.template('cluster.yaml')
    needed = {name for name, rule in parsed['parameters'].items()
              if 'default' not in rule}
    given = wanted()
    assert needed <= set(given) <= set(parsed['parameters'])
    assert list(given) == [n for n in parsed['parameters'] if n in given]


def test_nested_templates_get_exactly_what_they_declare():
    cluster = hot.template('cluster.yaml')
    nested = [(r['type'], r['properties'])
              for r in cluster['resources'].values()
              if r['type'].endswith('.yaml')]
    nested += [(r['properties']['resource_def']['type'],
                r['properties']['resource_def']['properties'])
               for r in cluster['resources'].values()
               if 'resource_def' in r.get('properties', {})]
    assert len(nested) == 4
    for name, properties in nested:
        parsed = hot.template(name)
        assert set(properties) == set(parsed['parameters']), name


def test_names_that_other_programs_rely_on():
    cluster = hot.template('cluster.yaml')
    worker = hot.template('worker.yaml')
    assert cluster['resources']['kube_minions']['type'] == (
        'OS::Heat::ResourceGroup')
    assert {'kube-minion', 'node_config_deployment'} <= set(
        worker['resources'])
    assert worker['outputs']['OS::stack_id']['value'] == {
        'get_resource': 'kube-minion'}


def test_secrets_are_hidden_and_in_no_file():
    secret = {'ca_key', 'etcd_ca_key', 'front_proxy_ca_key', 'sa_key',
              'join_kubeconfig', 'cloud_conf', 'first_master_user_data',
              'first_user_data', 'master_user_data', 'worker_user_data',
              'user_data'}
    for name in ('cluster.yaml', 'master.yaml', 'worker.yaml'):
        parsed = hot.template(name)['parameters']
        assert all(parsed[key].get('hidden') for key in secret & set(parsed))
    values = wanted()
    shipped = ''.join(stack_templates.files().values())
    for key in secret & set(values):
        assert values[key] not in shipped


def test_files_are_the_same_every_time():
    assert userdata.packed('text') == userdata.packed('text')


@pytest.mark.parametrize('group', ['kube_masters', 'kube_minions'])
@pytest.mark.parametrize('index', ['0', '1'])
def test_user_data_is_short_and_complete(group, index):
    text = hot.render(group, wanted(
        http_proxy='http://proxy:3128', no_proxy='example.org',
        insecure_registry='registry:5000', docker_volume=5,
        labels={'etcd_volume_size': '5'}), index)
    assert len(text.encode()) <= 48 * 1024
    files = files_of(group, index)
    for path, content in files.items():
        if path != '/usr/local/sbin/magnum-node':
            # The node itself fills this one in, in add-ons.
            content = content.replace('@API_ADDRESS@', '')
            assert not re.search('@[A-Z_]+@', content), path


def test_the_first_master_begins_and_the_others_join():
    begins = files_of('kube_masters', '0')
    joins = files_of('kube_masters', '1')
    assert "BOOTSTRAP='yes'" in begins['/etc/magnum/node.env']
    assert 'ClusterConfiguration' in begins['/etc/magnum/kubeadm.yaml']
    assert "BOOTSTRAP='no'" in joins['/etc/magnum/node.env']
    assert 'JoinConfiguration' in joins['/etc/magnum/kubeadm.yaml']
    assert set(begins) == set(joins)


def test_masters_have_all_keys():
    files = files_of('kube_masters')
    pki = {path.rpartition('pki/')[2] for path in files if '/pki/' in path}
    assert pki == {'ca.crt', 'ca.key', 'etcd/ca.crt', 'etcd/ca.key',
                   'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.pub',
                   'sa.key'}


def test_workers_have_no_key_but_the_one_to_join_with():
    authority = specs.authorities().kubernetes
    sa_key = wanted()['sa_key']
    files = files_of('kube_minions')
    text = ''.join(files.values())
    assert authority.private_key not in text
    assert sa_key not in text
    assert 'trust' not in text
    assert not any('/pki/' in path for path in files)
    kubeconfig = json.loads(files['/etc/magnum/discovery.conf'])
    assert kubeconfig['clusters'][0]['cluster']['server'].startswith('https:')


def test_kubeadm_is_told_names_labels_and_addresses():
    files = files_of('kube_minions')
    own, = map(json.loads, files['/etc/magnum/kubeadm.yaml'].split('---\n'))
    registration = own['nodeRegistration']
    assert registration['name'].endswith('-node-0')
    assert registration['kubeletExtraArgs'][0]['value'] == (
        'magnum.openstack.org/role=worker,'
        'magnum.openstack.org/nodegroup=default-worker')


def test_the_name_server_has_the_tenth_service_address():
    assert kubeadm.dns_service_ip('10.254.0.0/16') == '10.254.0.10'
    assert kubeadm.dns_service_ip('192.168.8.0/24') == '192.168.8.10'


def manifests(**spec):
    text = files_of('kube_masters', **spec)['/etc/magnum/addons.yaml']
    return [(m['kind'], m['metadata']['name'], m)
            for m in yaml.safe_load_all(text) if m]


def test_addons_are_manifests_with_versions():
    found = manifests()
    names = {name for _, name, _ in found}
    assert {'kube-flannel-ds', 'openstack-cloud-controller-manager',
            'csi-cinder-nodeplugin', 'metrics-server', 'block'} <= names
    text = json.dumps([m for _, _, m in found])
    assert f'--cluster-name={specs.UUID}' in text
    assert 'cloud-controller-manager:v1.31.0' in text


def test_without_a_trust_nothing_speaks_to_the_cloud():
    trust = dataclasses.replace(specs.TRUST, trust_id='')
    names = {name for _, name, _ in manifests(trust=trust)}
    assert 'kube-flannel-ds' in names
    assert not any('openstack' in n or 'cinder' in n for n in names)
    assert '/etc/magnum/cloud.conf' not in files_of('kube_masters',
                                                    trust=trust)


def test_one_prefix_replaces_every_registry():
    labels = {'container_infra_prefix': 'mirror.example.org/k8s/'}
    text = json.dumps([m for _, _, m in manifests(labels=labels)])
    images = re.findall(r'"image": "([^"]+)"', text)
    assert len(images) > 8
    assert all(i.startswith('mirror.example.org/k8s/') for i in images)


def test_a_proxy_leaves_the_cluster_s_own_traffic_alone():
    files = files_of('kube_minions', http_proxy='http://proxy:3128')
    unit = files['/etc/systemd/system/containerd.service.d/proxy.conf']
    assert 'HTTP_PROXY=http://proxy:3128' in unit
    assert '10.0.0.0/24' in unit and '10.254.0.0/16' in unit


@pytest.mark.parametrize(('value', 'line'), [
    ('http://me:p%40ss@proxy:3128', 'http://me:p%%40ss@proxy:3128'),
    # Of templates older than the rules; nothing gets out of the quotes.
    ('http://p:1"\nExecStartPre=/bin/sh -c "touch /pwned"\n#',
     r'http://p:1\"\nExecStartPre=/bin/sh -c \"touch /pwned\"\n#'),
    ('http://a\\b', r'http://a\\b')])
@pytest.mark.parametrize('name', ['http_proxy', 'https_proxy'])
def test_a_proxy_is_quoted_for_systemd(name, value, line):
    files = files_of('kube_minions', **{name: value})
    unit = files['/etc/systemd/system/kubelet.service.d/proxy.conf']
    assert unit.splitlines()[1] == f'Environment="{name.upper()}={line}"'
    assert len(unit.splitlines()) == 3


def test_labels_and_attributes_become_parameters():
    given = wanted(master_lb_enabled=True, floating_ip_enabled=False, labels={
        'master_lb_floating_ip_enabled': 'True', 'octavia_provider': 'ovn',
        'master_lb_allowed_cidrs': '192.0.2.0/24', 'boot_volume_size': '20'})
    assert given['lb_fip_enabled'] is True
    assert given['node_fip_enabled'] is False
    assert given['octavia_lb_algorithm'] == 'SOURCE_IP_PORT'
    assert given['master_lb_allowed_cidrs'] == ['192.0.2.0/24', '10.0.0.0/24']
    assert given['boot_volume_size'] == 20
