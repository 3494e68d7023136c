# SPDX-License-Identifier: Apache-2.0
"""Octavia's load balancers: one haproxy each, in their network's namespace.

Made from Octavia's own rows: listeners, pools, members, health monitors.  TCP,
HTTP and HTTPS (passed through) work; UDP and TLS that ends at the load
balancer do not.
"""

import os
import signal

from tools.minicloud.nodes import names
from tools.minicloud import processes

ALGORITHMS = {'ROUND_ROBIN': 'roundrobin', 'LEAST_CONNECTIONS': 'leastconn',
              'SOURCE_IP': 'source', 'SOURCE_IP_PORT': 'source'}
MODES = {'TCP': 'tcp', 'HTTPS': 'tcp', 'HTTP': 'http'}

_made = {}


def realise(balancers):
    """Run these, of `rows.World`, whose networks are there; end others."""
    for balancer in balancers:
        usable = [li for li in balancer.listeners if li.protocol in MODES]
        if usable and (_made.get(balancer.id) != balancer
                       or not processes.running(_name(balancer.id))):
            _serve(balancer, usable)
            _made[balancer.id] = balancer
    served = {_name(b.id) for b in balancers
              if any(li.protocol in MODES for li in b.listeners)}
    for name in processes.recorded():
        if name.startswith(names.PREFIX + 'b') and name not in served:
            processes.stop([name], seconds=2)
    for balancer_id in set(_made) - {b.id for b in balancers}:
        del _made[balancer_id]


def _name(balancer_id):
    return f'{names.PREFIX}b{balancer_id[:8]}'


def _serve(balancer, listeners):
    folder = names.STATE / 'balancers'
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / balancer.id
    path.write_text(configuration(balancer, listeners))
    running = processes.running(_name(balancer.id))
    if running:
        # The master starts new workers; connections stay with the old ones.
        os.kill(running, signal.SIGUSR2)
        return
    processes.start(_name(balancer.id), [
        'ip', 'netns', 'exec', names.network(balancer.network_id),
        'haproxy', '-W', '-db', '-f', path])


def configuration(balancer, listeners):
    """haproxy's file for this load balancer."""
    lines = ['global', '  maxconn 2000', '  hard-stop-after 30s', 'defaults',
             '  timeout connect 5s', '  option redispatch', '  retries 2']
    for listener in listeners:
        lines += _proxy(balancer.vip, listener)
    return '\n'.join(lines) + '\n'


def _proxy(vip, listener):
    mode = MODES[listener.protocol]
    lines = [f'listen {listener.id}', f'  bind {vip}:{listener.port}',
             f'  mode {mode}',
             f'  balance {ALGORITHMS.get(listener.algorithm, "roundrobin")}',
             f'  timeout client {listener.client_ms}ms',
             f'  timeout server {listener.member_ms}ms']
    if listener.cidrs:
        lines.append('  tcp-request connection reject unless '
                     f'{{ src {" ".join(listener.cidrs)} }}')
    check = _check(listener.monitor)
    lines += check[1]
    for number, member in enumerate(listener.members):
        lines.append(
            f'  server {number} {member.address}:{member.port} '
            f'weight {member.weight}{" backup" if member.backup else ""}'
            f'{check[0]}')
    return lines


def _check(monitor):
    """(what follows each server, lines of the proxy)"""
    if monitor is None:
        return '', []
    words = (f' check inter {monitor.delay}s fall {monitor.fall} '
             f'rise {monitor.rise}')
    lines = [f'  timeout check {monitor.timeout}s']
    if monitor.type in ('HTTP', 'HTTPS'):
        lines += [f'  option httpchk {monitor.method} {monitor.path}',
                  f'  http-check expect rstatus {_codes(monitor.codes)}']
    if monitor.type in ('HTTPS', 'TLS-HELLO'):
        words += ' check-ssl verify none'
    # Members that do not answer lose their connections, as clients of an API
    # that watches for hours would not notice otherwise.
    return words + ' on-marked-down shutdown-sessions', lines


def _codes(codes):
    """'200,204' or '200-204' as a regular expression."""
    if '-' in codes:
        first, last = map(int, codes.split('-'))
        return '|'.join(str(code) for code in range(first, last + 1))
    return codes.replace(',', '|').replace(' ', '')
