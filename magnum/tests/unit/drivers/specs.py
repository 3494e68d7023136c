# SPDX-License-Identifier: Apache-2.0
"""Specifications for tests of the drivers, and a cloud to build them in."""

import dataclasses
import datetime
import functools

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
from cryptography.x509 import oid

from magnum import specs
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import heat as fake_heat

UUID = '8c3b2f6e-6f0e-4a3e-9a35-1d1f5f4f2a10'
TRUST = specs.Trust('https://keystone/v3', 'trustee', 'name', 'pass"word',
                    'domain', 'a-trust')


def group(role, **wanted):
    values = {'uuid': f'{role}-uuid', 'name': f'default-{role}',
              'is_default': True, 'node_count': 1, 'flavor_id': 'm1.small',
              'image_id': 'ubuntu', 'role': role}
    return specs.NodeGroupSpec(**values | wanted)


def cluster(masters=1, workers=2, remove=(), docker_volume=None, **wanted):
    values = {
        'uuid': UUID, 'name': 'My_cluster.1', 'project_id': 'p1',
        'user_id': 'u1', 'coe': 'kubernetes', 'server_type': 'vm',
        'distro': 'ubuntu', 'image_id': 'ubuntu', 'keypair': 'key',
        'image_properties': {'kube_version': 'v1.31.4'},
        'external_network_id': 'public', 'dns_nameserver': '8.8.8.8',
        'network_driver': 'flannel', 'volume_driver': 'cinder',
        'trust': TRUST, 'authorities': authorities(),
        'nodegroups': (
            group('master', node_count=masters,
                  docker_volume_size=docker_volume),
            group('worker', node_count=workers, nodes_to_remove=tuple(remove),
                  docker_volume_size=docker_volume))}
    return specs.ClusterSpec(**values | wanted)


@functools.cache
def key_pair() -> specs.KeyPair:
    """An authority of nobody, about as long as a real one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, 'x' * 64)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(b'x' * 20), critical=False)
        .sign(key, hashes.SHA256()))
    return specs.KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(serialization.Encoding.PEM,
                          serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption()).decode())


@functools.cache
def authorities():
    pair = key_pair()
    return specs.Authorities(pair, pair, pair)


@dataclasses.dataclass(frozen=True)
class Thing:
    id: str
    name: str = ''
    network_id: str = ''
    cidr: str = ''


@dataclasses.dataclass
class Balancer:
    id: str
    description: str
    provisioning_status: str = 'ACTIVE'
    name: str = 'kube_service_web'
    vip_port_id: str = 'port'


class Cloud(clouds.Things):
    """As a driver sees it: names that resolve, load balancers, Heat."""

    region = 'RegionOne'

    def __init__(self, service=None, project_id='p1'):
        super().__init__()
        self.service = service or fake_heat.FakeHeat()
        self.heat = self.service.client(project_id)
        self.project_id = project_id
        self.balancers = []
        self.subnets = [Thing('subnet-id', 'nodes', 'network-id',
                              '10.99.0.0/24')]
        self.services = {'load-balancer'}

    def has_service(self, service_type):
        return service_type in self.services

    def external_network(self, ident):
        return Thing('public-id', ident)

    def network(self, ident):
        return Thing('network-id', ident)

    def subnet(self, ident):
        return self.subnets[0]

    def subnets_of(self, network_id):
        return self.subnets

    def load_balancers(self):
        return list(self.balancers)

    def floating_ips(self, port_id):
        return []

    def delete_load_balancer(self, ident, cascade=True):
        self.balancers = [b for b in self.balancers if b.id != ident]
