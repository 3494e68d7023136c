# SPDX-License-Identifier: Apache-2.0
"""What the mini cloud makes of its rows: routers' rules, load balancers."""

import shutil
import subprocess

import pytest

from tools.minicloud.nodes import balancers
from tools.minicloud.nodes import fabric
from tools.minicloud.nodes import rows


def network(**more):
    return rows.Network(**{
        'id': 'n', 'gateways': ('10.0.0.1/24',), 'outside': '172.24.4.9/16',
        'is_external': False, 'floating': (), 'vips': (), **more})


def balancer(*listeners):
    return rows.Balancer('b', 'n', '10.0.0.5', listeners)


def listener(**more):
    return rows.Listener(**{
        'id': 'api', 'protocol': 'TCP', 'port': 6443,
        'algorithm': 'ROUND_ROBIN', 'client_ms': 50000, 'member_ms': 60000,
        'members': (rows.Member('10.0.0.7', 6443, 1, False),),
        'monitor': None, 'cidrs': (), **more})


def test_a_floating_address_leads_in_and_out():
    rules = fabric.nat_rules(network(
        floating=(('172.24.4.10', '10.0.0.7'),)))
    assert ('-A PREROUTING -d 172.24.4.10 -j DNAT '
            '--to-destination 10.0.0.7\n') in rules
    assert ('-A POSTROUTING -s 10.0.0.7 -o outside -j SNAT '
            '--to-source 172.24.4.10\n') in rules


def test_what_has_no_floating_address_goes_out_as_the_router():
    assert fabric.nat_rules(network()).splitlines()[-2:] == [
        '-A POSTROUTING -o outside -j MASQUERADE', 'COMMIT']


def test_a_load_balancer_answers_where_its_address_is():
    rules = fabric.nat_rules(network(
        vips=('10.0.0.5',), floating=(('172.24.4.10', '10.0.0.5'),)))
    assert '--to-destination 10.0.0.5' in rules
    assert 'SNAT' not in rules


def test_members_stand_behind_the_address_of_the_load_balancer():
    item = listener(members=(rows.Member('10.0.0.7', 6443, 1, False),
                             rows.Member('10.0.0.8', 6443, 2, True)))
    text = balancers.configuration(balancer(item), [item])
    assert '  bind 10.0.0.5:6443\n' in text
    assert '  timeout server 60000ms\n' in text
    assert '  server 0 10.0.0.7:6443 weight 1\n' in text
    assert '  server 1 10.0.0.8:6443 weight 2 backup\n' in text


def test_a_health_monitor_checks_members_as_octavia_would():
    item = listener(monitor=rows.Monitor(
        'HTTPS', 5, 4, 3, 2, 'GET', '/readyz', '200'))
    text = balancers.configuration(balancer(item), [item])
    assert '  option httpchk GET /readyz\n' in text
    assert '  http-check expect rstatus 200\n' in text
    assert ('weight 1 check inter 5s fall 3 rise 2 check-ssl verify none '
            'on-marked-down shutdown-sessions\n') in text


def test_only_allowed_networks_get_in():
    item = listener(cidrs=('10.1.0.0/16', '192.0.2.0/24'))
    assert ('  tcp-request connection reject unless '
            '{ src 10.1.0.0/16 192.0.2.0/24 }\n') in (
        balancers.configuration(balancer(item), [item]))


@pytest.mark.skipif(not shutil.which('haproxy'), reason='no haproxy here')
def test_haproxy_takes_the_file(tmp_path):
    items = [listener(), listener(
        id='web', protocol='HTTP', port=80, cidrs=('10.1.0.0/16',),
        monitor=rows.Monitor('HTTP', 5, 4, 3, 2, 'GET', '/', '200-204'))]
    path = tmp_path / 'haproxy.cfg'
    path.write_text(balancers.configuration(balancer(*items), items))
    done = subprocess.run(['haproxy', '-c', '-f', path], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
