# SPDX-License-Identifier: Apache-2.0
"""What the cloud wants of its machines, read from the services' own rows.

One look costs a dozen SELECTs and no API call, and shows what no API shows in
one place: which server was rebooted, which floating address leads where, which
members a load balancer has.
"""

import base64
import collections
import dataclasses
import ipaddress

import pymysql

from tools.minicloud import settings


@dataclasses.dataclass(frozen=True)
class Port:
    id: str
    network_id: str
    mac: str
    addresses: tuple[str, ...]      # with the length of the prefix
    gateway: str | None


@dataclasses.dataclass(frozen=True)
class Server:
    """`boot` and `build` change with every reboot and every rebuild.

    `kube_version` is what its image says.
    """

    id: str
    name: str
    kube_version: str | None
    user_data: bytes = dataclasses.field(repr=False)
    running: bool
    boot: int
    build: int
    ports: tuple[Port, ...]
    volumes: tuple[tuple[str, int], ...]    # (id, size in GiB)


@dataclasses.dataclass(frozen=True)
class Network:
    """`floating` leads from an address outside to one of this network."""

    id: str
    gateways: tuple[str, ...]
    outside: str | None             # the router's own address, with prefix
    is_external: bool
    floating: tuple[tuple[str, str], ...]
    vips: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Member:
    address: str
    port: int
    weight: int
    backup: bool


@dataclasses.dataclass(frozen=True)
class Monitor:
    type: str
    delay: int
    timeout: int
    fall: int
    rise: int
    method: str
    path: str
    codes: str


@dataclasses.dataclass(frozen=True)
class Listener:
    id: str
    protocol: str
    port: int
    algorithm: str
    client_ms: int
    member_ms: int
    members: tuple[Member, ...]
    monitor: Monitor | None
    cidrs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Balancer:
    id: str
    network_id: str
    vip: str
    listeners: tuple[Listener, ...]


@dataclasses.dataclass(frozen=True)
class World:
    servers: dict[str, Server]
    networks: dict[str, Network]
    balancers: dict[str, Balancer]
    volumes: frozenset[str]


def look(server_ids):
    """The world of these servers; those that Nova has no more are absent."""
    with pymysql.connect(
            host=settings.IP, port=settings.PORTS['mariadb'], user='cloud',
            password=settings.PASSWORD, autocommit=True, connect_timeout=10,
            read_timeout=30, write_timeout=30,
            cursorclass=pymysql.cursors.DictCursor) as connection:
        with connection.cursor() as cursor:
            def rows(statement, *args):
                cursor.execute(statement, args)
                return cursor.fetchall()
            nets = _Nets(rows)
            balancers = _balancers(rows)
            return World(_servers(rows, nets, sorted(server_ids)),
                         nets.networks(balancers), balancers, frozenset(
                             row['id'] for row in rows(
                                 'SELECT id FROM cinder.volumes '
                                 'WHERE deleted = 0')))


def _servers(rows, nets, ids):
    if not ids:
        return {}
    marks = ', '.join(['%s'] * len(ids))
    actions = {(row['uuid'], row['what']): row['last'] for row in rows(
        'SELECT instance_uuid AS uuid, '
        "IF(action = 'rebuild', 'build', 'boot') AS what, MAX(id) AS last "
        'FROM nova_cell1.instance_actions '
        "WHERE action IN ('reboot', 'start', 'rebuild') "
        f'AND instance_uuid IN ({marks}) GROUP BY 1, 2', *ids)}
    volumes = collections.defaultdict(list)
    for row in rows(
            'SELECT instance_uuid, volume_id, volume_size '
            'FROM nova_cell1.block_device_mapping WHERE deleted = 0 '
            "AND destination_type = 'volume' AND volume_id IS NOT NULL "
            'AND COALESCE(boot_index, -1) <> 0 '
            f'AND instance_uuid IN ({marks})', *ids):
        volumes[row['instance_uuid']].append(
            (row['volume_id'], row['volume_size'] or 1))
    versions = {row['instance_uuid']: row['value'] for row in rows(
        'SELECT instance_uuid, value FROM nova_cell1.instance_system_metadata '
        "WHERE `key` = 'image_kube_version' AND deleted = 0 "
        f'AND instance_uuid IN ({marks})', *ids)}
    return {row['uuid']: Server(
        row['uuid'], row['display_name'], versions.get(row['uuid']),
        base64.b64decode(row['user_data'] or ''),
        row['vm_state'] == 'active',
        actions.get((row['uuid'], 'boot'), 0),
        actions.get((row['uuid'], 'build'), 0),
        nets.ports(row['uuid']), tuple(sorted(volumes[row['uuid']])))
        for row in rows(
            'SELECT uuid, display_name, user_data, vm_state '
            'FROM nova_cell1.instances WHERE deleted = 0 '
            f"AND vm_state IN ('active', 'stopped') AND uuid IN ({marks})",
            *ids)}


class _Nets:
    """Neutron's rows, put together once for each look."""

    def __init__(self, rows):
        self._subnets = {r['id']: r for r in rows(
            'SELECT id, network_id, cidr, gateway_ip FROM neutron.subnets')}
        self._external = {r['network_id'] for r in rows(
            'SELECT network_id FROM neutron.externalnetworks')}
        self._floating = rows(
            'SELECT f.floating_ip_address AS outside, '
            'f.fixed_ip_address AS inside, p.network_id '
            'FROM neutron.floatingips f '
            'JOIN neutron.ports p ON p.id = f.fixed_port_id')
        self._ports = {r['id']: {**r, 'ips': []} for r in rows(
            'SELECT id, network_id, mac_address, device_id, device_owner '
            'FROM neutron.ports')}
        for row in rows('SELECT port_id, ip_address, subnet_id '
                        'FROM neutron.ipallocations ORDER BY ip_address'):
            if row['port_id'] in self._ports:
                self._ports[row['port_id']]['ips'].append(row)
        self._by_device = collections.defaultdict(list)
        for port in self._ports.values():
            self._by_device[port['device_id']].append(port)

    def _with_prefix(self, allocation):
        cidr = self._subnets[allocation['subnet_id']]['cidr']
        return f'{allocation["ip_address"]}/{cidr.rpartition("/")[2]}'

    def ports(self, server_id):
        return tuple(Port(
            p['id'], p['network_id'], p['mac_address'],
            tuple(self._with_prefix(ip) for ip in p['ips']),
            next((self._subnets[ip['subnet_id']]['gateway_ip']
                  for ip in p['ips']), None))
            for p in sorted(self._by_device[server_id],
                            key=lambda p: p['id']))

    def networks(self, balancers):
        """Every network that has a subnet."""
        routers = [p for p in self._ports.values()
                   if p['device_owner'].startswith('network:router')]
        outside = {p['device_id']: self._with_prefix(p['ips'][0])
                   for p in routers if p['ips']
                   and p['device_owner'] == 'network:router_gateway'}
        found = {}
        for network_id in {s['network_id'] for s in self._subnets.values()}:
            inside = [p for p in routers if p['network_id'] == network_id
                      and p['device_owner'] != 'network:router_gateway']
            found[network_id] = Network(
                network_id,
                self._gateways(network_id, inside),
                next((outside[p['device_id']] for p in inside
                      if p['device_id'] in outside), None),
                network_id in self._external,
                tuple(sorted((f['outside'], f['inside'])
                             for f in self._floating
                             if f['network_id'] == network_id)),
                tuple(sorted(b.vip for b in balancers.values()
                             if b.network_id == network_id)))
        return found

    def _gateways(self, network_id, inside):
        if network_id in self._external:
            return tuple(
                f'{s["gateway_ip"]}/{ipaddress.ip_network(s["cidr"]).prefixlen}'
                for s in self._subnets.values()
                if s['network_id'] == network_id and s['gateway_ip'])
        return tuple(sorted(self._with_prefix(ip)
                            for p in inside for ip in p['ips']))


def _balancers(rows):
    members = collections.defaultdict(list)
    for m in rows('SELECT pool_id, ip_address, protocol_port, weight, backup '
                  'FROM octavia.member WHERE enabled = 1 '
                  "AND provisioning_status <> 'DELETED' ORDER BY id"):
        members[m['pool_id']].append(Member(
            m['ip_address'], m['protocol_port'],
            1 if m['weight'] is None else m['weight'], bool(m['backup'])))
    monitors = {m['pool_id']: Monitor(
        m['type'], m['delay'], m['timeout'], m['fall_threshold'],
        m['rise_threshold'], m['http_method'] or 'GET', m['url_path'] or '/',
        m['expected_codes'] or '200')
        for m in rows('SELECT pool_id, type, delay, timeout, fall_threshold, '
                      'rise_threshold, http_method, url_path, expected_codes '
                      'FROM octavia.health_monitor WHERE enabled = 1')}
    cidrs = collections.defaultdict(list)
    for row in rows('SELECT listener_id, cidr FROM octavia.listener_cidr'):
        cidrs[row['listener_id']].append(row['cidr'])
    listeners = collections.defaultdict(list)
    for row in rows(
            'SELECT l.id, l.load_balancer_id, l.protocol, l.protocol_port, '
            'l.timeout_client_data, l.timeout_member_data, '
            'p.id AS pool_id, p.lb_algorithm FROM octavia.listener l '
            'JOIN octavia.pool p ON p.id = l.default_pool_id '
            'WHERE l.enabled = 1 ORDER BY l.id'):
        listeners[row['load_balancer_id']].append(Listener(
            row['id'], row['protocol'], row['protocol_port'],
            row['lb_algorithm'], row['timeout_client_data'] or 50000,
            row['timeout_member_data'] or 50000,
            tuple(members[row['pool_id']]), monitors.get(row['pool_id']),
            tuple(sorted(cidrs[row['id']]))))
    return {row['id']: Balancer(
        row['id'], row['network_id'], row['ip_address'],
        tuple(listeners[row['id']]))
        for row in rows(
            'SELECT b.id, v.network_id, v.ip_address '
            'FROM octavia.load_balancer b '
            'JOIN octavia.vip v ON v.load_balancer_id = b.id '
            "WHERE b.provisioning_status NOT IN ('DELETED', 'PENDING_DELETE') "
            'AND b.enabled = 1 AND v.ip_address IS NOT NULL')}
