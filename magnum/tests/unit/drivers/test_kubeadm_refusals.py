# SPDX-License-Identifier: Apache-2.0
"""What the kubeadm driver refuses before anything is built."""

import dataclasses
import datetime

import pytest

from magnum.drivers.k8s_kubeadm_v1 import driver as kubeadm_driver
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum import errors
from magnum.tests.unit.drivers import specs

SERVICES, PODS, LENGTH, NODES = (
    'service_cluster_ip_range', 'flannel_network_cidr',
    'flannel_network_subnetlen', 'fixed_subnet_cidr')


def check(labels=None, **wanted):
    kubeadm_driver.Driver().check(
        specs.cluster(labels=labels or {}, **wanted))


@pytest.mark.parametrize(('labels', 'named'), [
    # Fewer addresses than Kubernetes needs, more than it takes, or one.
    *(({SERVICES: value}, SERVICES) for value in (
        '10.254.0.0/29', '10.254.0.0/32', '10.254.0.0', '10.240.0.0/11',
        '0.0.0.0/0', 'fd00::/108', '10.254.0.1/16')),
    # Nobody's, or everybody's.
    *(({name: value}, name) for name in (SERVICES, PODS, NODES)
      for value in ('0.0.0.0/0', '127.0.0.0/16', '169.254.0.0/16',
                    '224.0.0.0/16', '0.0.0.0/16')),
    *(({LENGTH: value}, LENGTH) for value in (
        '999', '0', '16', '15', '31', '-1', 'x')),
    ({PODS: '10.0.0.0/24', LENGTH: '24', NODES: '192.168.0.0/24'}, LENGTH),
    ({PODS: '10.96.0.0/12', LENGTH: '29'}, LENGTH),
    # The second master is the last that gets a subnet.
    ({PODS: '10.100.0.0/23', LENGTH: '24'}, PODS),
    ({NODES: '10.0.0.0/30'}, NODES),
    # Overlaps, both ways.
    ({SERVICES: '10.100.0.0/16'}, SERVICES),
    ({SERVICES: '10.0.0.0/16'}, NODES),
    ({SERVICES: '10.0.0.0/12'}, SERVICES),
    ({PODS: '10.254.0.0/20'}, PODS),
    ({PODS: '10.0.0.0/20'}, PODS)])
def test_ranges_that_no_cluster_can_have(labels, named):
    with pytest.raises(errors.InvalidParameter, match=named):
        check(labels)


@pytest.mark.parametrize('labels', [
    {}, {SERVICES: '10.254.0.0/28'}, {SERVICES: '10.240.0.0/12'},
    {PODS: '10.100.0.0/22'}, {PODS: '10.64.0.0/10', LENGTH: '26'},
    {PODS: '10.100.0.0/16', LENGTH: '30'}, {NODES: '10.0.0.0/29'},
    {NODES: '172.16.0.0/16'}])
def test_ranges_that_a_cluster_can_have(labels):
    check(labels)


@pytest.mark.parametrize(('cidrs', 'labels', 'field'), [
    (['10.254.3.0/24'], {}, SERVICES),
    (['10.100.3.0/24'], {}, PODS),
    (['fd00::/64'], {}, 'fixed_network'),
    ([], {}, 'fixed_network'),
    (['10.1.0.0/24', '10.2.0.0/24'], {}, 'fixed_subnet')])
def test_networks_that_no_cluster_can_be_in(cidrs, labels, field):
    with pytest.raises(errors.InvalidParameter, match=field):
        check(labels, fixed_network='net', subnet_cidrs=tuple(cidrs))


@pytest.mark.parametrize('cidrs', [
    None, ('10.1.0.0/24',), ('10.1.0.0/24', 'fd00::/64'),
    # The label is of no account where there is a network.
    ('192.0.2.0/29',)])
def test_networks_that_a_cluster_can_be_in(cidrs):
    check({NODES: '10.254.0.0/24'}, fixed_network='net',
             subnet_cidrs=cidrs)


@pytest.mark.parametrize('version', [
    'v1.31.4+rke2r1', 'v1.32.0-rc.1', 'v1.31', '1.31.4 ', 'v1.31.4\n',
    'v' + '1' * 5000 + '.1.1', 'v\u0661.31.4'])
def test_only_a_release_is_a_version(version):
    with pytest.raises(errors.InvalidParameter, match='such as v1.31.4'):
        check(image_properties={'kube_version': version})


@pytest.mark.parametrize('tag', ['latest', 'v1.31', 'v1.31.4_x',
                                 'v' + '1' * 5000 + '.1.1'])
def test_a_tag_begins_with_a_release(tag):
    with pytest.raises(errors.InvalidParameter, match='such as v1.31.4'):
        check({'kube_tag': tag})


@pytest.mark.parametrize('tag', ['1.31.4', 'v1.31.4-rancher1', 'v1.31.4+x.1'])
def test_what_is_behind_the_release_in_a_tag_is_of_no_account(tag):
    check({'kube_tag': tag})


def test_name_servers_of_a_new_network_have_ipv4():
    with pytest.raises(errors.InvalidParameter, match='dns_nameserver'):
        check(dns_nameserver='8.8.8.8,2001:db8::1')
    check(dns_nameserver='2001:db8::1', fixed_network='net')


@pytest.mark.parametrize(('name', 'value'), [
    ('http_proxy', 'http://p:1"\nExecStartPre=/bin/sh'),
    ('https_proxy', 'http://a b'), ('no_proxy', 'a\nb'),
    ('insecure_registry', '../../../../home/x'),
    ('insecure_registry', 'r"]\nx'), ('dns_nameserver', 'fe80::1%\n"')])
def test_a_template_older_than_the_rules_makes_no_clusters(name, value):
    with pytest.raises(errors.InvalidParameter, match=name):
        check(**{name: value})


@pytest.mark.parametrize('minutes', [1, 60, 43200, 10 ** 8, 2 ** 31 - 1])
def test_a_join_credential_ends_within_a_day(minutes):
    _, until = wishes.join_credential(
        specs.cluster(create_timeout=minutes))
    left = (datetime.datetime.fromisoformat(until)
            - datetime.datetime.now(datetime.UTC))
    assert left <= datetime.timedelta(days=1)


@pytest.mark.parametrize('field', ['name', 'role'])
@pytest.mark.parametrize('value', [
    'x", "taints": []', 'a b', 'a,b=c', '-a', 'x' * 64, 'a\nb', ''])
def test_a_group_is_named_as_a_label_may_be(field, value):
    spec = specs.cluster()
    group = dataclasses.replace(specs.group('worker', is_default=False),
                                **{field: value})
    spec = dataclasses.replace(spec, nodegroups=(*spec.nodegroups, group))
    with pytest.raises(errors.InvalidParameter, match=f'for {field}'):
        kubeadm_driver.Driver().check(spec)
