# SPDX-License-Identifier: Apache-2.0
"""Use the library python-magnumclient 4 as Horizon does: by URL and token.

In this mode it speaks plain HTTP of its own instead of keystoneauth's.  The
requests and what is read of the answers are those of Horizon's pages for
clusters; every value that is sent is text.
"""

import pathlib
import tempfile
import time

from magnumclient.common.apiclient import exceptions
from magnumclient.v1 import client
import openstack

from expect import Failed
from expect import same
from expect import until
import pem

NAME = 'horizon'
FORM = {'name': NAME, 'coe': 'kubernetes', 'image_id': 'ubuntu-kube-able',
        'external_network_id': 'public', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'keypair_id': 'testkey',
        'public': 'False', 'registry_enabled': 'False', 'hidden': 'False',
        'tls_disabled': 'False', 'floating_ip_enabled': 'True',
        'master_lb_enabled': 'False', 'docker_volume_size': '5',
        'dns_nameserver': '8.8.8.8', 'network_driver': 'flannel',
        'volume_driver': 'cinder', 'docker_storage_driver': 'overlay2'}


def login(cloud):
    connection = openstack.connect(cloud=cloud)
    url = connection.session.get_endpoint(service_type='container-infra')
    return client.Client(
        username=cloud, project_id=connection.current_project_id,
        input_auth_token=connection.auth_token, magnum_url=url,
        insecure=False, api_version='1.13'), connection.current_project_id


def main():
    magnum, project_id = login('demo2')
    operator, _ = login('admin')
    overview(magnum, project_id)
    template = templates(magnum)
    cluster = clusters(magnum, template)
    with tempfile.TemporaryDirectory() as folder:
        certificates(magnum, cluster, pathlib.Path(folder))
    resize_and_upgrade(magnum, cluster, template)
    quotas(operator, project_id)
    magnum.clusters.delete(cluster.uuid)
    until(lambda: cluster.uuid not in {
        each.uuid for each in magnum.clusters.list(detail=True)}, 120,
        'the cluster is gone')
    magnum.cluster_templates.delete(template.uuid)
    raises(exceptions.NotFound,
           lambda: magnum.cluster_templates.get(template.uuid))


def overview(magnum, project_id):
    """What the page of clusters shows first."""
    same(isinstance(magnum.clusters.list(limit=None, detail=True), list),
         True)
    stats = magnum.stats.list(project_id=project_id)
    same(stats.clusters >= 0 and stats.nodes >= 0, True)
    quota = magnum.quotas.get(project_id, 'Cluster')
    same(quota.hard_limit > 0, True)


def templates(magnum):
    made = magnum.cluster_templates.create(
        **FORM, labels={'boot_volume_size': '', 'auto_healing_enabled': True,
                        'number': 3, 'text': 'x'})
    # Whatever it came as, it leaves as text.
    same(made.labels, {'boot_volume_size': '', 'text': 'x', 'number': '3',
                       'auto_healing_enabled': 'True'})
    same(made.to_dict(), docker_volume_size=5, floating_ip_enabled=True,
         public=False, tls_disabled=False, master_lb_enabled=False)
    same(made.uuid in {each.uuid for each in magnum.cluster_templates.list(
        limit=None, detail=True)}, True)
    # An edit: all as text, and what the form does not know is removed.
    magnum.cluster_templates.update(made.uuid, [
        {'op': 'replace', 'path': '/docker_volume_size', 'value': '6'},
        {'op': 'replace', 'path': '/master_lb_enabled', 'value': 'True'},
        {'op': 'replace', 'path': '/labels', 'value': "{'x': '1'}"},
        {'op': 'add', 'path': '/http_proxy', 'value': 'http://proxy'},
        {'op': 'remove', 'path': '/tags'}])
    same(magnum.cluster_templates.get(made.uuid).to_dict(),
         docker_volume_size=6, master_lb_enabled=True, labels={'x': '1'},
         http_proxy='http://proxy')
    return made


def clusters(magnum, template):
    made = magnum.clusters.create(
        name=NAME, cluster_template_id=template.uuid, keypair='testkey',
        node_count='2', master_count='1', create_timeout='60',
        discovery_url='', docker_volume_size='5', flavor_id='m1.small',
        master_flavor_id='m1.small', floating_ip_enabled='False',
        master_lb_enabled='False', merge_labels='False',
        labels={'availability_zone': '', 'auto_scaling_enabled': False,
                'auto_healing_enabled': True,
                'master_lb_floating_ip_enabled': False})
    shown = settled(magnum, made, 'CREATE_COMPLETE').to_dict()
    same(shown, name=NAME, node_count=2, master_count=1, keypair='testkey',
         create_timeout=60, docker_volume_size=5, floating_ip_enabled=False,
         cluster_template_id=template.uuid)
    same({'cluster_id', 'api_address', 'status_reason', 'health_status',
          'health_status_reason', 'coe_version', 'labels',
          'discovery_url', 'master_addresses', 'node_addresses',
          'created_at', 'updated_at'} - set(shown), set())
    return made


def settled(magnum, made, status):
    def look():
        found = magnum.clusters.get(made.uuid)
        return not found.status.endswith('_IN_PROGRESS') and found
    found = until(look, 120, f'{NAME} settles')
    same(found.status, status)
    return found


def certificates(magnum, cluster, folder):
    authority = magnum.certificates.get(cluster.uuid)
    signed = magnum.certificates.create(cluster_uuid=cluster.uuid,
                                        csr=pem.request(folder))
    pem.verify_text(folder, authority.pem, signed.pem)
    # In this mode the library cannot read an answer without a body, whatever
    # it is: there is an error to be seen although the CA is a new one.
    raises(AttributeError, lambda: magnum.certificates.rotate_ca(
        cluster_uuid=cluster.uuid))
    settled(magnum, cluster, 'UPDATE_COMPLETE')
    same(magnum.certificates.get(cluster.uuid).pem == authority.pem, False)
    same(magnum.credentials.update(cluster.uuid).uuid, cluster.uuid)
    settled(magnum, cluster, 'UPDATE_COMPLETE')


def resize_and_upgrade(magnum, cluster, template):
    groups = magnum.nodegroups.list(cluster.uuid)
    # The dialog for a resize looks for this one.
    same({each.name: each.node_count for each in groups},
         {'default-master': 1, 'default-worker': 2})
    same(magnum.clusters.resize(
        cluster.uuid, 3, nodes_to_remove=[],
        nodegroup='default-worker').uuid, cluster.uuid)
    same(settled(magnum, cluster, 'UPDATE_COMPLETE').node_count, 3)
    same(magnum.clusters.upgrade(
        cluster.uuid, template.uuid, max_batch_size='1',
        nodegroup='default-worker').uuid, cluster.uuid)
    settled(magnum, cluster, 'UPDATE_COMPLETE')


def quotas(operator, project_id):
    made = operator.quotas.create(project_id=project_id, resource='Cluster',
                                  hard_limit='25')
    same(made.hard_limit, 25)
    # An object, not a patch.
    operator.quotas.update(project_id, 'Cluster', {
        'project_id': project_id, 'resource': 'Cluster', 'hard_limit': 26})
    same({each.project_id: each.hard_limit for each in operator.quotas.list(
        all_tenants=True)}[project_id], 26)
    operator.quotas.delete(project_id, 'Cluster')


def raises(error, call):
    try:
        call()
    except error as e:
        return e
    raise Failed(f'no {error.__name__}')


if __name__ == '__main__':
    begun = time.monotonic()
    main()
    print(f'The library, by URL and token: all as Horizon has it, in '
          f'{time.monotonic() - begun:.0f} s')
