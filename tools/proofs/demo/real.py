# SPDX-License-Identifier: Apache-2.0
"""The life of a cluster whose servers are machines; `run --real` starts it.

What is asked of Kubernetes is asked by kubectl with the kubeconfig that
`openstack coe cluster config` gives.
"""

import argparse
import base64
import functools
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.request

from tools.minicloud import daemons
from tools.minicloud.nodes import machine
from tools.minicloud.nodes import programs
from tools.minicloud import services
from tools.minicloud import settings
from tools.minicloud import tenant
from tools.proofs.demo import story
from tools.proofs import report

NAME = 'real'
# A node may take so long from its boot until it is Ready.
READY_SECONDS = 60
APP = pathlib.Path(__file__).with_name('app.yaml')


class Kubectl:
    """kubectl with a kubeconfig."""

    def __init__(self, kubeconfig):
        program = programs.folder(programs.versions()[0]) / 'kubectl'
        self._words = [str(program), '--kubeconfig', str(kubeconfig),
                       '--request-timeout', '20s']

    def __call__(self, *words, text=None, check=True):
        done = subprocess.run([*self._words, *words], text=True, input=text,
                              capture_output=True, timeout=300)
        if done.returncode and check:
            raise report.Failed(f'kubectl {" ".join(words)}: '
                                f'{done.stderr.strip()}')
        return done.stdout

    def show(self, *words):
        print('   $ kubectl', *words, flush=True)
        for line in self(*words).splitlines():
            print('     ' + line, flush=True)

    def items(self, *words):
        return json.loads(self('get', *words, '-o', 'json'))['items']


def until(what, answer, seconds=120):
    """The first answer that is not empty; `what` is being waited for."""
    progress, end = report.Progress(), time.monotonic() + seconds
    begun = time.monotonic()
    try:
        while True:
            found = answer()
            if found:
                break
            if time.monotonic() > end:
                raise report.Failed(f'{what}: not within {seconds} s')
            progress.show(what)
            time.sleep(1)
    finally:
        progress.end()
    report.prove(True, f'{what}: after {time.monotonic() - begun:.0f} s')
    return found


def create(demo, args):
    version = programs.versions()[0]
    if demo.call('GET', f'/v1/clustertemplates/{NAME}')[0] == 200:
        tenant.openstack('coe', 'cluster', 'template', 'delete', NAME)
    story.run('coe', 'cluster', 'template', 'create', NAME, '--coe',
              'kubernetes', '--image', f'node-{version}',
              '--external-network', 'public', '--flavor', 'm1.small',
              '--master-flavor', 'm1.medium', '--network-driver', 'flannel',
              *(['--master-lb-enabled'] if args.masters > 1 else []))
    story.run('coe', 'cluster', 'create', NAME, '--cluster-template', NAME,
              '--keypair', 'testkey', '--master-count', str(args.masters),
              '--node-count', '2')
    uuid = next(c['uuid'] for c in demo.clusters().values()
                if c['name'] == NAME)
    cluster = report.wait(demo, uuid, 'CREATE_COMPLETE', 900)
    report.prove(True, f'CREATE_COMPLETE: {cluster["api_address"]}, '
                       f'Kubernetes {cluster["coe_version"]}, containerd '
                       f'{cluster["container_version"]}')
    return cluster


def decoded(text):
    return base64.b64decode(text).decode()


def configured(folder, name=NAME):
    story.run('coe', 'cluster', 'config', name, '--dir', folder, '--force')
    return Kubectl(pathlib.Path(folder) / 'config')


def check_nodes(kubectl, count):
    kubectl.show('get', 'nodes', '-o', 'wide')
    nodes = kubectl.items('nodes')
    report.prove(len(nodes) == count and all(map(is_ready, nodes)),
                 f'{count} nodes, all of them Ready')
    slowest = max(ready_after(node) for node in nodes)
    report.prove(slowest <= READY_SECONDS, 'from the boot of a server to its '
                 f'node Ready: at most {slowest:.0f} s')


def is_ready(node):
    return any(c['type'] == 'Ready' and c['status'] == 'True'
               for c in node['status']['conditions'])


def ready_after(node):
    """Seconds from the launch of the server to the node's Ready."""
    launched = services.sql(
        'SELECT UNIX_TIMESTAMP(CONVERT_TZ(launched_at, "+00:00", '
        '@@session.time_zone)) FROM instances WHERE deleted = 0 AND '
        f'display_name = "{node["metadata"]["name"]}"', 'nova_cell1')[0][0]
    ready = next(c['lastTransitionTime'] for c in node['status']['conditions']
                 if c['type'] == 'Ready')
    return seconds_of(ready) - float(launched)


def seconds_of(text):
    return time.mktime(time.strptime(text, '%Y-%m-%dT%H:%M:%SZ')) - (
        time.timezone)


def run_application(kubectl):
    """Two pods on two nodes that reach each other, and are reached."""
    kubectl('apply', '-f', '-', text=APP.read_text())
    until('two pods of the application run', lambda: kubectl(
        'get', 'deployment', 'web', '-o',
        'jsonpath={.status.readyReplicas}', check=False) == '2')
    kubectl.show('get', 'pods', '-A', '-o', 'wide')
    pods = kubectl.items('pods', '-l', 'app=web')
    report.prove(len({pod['spec']['nodeName'] for pod in pods}) == 2,
                 'they are on two nodes')
    first, second = pods
    reply = kubectl('exec', first['metadata']['name'], '--', 'web', 'get',
                    f'http://{second["status"]["podIP"]}:8080/')
    report.prove(reply.strip() == second['metadata']['name'],
                 'one reaches the other across nodes')
    inside = ('exec', first['metadata']['name'], '--', 'web', 'get',
              'http://web/')
    until('the Service answers by its name',
          lambda: kubectl(*inside, check=False), 60)
    replies = {kubectl(*inside).strip() for _ in range(20)}
    report.prove(replies == {pod['metadata']['name'] for pod in pods},
                 'both answer to the name of their Service')


def expose(kubectl):
    """A Service of type LoadBalancer, by an Octavia load balancer; its URL."""
    kubectl('patch', 'service', 'web', '-p',
            '{"spec": {"type": "LoadBalancer"}}')
    address = until("the Service has its load balancer's address", lambda: (
        kubectl('get', 'service', 'web', '-o',
                'jsonpath={.status.loadBalancer.ingress[0].ip}')))
    until(f'http://{address}/ answers from outside', functools.partial(
        ask, f'http://{address}/'), 60)
    kubectl.show('get', 'service', 'web')
    return f'http://{address}/'


def ask(url):
    try:
        with urllib.request.build_opener(
                urllib.request.ProxyHandler({})).open(url, timeout=5) as reply:
            return reply.read().decode()
    except OSError:
        return ''


def main():
    parser = argparse.ArgumentParser()
    for flag in ('--keep', '--real'):
        parser.add_argument(flag, action='store_true')
    parser.add_argument('--masters', type=int, default=1)
    args = parser.parse_args()

    report.say('What the machines of servers are made of: built if missing')
    subprocess.run([settings.HERE / 'guest', 'real', 'on'], check=True)
    try:
        tell_story(args)
    finally:
        if not args.keep:
            subprocess.run([settings.HERE / 'guest', 'real', 'off'])


def tell_story(args):
    report.say('The database and our two daemons')
    daemons.configure(**daemons.for_machines())
    report.prove(True, f'the database is at {daemons.migrate()}')
    daemons.stop()
    daemons.start()
    demo, admin = tenant.Tenant('demo'), tenant.Tenant('admin')
    for cluster in demo.clusters().values():
        if cluster['name'] == NAME:
            report.say('Deleting what an earlier run left')
            demo.delete(cluster['uuid'])
            report.wait(demo, cluster['uuid'], None)
    before = tenant.leftovers(demo, admin)

    report.say(f'A cluster of {args.masters} master(s) and two workers')
    cluster = create(demo, args)
    with tempfile.TemporaryDirectory() as folder:
        kubectl = configured(folder)
        check_nodes(kubectl, args.masters + 2)
        report.say('An application')
        run_application(kubectl)
        if cluster['labels'].get('cloud_provider_enabled') != 'false':
            expose(kubectl)
        until('kubectl top nodes has figures', lambda: kubectl(
            'top', 'nodes', check=False))
        kubectl.show('top', 'nodes')
        report.say('Resize to three workers')
        story.run('coe', 'cluster', 'resize', NAME, '3')
        report.wait(demo, cluster['uuid'], 'UPDATE_COMPLETE', 600)
        check_nodes(kubectl, args.masters + 3)
    if args.keep:
        return story.keep()
    report.say('Delete')
    story.run('coe', 'cluster', 'delete', NAME)
    report.wait(demo, cluster['uuid'], None)
    report.prove_nothing_left(demo, admin, before)
    prove_no_machine_left()
    tenant.openstack('coe', 'cluster', 'template', 'delete', NAME)
    report.say('All of it holds.')


def prove_no_machine_left():
    until('no machine of the cluster is left',
          lambda: not machine.known() and not machine.all_spaces(), 60)


if __name__ == '__main__':
    report.report_failures(main)
