# SPDX-License-Identifier: Apache-2.0
"""A tenant of the mini cloud: asks our API and Heat, and counts what is left.

Speaks HTTP itself, where times are measured or many calls are made; commands
for people go through `openstack`.
"""

import subprocess
import threading
import time

from keystoneauth1.identity import v3
from keystoneauth1 import session

from tools.minicloud import daemons
from tools.minicloud import services
from tools.minicloud import settings

OPENSTACK = daemons.BIN / 'openstack'


class Tenant:

    def __init__(self, name='demo', project=None):
        self.name = name
        self.session = session.Session(v3.Password(
            settings.AUTH_URL, username=name, password=settings.PASSWORD,
            project_name=project or name, user_domain_name='Default',
            project_domain_name='Default'), timeout=60)
        self.project_id = self.session.get_project_id()
        self.heat_url = f'{settings.url("heat")}/v1/{self.project_id}'

    def call(self, method, path, body=None, version='latest'):
        """Our API's answer: (status code, body)."""
        response = self.session.request(
            daemons.URL + path, method, json=body, raise_exc=False,
            headers={'OpenStack-API-Version': f'container-infra {version}'})
        return response.status_code, (
            response.json() if response.content else None)

    def clusters(self):
        return {c['uuid']: c for c in self._expect(
            200, 'GET', '/v1/clusters')['clusters']}

    def cluster(self, uuid):
        """The cluster, or None once it is gone."""
        code, body = self.call('GET', f'/v1/clusters/{uuid}')
        return None if code == 404 else body

    def template(self, name, **attributes):
        """The template's uuid; it is made unless there is one."""
        code, body = self.call('GET', f'/v1/clustertemplates/{name}')
        if code != 200:
            body = self._expect(201, 'POST', '/v1/clustertemplates', {
                'name': name, 'coe': 'kubernetes',
                'image_id': 'ubuntu-kube-v1.31.4', 'flavor_id': 'm1.small',
                'master_flavor_id': 'm1.small', 'keypair_id': 'testkey',
                'external_network_id': 'public', **attributes})
        return body['uuid']

    def create(self, name, template, **attributes):
        return self._expect(202, 'POST', '/v1/clusters', {
            'name': name, 'cluster_template_id': template,
            'master_count': 1, 'node_count': 2, **attributes})['uuid']

    def resize(self, uuid, node_count):
        self._expect(202, 'POST', f'/v1/clusters/{uuid}/actions/resize',
                     {'node_count': node_count})

    def delete(self, uuid):
        self._expect(204, 'DELETE', f'/v1/clusters/{uuid}')

    def _expect(self, code, *request):
        got, body = self.call(*request)
        if got != code:
            raise AssertionError(f'{request[0]} {request[1]}: {got} {body}')
        return body

    def stacks(self):
        """Heat's list: {id: stack}; tags tell the cluster."""
        return {s['id']: s for s in self.session.get(
            f'{self.heat_url}/stacks').json()['stacks']}

    def stack_of(self, uuid):
        return next((s for s in self.stacks().values()
                     if f'magnum-cluster-{uuid}' in (s.get('tags') or ())),
                    None)

    def resources(self, stack):
        """Of the stack and those nested in it: (complete, in all)."""
        found = self.session.get(
            f'{self.heat_url}/stacks/{stack["stack_name"]}/{stack["id"]}'
            '/resources?nested_depth=3').json()['resources']
        return (sum(r['resource_status'].endswith('COMPLETE')
                    for r in found), len(found))


def openstack(*command, cloud='demo'):
    """Run the command as a person would; its output."""
    done = subprocess.run(
        [OPENSTACK, *command], text=True, capture_output=True,
        env=settings.environment(OS_CLOUD=cloud))
    if done.returncode:
        raise AssertionError(
            f'openstack {" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def leftovers(demo, admin):
    """All that clusters have outside their rows: kind -> names or ids.

    Each kind is asked of the service that has it.
    """
    keystone = settings.AUTH_URL

    def listed(who, url, key):
        return who.session.get(url).json()[key]

    domain = listed(admin, f'{keystone}/domains?name=magnum', 'domains')[0]
    user_id = demo.session.get_user_id()
    stored = services.sql('SELECT uuid FROM x509keypair', 'magnum')
    barbican = settings.url('barbican')
    servers = listed(demo, f'{settings.url("nova")}/v2.1/servers', 'servers')
    return {
        'stacks': sorted(demo.stacks()),
        'servers': sorted(s['name'] for s in servers),
        'trustees': sorted(u['name'] for u in listed(
            admin, f'{keystone}/users?domain_id={domain["id"]}', 'users')
            if u['name'] != 'trustee_domain_admin'),
        'trusts': sorted(t['id'] for t in listed(
            admin, f'{keystone}/OS-TRUST/trusts?trustor_user_id={user_id}',
            'trusts')),
        'certificates': sorted(row[0] for row in stored),
        'secrets': sorted(
            s['secret_ref'] for who in (demo, Tenant('magnum', 'service'))
            for s in listed(who, f'{barbican}/v1/secrets?limit=1000',
                            'secrets'))}


class Watch(threading.Thread):
    """Note when each cluster's stack appears, is complete, and is seen to be.

    Looks at Heat and at our API as often as `seconds` says.
    """

    def __init__(self, tenant, seconds=0.05):
        super().__init__(daemon=True)
        self.tenant, self.seconds = tenant, seconds
        self.appeared, self.built, self.told = {}, {}, {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(self.seconds):
            for stack in self.tenant.stacks().values():
                uuid = cluster_of(stack)
                self.appeared.setdefault(uuid, time.monotonic())
                if stack['stack_status'] == 'CREATE_COMPLETE':
                    self.built.setdefault(uuid, time.monotonic())
            if set(self.built) - set(self.told):
                for uuid, cluster in self.tenant.clusters().items():
                    if cluster['status'] == 'CREATE_COMPLETE':
                        self.told.setdefault(uuid, time.monotonic())

    def stop(self):
        self.ended.set()
        self.join()


def cluster_of(stack):
    return next((t.removeprefix('magnum-cluster-')
                 for t in stack.get('tags') or ()
                 if t.startswith('magnum-cluster-')), None)
