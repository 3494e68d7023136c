# SPDX-License-Identifier: Apache-2.0
"""Make what an operator would have made in a new cloud.

usage: python -m tools.minicloud.seed identity | resources | nodes VERSION...

Looks before it makes.  Runs in the cloud's own virtual environment.
"""

import subprocess
import sys

import openstack

from tools.minicloud import settings

CATALOGUE = [
    ('image', 'glance', ''), ('placement', 'placement', ''),
    ('compute', 'nova', '/v2.1'), ('network', 'neutron', ''),
    ('block-storage', 'cinder', '/v3'), ('load-balancer', 'octavia', ''),
    # The type under which Heat looks for Cinder.
    ('volumev3', 'cinder', '/v3/%(project_id)s'),
    ('key-manager', 'barbican', ''),
    ('orchestration', 'heat', '/v1/%(project_id)s'),
    ('container-infra', 'magnum', '/v1')]
ROLES = ['admin', 'manager', 'member', 'reader', 'service', 'creator',
         'heat_stack_owner', 'heat_stack_user', 'load-balancer_member',
         'load-balancer_observer', 'load-balancer_admin']
TENANT = ['member', 'reader', 'creator', 'load-balancer_member',
          'heat_stack_owner']
FLAVORS = [('m1.tiny', 1, 512, 1), ('m1.small', 1, 2048, 20),
           ('m1.medium', 2, 4096, 40), ('m1.large', 4, 8192, 80)]
IMAGES = [
    ('ubuntu-kube-v1.31.4', {'os_distro': 'ubuntu',
                             'kube_version': 'v1.31.4'}),
    ('ubuntu-kube-v1.32.1', {'os_distro': 'ubuntu',
                             'kube_version': 'v1.32.1'}),
    # No version of Kubernetes, no distribution: to be refused.
    ('ubuntu-22.04', {'os_distro': 'ubuntu'}),
    ('nodistro', {}),
    ('fedora-coreos-40', {'os_distro': 'fedora-coreos'}),
    ('flatcar-stable', {'os_distro': 'flatcar'})]


def identity():
    keystone = openstack.connect(cloud='admin').identity
    roles = {r.name: r for r in keystone.roles()}
    for name in ROLES:
        if name not in roles:
            roles[name] = keystone.create_role(name=name)
    catalogue(keystone)

    default = keystone.find_domain('Default', ignore_missing=False)
    projects = {p.name: p for p in keystone.projects()}
    for name in ('service', 'demo', 'demo2'):
        if name not in projects:
            projects[name] = keystone.create_project(
                name=name, domain_id=default.id)
    users = {(u.name, u.domain_id): u for u in keystone.users()}

    def user(name, domain=default):
        key = name, domain.id
        if key not in users:
            users[key] = keystone.create_user(
                name=name, domain_id=domain.id, password=settings.PASSWORD)
        return users[key]

    def grant(username, project, *names):
        for name in names:
            keystone.assign_project_role_to_user(
                projects[project], user(username), roles[name])

    for _, name, _ in CATALOGUE:
        grant(name, 'service', 'admin', 'service')
    for name in ('demo', 'demo2'):
        grant(name, name, *TENANT)
    grant('demo-reader', 'demo', 'reader', 'load-balancer_observer')
    grant('admin', 'demo', 'admin')
    grant('admin', 'admin', 'load-balancer_admin')
    keystone.assign_system_role_to_user(user('admin'), roles['admin'],
                                        system='all')
    # Their users are made on the fly: Heat's stack users, Magnum's trustees.
    domains = {d.name: d for d in keystone.domains()}
    for name, admin in (('heat', 'heat_domain_admin'),
                        ('magnum', 'trustee_domain_admin')):
        domain = domains.get(name) or keystone.create_domain(name=name)
        keystone.assign_domain_role_to_user(domain, user(admin, domain),
                                            roles['admin'])


def catalogue(keystone):
    services = {s.type: s for s in keystone.services()}
    endpoints = {(e.service_id, e.interface) for e in keystone.endpoints()}
    for kind, name, path in CATALOGUE:
        service = services.get(kind) or keystone.create_service(
            type=kind, name=name)
        for interface in ('public', 'internal', 'admin'):
            if (service.id, interface) not in endpoints:
                keystone.create_endpoint(
                    service_id=service.id, interface=interface,
                    region_id='RegionOne', url=settings.url(name) + path)


def resources():
    cloud = openstack.connect(cloud='admin')
    for name, vcpus, ram, disk in FLAVORS:
        if not cloud.compute.find_flavor(name):
            cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram,
                                        disk=disk)
    images(cloud, IMAGES)
    if not any(t.name == 'void' for t in cloud.block_storage.types()):
        cloud.block_storage.create_type(
            name='void', extra_specs={'volume_backend_name': 'void'})
    if not cloud.network.find_network('public'):
        public = cloud.network.create_network(
            name='public', is_router_external=True,
            provider_network_type='flat', provider_physical_network='public')
        cloud.network.create_subnet(
            name='public-subnet', network_id=public.id, ip_version=4,
            cidr='172.24.0.0/16', gateway_ip='172.24.0.1',
            is_dhcp_enabled=False, allocation_pools=[
                {'start': '172.24.4.2', 'end': '172.24.255.254'}])
    key = settings.RUN / 'testkey'
    if not key.exists():
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '',
                        '-C', 'minicloud', '-f', key], check=True)
    for name in ('admin', 'demo', 'demo2'):
        tenant = openstack.connect(cloud=name)
        if not tenant.compute.find_keypair('testkey'):
            tenant.compute.create_keypair(
                name='testkey',
                public_key=key.with_suffix('.pub').read_text())
    own_network(openstack.connect(cloud='demo'))


def images(cloud, wanted):
    have = {i.name for i in cloud.image.images()}
    for name, properties in wanted:
        if name not in have:
            cloud.image.create_image(
                name=name, disk_format='raw', container_format='bare',
                visibility='public', min_disk=1, data=b'\0' * 4096,
                allow_duplicates=True, **properties)


def nodes(*versions):
    """Images of servers that are machines; the root of nodes is elsewhere."""
    images(openstack.connect(cloud='admin'), [
        (f'node-{version}', {'os_distro': 'ubuntu', 'kube_version': version})
        for version in versions])


def own_network(cloud):
    """A network that clusters can be put into, behind a router."""
    if cloud.network.find_network('demo-net'):
        return
    network = cloud.network.create_network(name='demo-net')
    subnet = cloud.network.create_subnet(
        name='demo-subnet', network_id=network.id, ip_version=4,
        cidr='10.99.0.0/24', dns_nameservers=['8.8.8.8'])
    router = cloud.network.create_router(
        name='demo-router', external_gateway_info={
            'network_id': cloud.network.find_network('public').id})
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)


{'identity': identity, 'resources': resources,
 'nodes': nodes}[sys.argv[1]](*sys.argv[2:])
