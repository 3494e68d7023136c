# SPDX-License-Identifier: Apache-2.0
"""A cluster's life, as its owner sees it: from the command to nothing left."""

import base64
import collections
import json

from cryptography import x509
import yaml

from magnum.tests.integration import leftovers
from magnum.tests.integration import tenants


def test_a_cluster_is_made_used_resized_and_deleted(
        service, demo, operator, template, tmp_path):
    before = leftovers.look(service, demo, operator)
    demo.openstack('coe', 'cluster', 'create', 'life', '--cluster-template',
                   template.uuid, '--master-count', '1', '--node-count', '2')
    cluster = demo.settled('life')
    assert cluster.status == 'CREATE_COMPLETE', cluster.status_reason
    assert len(cluster.node_addresses) == 2
    assert cluster.api_address.startswith('https://')

    resources = json.loads(demo.openstack(
        'stack', 'resource', 'list', '-n', '3', '-f', 'json',
        cluster.stack_id))
    assert {r['resource_status'] for r in resources} == {'CREATE_COMPLETE'}
    count = collections.Counter(r['resource_type'] for r in resources)
    assert count['OS::Nova::Server'] == 3
    assert count['OS::Heat::WaitCondition'] >= 3
    assert count['OS::Neutron::Port'] and count['OS::Neutron::SecurityGroup']

    demo.openstack('coe', 'cluster', 'config', 'life', '--dir', str(tmp_path))
    assert_client_of(demo, cluster, tmp_path / 'config')

    demo.openstack('coe', 'cluster', 'resize', 'life', '3')
    cluster = demo.settled('life')
    assert cluster.status == 'UPDATE_COMPLETE'
    assert len(list(demo.cloud.compute.servers(name='life-'))) == 4

    demo.delete(cluster)
    assert leftovers.look(service, demo, operator) == before


def assert_client_of(tenant, cluster, kubeconfig):
    """The certificate in the kubeconfig is issued by the cluster's CA."""
    config = yaml.safe_load(kubeconfig.read_text())
    assert config['clusters'][0]['cluster']['server'] == cluster.api_address
    user = config['users'][0]['user']
    certificate = x509.load_pem_x509_certificate(
        base64.b64decode(user['client-certificate-data']))
    authority = x509.load_pem_x509_certificate(
        tenant.magnum.certificates.get(cluster.uuid).pem.encode())
    certificate.verify_directly_issued_by(authority)


def test_three_masters_stand_behind_a_load_balancer(demo, service):
    template = tenants.make_template(demo, 'balanced', master_lb_enabled=True)
    demo.openstack('coe', 'cluster', 'create', 'three', '--cluster-template',
                   template.uuid, '--master-count', '3', '--node-count', '1')
    cluster = demo.settled('three')
    assert cluster.status == 'CREATE_COMPLETE', cluster.status_reason

    addresses = demo.cloud.network.ips(
        port_id=balancer(demo, cluster).vip_port_id)
    assert ([f'https://{ip.floating_ip_address}:6443' for ip in addresses]
            == [cluster.api_address])
    demo.delete(cluster)


def balancer(tenant, cluster):
    """The load balancer of the cluster's API."""
    resource = next(r for r in tenant.heat.resources.list(cluster.stack_id,
                                                          nested_depth=3)
                    if r.resource_type == 'OS::Octavia::LoadBalancer')
    return tenant.cloud.load_balancer.get_load_balancer(
        resource.physical_resource_id)
