# SPDX-License-Identifier: Apache-2.0
"""A cluster in use is upgraded; `run` says more."""

import argparse
import json
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

import yaml

from tools.minicloud import daemons
from tools.minicloud.nodes import programs
from tools.minicloud import settings
from tools.minicloud import tenant
from tools.proofs.demo import real
from tools.proofs.demo import story
from tools.proofs import report

NAME = 'upgrade'
API_GAP_SECONDS = 5
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
"""


class Client(threading.Thread):
    """Asks one URL five times a second, and notes what failed."""

    def __init__(self, url, context=None):
        super().__init__(daemon=True)
        self.url = url
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context))
        self.asked, self.failed, self.longest = 0, [], 0.0
        self._ended = threading.Event()
        self._last = time.monotonic()

    def run(self):
        while not self._ended.wait(0.2):
            self.asked += 1
            try:
                self._opener.open(self.url, timeout=3).read()
            except OSError as e:
                self.failed.append(f'{time.strftime("%T")} {e}')
                continue
            now = time.monotonic()
            self.longest = max(self.longest, now - self._last)
            self._last = now

    def stop(self):
        self._ended.set()
        self.join()
        self.longest = max(self.longest, time.monotonic() - self._last)

    def show(self, what):
        print(f'         {what}: {self.asked} requests, {len(self.failed)} '
              f'failed, {self.longest:.1f} s at most between two answers')
        for line in self.failed[:5]:
            print('           ' + line)


def template(name, version):
    if daemons_template(name):
        tenant.openstack('coe', 'cluster', 'template', 'delete', name)
    story.run('coe', 'cluster', 'template', 'create', name, '--coe',
              'kubernetes', '--image', f'node-{version}',
              '--external-network', 'public', '--flavor', 'm1.small',
              '--master-flavor', 'm1.medium', '--network-driver', 'flannel',
              '--master-lb-enabled')


def daemons_template(name):
    return tenant.Tenant('demo').call(
        'GET', f'/v1/clustertemplates/{name}')[0] == 200


def tls(kubeconfig, folder):
    """As kubectl would, with the certificates of a kubeconfig."""
    context = ssl.create_default_context(cadata=real.decoded(
        kubeconfig['clusters'][0]['cluster']['certificate-authority-data']))
    user = kubeconfig['users'][0]['user']
    pair = f'{folder}/pair'
    with open(pair, 'w') as file:
        file.write(real.decoded(user['client-certificate-data']) + '\n'
                   + real.decoded(user['client-key-data']))
    context.load_cert_chain(pair)
    return context


def etcd_members(kubectl):
    pod = next(p['metadata']['name'] for p in kubectl.items(
        'pods', '-n', 'kube-system', '-l', 'component=etcd'))
    pki = '/etc/kubernetes/pki/etcd'
    return sorted(member['name'] for member in json.loads(kubectl(
        'exec', '-n', 'kube-system', pod, '--', 'etcdctl', '--cacert',
        f'{pki}/ca.crt', '--cert', f'{pki}/healthcheck-client.crt', '--key',
        f'{pki}/healthcheck-client.key', 'member', 'list', '-w',
        'json'))['members'])


def check_after(kubectl, version, args):
    kubectl.show('get', 'nodes')
    nodes = kubectl.items('nodes')
    report.prove(len(nodes) == args.masters + args.workers
                 and all(map(real.is_ready, nodes)),
                 'as many nodes as before, all of them Ready')
    report.prove({n['status']['nodeInfo']['kubeletVersion']
                  for n in nodes} == {version}, f'all are of {version}')
    masters = sorted(n['metadata']['name'] for n in nodes
                     if 'node-role.kubernetes.io/control-plane'
                     in n['metadata']['labels'])
    report.prove(etcd_members(kubectl) == masters,
                 'the members of etcd are the masters: ' + ', '.join(masters))
    image = kubectl('get', 'daemonset', 'kube-proxy', '-n', 'kube-system',
                    '-o', 'jsonpath={..image}')
    report.prove(image.endswith(':' + version), f'kube-proxy: {image}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--masters', type=int, default=3)
    parser.add_argument('--workers', type=int, default=3)
    args = parser.parse_args()
    old, new = programs.versions()[:2]
    report.say('What the machines of servers are made of: built if missing')
    subprocess.run([settings.HERE / 'guest', 'real', 'on', '--all'],
                   check=True)
    daemons.configure(**daemons.for_machines())
    daemons.migrate()
    daemons.stop()
    daemons.start()
    demo, admin = tenant.Tenant('demo'), tenant.Tenant('admin')
    for cluster in demo.clusters().values():
        if cluster['name'] == NAME:
            demo.delete(cluster['uuid'])
            report.wait(demo, cluster['uuid'], None)
    before = tenant.leftovers(demo, admin)
    template(NAME, old)
    template(f'{NAME}-next', new)
    report.say(f'{args.masters} masters and {args.workers} workers of {old}')
    story.run('coe', 'cluster', 'create', NAME, '--cluster-template', NAME,
              '--keypair', 'testkey', '--master-count', str(args.masters),
              '--node-count', str(args.workers))
    uuid = next(c['uuid'] for c in demo.clusters().values()
                if c['name'] == NAME)
    cluster = report.wait(demo, uuid, 'CREATE_COMPLETE', 1500)
    with tempfile.TemporaryDirectory() as folder:
        kubectl = real.configured(folder, NAME)
        kubectl.show('get', 'nodes')
        real.run_application(kubectl)
        kubectl('apply', '-f', '-', text=BUDGET)
        url = real.expose(kubectl)
        with open(f'{folder}/config') as file:
            context = tls(yaml.safe_load(file), folder)
        api = Client(f'{cluster["api_address"]}/api/v1/nodes', context)
        web = Client(url)
        api.start()
        web.start()
        report.say(f'Upgrade to {new}, in use')
        began = time.monotonic()
        story.run('coe', 'cluster', 'upgrade', NAME, f'{NAME}-next')
        report.wait(demo, uuid, 'UPDATE_COMPLETE', 3600)
        seconds = time.monotonic() - began
        api.stop()
        web.stop()
        report.prove(True, f'UPDATE_COMPLETE after {seconds:.0f} s')
        check_after(kubectl, new, args)
        api.show('the API')
        web.show('the Service')
        report.prove(api.longest <= API_GAP_SECONDS,
                     f'the API was never away for {API_GAP_SECONDS} s')
        report.prove(not web.failed, 'no request of the Service failed')
    if args.keep:
        return story.keep()
    report.say('Delete')
    story.run('coe', 'cluster', 'delete', NAME)
    report.wait(demo, uuid, None)
    report.prove_nothing_left(demo, admin, before)
    real.prove_no_machine_left()
    for name in (NAME, f'{NAME}-next'):
        tenant.openstack('coe', 'cluster', 'template', 'delete', name)
    subprocess.run([settings.HERE / 'guest', 'real', 'off'])
    report.say('All of it holds.')


if __name__ == '__main__':
    report.report_failures(main)
