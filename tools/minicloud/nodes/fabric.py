# SPDX-License-Identifier: Apache-2.0
"""Networks: a namespace for each, with a bridge, a gateway and a way outside.

The namespace of a network stands for its router: the bridge `inside` has the
gateway's address and the addresses of load balancers, the link `outside` the
router's own and the floating ones.  All outsides meet at one bridge of the
machine, which has the address of the public network's gateway; nothing is
routed beyond it.  So networks of different tenants may use the same addresses,
and the machine itself reaches floating addresses.

`realise` compares with what it made last and is quick when nothing changed;
all that it does may be repeated.
"""

import json

from tools.minicloud.nodes import names

_made = {}


def realise(networks):
    """Make these, networks of `rows.World`; remove those that are gone."""
    for network in networks:
        if network.is_external and _made.get(network.id) != network:
            _make_outside(network)
    for network in networks:
        if not network.is_external and _made.get(network.id) != network:
            _make_inside(network)
    for network_id in set(_made) - {n.id for n in networks}:
        if _made.pop(network_id).is_external:
            names.run('ip', 'link', 'del', names.OUTSIDE, check=False)
        else:
            names.run('ip', 'netns', 'del', names.network(network_id),
                      check=False)


def _make_outside(network):
    _link_there(None, names.OUTSIDE) or names.run(
        'ip', 'link', 'add', names.OUTSIDE, 'type', 'bridge')
    names.run('ip', 'link', 'set', names.OUTSIDE, 'up')
    _set_addresses(None, names.OUTSIDE, network.gateways)
    _made[network.id] = network


def _make_inside(network):
    space = names.network(network.id)
    if space not in names.namespaces():
        names.run('ip', 'netns', 'add', space)
        names.run('ip', '-n', space, 'link', 'add', 'inside', 'type',
                  'bridge')
        names.run('ip', '-n', space, 'link', 'set', 'lo', 'up')
        names.run('ip', '-n', space, 'link', 'set', 'inside', 'up')
        # What crosses the bridge is not the router's business.
        names.run('ip', 'netns', 'exec', space, 'sysctl', '-qw',
                  'net.ipv4.ip_forward=1')
    _set_addresses(space, 'inside', [
        *network.gateways, *(f'{vip}/32' for vip in network.vips)])
    if network.outside:
        _make_way_out(network, space)
    _made[network.id] = network


def _make_way_out(network, space):
    if not _link_there(space, 'outside'):
        ours = f'{names.PREFIX}o{network.id[:8]}'
        names.run('ip', 'link', 'del', ours, check=False)
        names.run('ip', 'link', 'add', ours, 'type', 'veth', 'peer', 'name',
                  'outside', 'netns', space)
        names.run('ip', 'link', 'set', ours, 'master', names.OUTSIDE, 'up')
        names.run('ip', '-n', space, 'link', 'set', 'outside', 'up')
    _set_addresses(space, 'outside', [
        network.outside, *(f'{ip}/32' for ip, _ in network.floating)])
    names.run('ip', 'netns', 'exec', space, 'iptables-restore',
              text=nat_rules(network))


def nat_rules(network):
    """The whole table `nat` of a network's router, for iptables-restore."""
    lines = ['*nat', ':PREROUTING ACCEPT', ':POSTROUTING ACCEPT',
             ':OUTPUT ACCEPT']
    for outside, inside in network.floating:
        if inside in network.vips:
            # The load balancer lives here: no way back to be bent.
            lines.append(f'-A PREROUTING -d {outside} -j DNAT '
                         f'--to-destination {inside}')
            continue
        lines += [
            f'-A PREROUTING -d {outside} -j DNAT --to-destination {inside}',
            f'-A OUTPUT -d {outside} -j DNAT --to-destination {inside}',
            f'-A POSTROUTING -s {inside} -o outside -j SNAT '
            f'--to-source {outside}',
            # A node that asks for a floating address of its own network.
            f'-A POSTROUTING -d {inside} -o inside -m conntrack '
            f'--ctstate DNAT -j MASQUERADE']
    return '\n'.join([*lines, '-A POSTROUTING -o outside -j MASQUERADE',
                      'COMMIT', ''])


def plug(space, interface, port, network):
    """Connect a node's namespace to a network, with its port's own MAC."""
    ours = f'{names.PREFIX}p{port.id[:8]}'
    if network.is_external:
        names.run('ip', 'link', 'add', ours, 'type', 'veth', 'peer', 'name',
                  interface, 'netns', space)
        names.run('ip', 'link', 'set', ours, 'master', names.OUTSIDE, 'up')
    else:
        fabric = names.network(network.id)
        names.run('ip', '-n', fabric, 'link', 'add', ours, 'type', 'veth',
                  'peer', 'name', interface, 'netns', space)
        names.run('ip', '-n', fabric, 'link', 'set', ours, 'master', 'inside',
                  'up')
    names.run('ip', '-n', space, 'link', 'set', interface, 'address',
              port.mac, 'up')
    _set_addresses(space, interface, port.addresses)


def _link_there(space, link):
    where = ['-n', space] if space else []
    return names.run('ip', *where, 'link', 'show', link, check=False)


def _set_addresses(space, link, wanted):
    where = ['-n', space] if space else []
    have = {f'{a["local"]}/{a["prefixlen"]}'
            for found in json.loads(names.run(
                'ip', *where, '-j', '-4', 'addr', 'show', 'dev', link) or '[]')
            for a in found.get('addr_info', ())}
    for address in wanted:
        if address not in have:
            names.run('ip', *where, 'addr', 'add', address, 'dev', link)
    for address in have - set(wanted):
        names.run('ip', *where, 'addr', 'del', address, 'dev', link)


def remove_all():
    """Whatever this cloud ever made, remembered or not."""
    _made.clear()
    for space in names.namespaces():
        names.run('ip', 'netns', 'del', space, check=False)
    for line in names.run('ip', '-br', 'link', check=False).splitlines():
        link = line.split()[0].split('@')[0]
        if link.startswith(names.PREFIX):
            names.run('ip', 'link', 'del', link, check=False)
