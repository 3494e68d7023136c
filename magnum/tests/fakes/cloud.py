# SPDX-License-Identifier: Apache-2.0
"""An OpenStack cloud as the API sees it: things that have names."""

import dataclasses

from magnum import errors
from magnum import openstack
from magnum.openstack import records


@dataclasses.dataclass(frozen=True)
class Image:
    id: str
    name: str
    properties: dict
    status: str = 'active'
    min_disk: int = 0
    min_ram: int = 0
    size: float = 0


@dataclasses.dataclass(frozen=True)
class Flavor:
    id: str
    name: str
    disk: int = 20
    ram: int = 4096
    vcpus: int = 2


@dataclasses.dataclass(frozen=True)
class Named:
    id: str
    name: str
    project_id: str = 'p'


@dataclasses.dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    network_id: str
    cidr: str
    project_id: str = 'p'


@dataclasses.dataclass(frozen=True)
class KeyPair:
    id: str
    name: str
    public_key: str = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 owner@desk "\\\n'


# Methods of the real one that a conductor uses, each with one argument.
CALLS = ('image', 'flavor', 'external_network', 'network', 'subnet',
         'keypair', 'project', 'servers', 'ports', 'volumes',
         'has_server', 'delete_server', 'delete_port', 'delete_volume')


class Things:
    """Servers, ports and volumes that a stack may leave behind.

    `things_left` is {kind: [Named]}; a removed one is gone at once.
    """

    def __init__(self):
        self.things_left = {'servers': [], 'ports': [], 'volumes': []}
        # Ids of servers that somebody deleted by hand.
        self.lost = set()

    def servers(self, prefix):
        return self._named('servers', prefix)

    def has_server(self, ident):
        return ident not in self.lost

    def ports(self, prefix):
        return self._named('ports', prefix)

    def volumes(self, prefix):
        return self._named('volumes', prefix)

    def delete_server(self, ident):
        self._drop('servers', ident)

    def delete_port(self, ident):
        names = {thing.name for thing in self.things_left['ports']
                 if thing.id == ident}
        if any(thing.name in names for thing in self.things_left['servers']):
            raise errors.Conflict('Neutron: the port is in use.')
        self._drop('ports', ident)

    def delete_volume(self, ident):
        self._drop('volumes', ident)

    def _named(self, kind, prefix):
        return [thing for thing in self.things_left[kind]
                if thing.name.startswith(prefix)]

    def _drop(self, kind, ident):
        self.things_left[kind] = [thing for thing in self.things_left[kind]
                                  if thing.id != ident]


class FakeCloud:
    """Looks things up by id or name in lists that a test may change.

    `calls` has an entry for each look-up, so that a test can tell that there
    was none.  What is in `forbidden` may not be seen.
    """

    region = 'RegionOne'
    has_application_credential = has_access_rules = False

    def __init__(self):
        ubuntu = {'os_distro': 'ubuntu'}
        self.things = {
            'Image': [Image('i-1', 'ubuntu-k8s', ubuntu),
                      Image('i-2', 'plain', {}),
                      Image('i-3', 'twin', ubuntu),
                      Image('i-4', 'twin', ubuntu),
                      Image('i-5', 'secret', ubuntu),
                      Image('i-6', 'coreos', {'os_distro': 'coreos'})],
            'Flavor': [Flavor('f-1', 'm1.small'), Flavor('f-2', 'm1.large'),
                       Flavor('f-3', 'm1.medium'),
                       Flavor('f-4', 'diskless', disk=0)],
            'ExternalNetwork': [Named('n-1', 'public')],
            'Network': [Named('n-2', 'private'), Named('n-3', 'twins'),
                        Named('n-4', 'twins')],
            'Subnet': [Subnet('s-1', 'private-subnet', 'n-2',
                              '10.99.0.0/24')],
            'Keypair': [KeyPair('key', 'key')],
            'Project': [Named('p', 'p'), Named('q', 'q')],
        }
        self.forbidden = {'i-5'}
        self.calls = []
        self.roles = ['member', 'reader']
        self.project_id = 'p'
        self.services = {'load-balancer'}
        self.zone_names, self.types = ['nova'], ['fast']
        # By service; one that is absent does not answer.
        self.allowed = {}
        # Which external networks routers join a network, or subnet, to.
        self.routes = {'n-2': {'n-1'}}

    def install(self, monkeypatch):
        """Be the cloud of a request, and answer the look-ups of conductors."""
        monkeypatch.setattr(openstack, 'request_cloud', lambda context: self)
        for name in CALLS:
            if not hasattr(self, name):
                continue
            monkeypatch.setattr(openstack.Cloud, name,
                                self._in_stead(getattr(self, name)))

    @staticmethod
    def _in_stead(look_up):
        return lambda cloud, ident: look_up(ident)

    def image(self, ident):
        return self._find('Image', ident)

    def flavor(self, ident):
        found = self._matching('Flavor', ident)
        if not found:
            raise errors.NotFound('Flavor', ident)
        return found[0]

    def external_network(self, ident):
        return self._find('ExternalNetwork', ident)

    def network(self, ident):
        return self._find('Network', ident)

    def subnet(self, ident):
        return self._find('Subnet', ident)

    def keypair(self, name):
        return self._find('Keypair', name)

    def project(self, ident):
        return self._find('Project', ident)

    def subnets_of(self, network_id):
        self.calls.append(('subnets', network_id))
        return [subnet for subnet in self.things['Subnet']
                if subnet.network_id == network_id]

    def networks_outside(self, network_id, subnet_id=None):
        self.calls.append(('route', network_id))
        return self.routes.get(network_id, set())

    def zones(self):
        self.calls.append(('zones', None))
        return self.zone_names

    def allowances(self, client):
        self.calls.append(('allowances', client))
        if client not in self.allowed:
            raise errors.ServiceUnavailable(f'{client} is away.')
        return {name: records.Allowance(*figures)
                for name, figures in self.allowed[client].items()}

    def volume_types(self):
        self.calls.append(('types', None))
        return self.types

    def has_service(self, service_type):
        return service_type in self.services

    def _matching(self, kind, ident):
        self.calls.append((kind, ident))
        return [thing for thing in self.things[kind]
                if ident in (thing.id, thing.name)]

    def _find(self, kind, ident):
        found = self._matching(kind, ident)
        if not found:
            raise errors.NotFound(kind, ident)
        if len(found) > 1:
            raise errors.Conflict(f'Multiple {kind}s exist with same name '
                                  f'{ident}; use the id instead.')
        if found[0].id in self.forbidden:
            raise errors.Forbidden(f'{kind} {ident} may not be used.')
        return found[0]
