# SPDX-License-Identifier: Apache-2.0
"""The life of a cluster, as its owner sees it; `run` says more."""

import argparse
import base64
import pathlib
import statistics
import subprocess
import tempfile
import time

import yaml

from tools.minicloud import daemons
from tools.minicloud import settings
from tools.minicloud import tenant
from tools.proofs import report

NAME = 'demo'


def run(*words):
    """Show the command and what it prints, as a person would see it."""
    print('   $ openstack', *words, flush=True)
    output = tenant.openstack(*words)
    for line in output.splitlines():
        if line[:1] not in '+|':
            print('     ' + line, flush=True)
    return output


def show_memory(when):
    for name, (rss, pss) in daemons.memory().items():
        print(f'         {name}: {rss:.0f} MiB resident, {pss:.0f} MiB its '
              f'own share, {when}')


def create(demo):
    """A template and a cluster, by the commands of a user."""
    if demo.call('GET', f'/v1/clustertemplates/{NAME}')[0] == 200:
        tenant.openstack('coe', 'cluster', 'template', 'delete', NAME)
    run('coe', 'cluster', 'template', 'create', NAME, '--coe', 'kubernetes',
        '--image', 'ubuntu-kube-v1.31.4', '--external-network', 'public',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small')
    watch = tenant.Watch(demo)
    watch.start()
    answered = command_answered(
        'coe', 'cluster', 'create', NAME, '--cluster-template', NAME,
        '--keypair', 'testkey', '--master-count', '1', '--node-count', '2')
    uuid = next(c['uuid'] for c in demo.clusters().values()
                if c['name'] == NAME)
    cluster = report.wait(demo, uuid, 'CREATE_COMPLETE')
    time.sleep(3 * watch.seconds)
    watch.stop()
    report.prove(True, f'CREATE_COMPLETE: {cluster["api_address"]}, masters '
                       f'{cluster["master_addresses"]}, nodes '
                       f'{cluster["node_addresses"]}, Kubernetes '
                       f'{cluster["coe_version"]}')
    show_times(watch, {uuid: answered})
    return cluster


def command_answered(*words):
    """Run the command; when it printed that the request was accepted."""
    print('   $ openstack', *words, flush=True)
    process = subprocess.Popen(
        [tenant.OPENSTACK, *words], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=settings.environment(OS_CLOUD='demo'))
    line = process.stdout.readline()
    answered = time.monotonic()
    rest, errors = process.communicate()
    if process.returncode:
        raise report.Failed(errors.strip())
    print('     ' + line + rest, end='', flush=True)
    return answered


def show_times(watch, answered):
    """The two times that the service itself is answerable for."""
    begun = [max(0, watch.appeared[u] - t) for u, t in answered.items()]
    told = [watch.told[u] - watch.built[u] for u in answered]
    for times, what, limit in (
            (begun, "POST answered to Heat's stack there", 1),
            (told, "Heat's COMPLETE to the API's COMPLETE", 2)):
        median = statistics.median(times)
        within = '' if median <= limit else f'  MORE than {limit} s'
        print(f'         {what}: median {median:.2f} s, longest '
              f'{max(times):.2f} s, of {len(times)}{within}', flush=True)


def show_stack(demo, uuid):
    stack = demo.stack_of(uuid)
    report.prove(stack,
                 'Heat has the stack, tagged with the uuid of the cluster')
    found = tenant.openstack(
        'stack', 'resource', 'list', '-n', '3', stack['id'],
        '-f', 'value', '-c', 'resource_type', '-c', 'resource_status')
    kinds = {}
    for line in found.splitlines():
        kind = line.rsplit(' ', 1)[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    print('   $ openstack stack resource list -n 3', stack['stack_name'])
    for kind, count in sorted(kinds.items()):
        if kind.startswith('OS::'):
            print(f'     {count:3} {kind}')
    report.prove(kinds.get('OS::Nova::Server') == 3
                 and kinds.get('OS::Heat::WaitCondition') == 3,
                 'of the real Heat engine: three servers, a wait '
                 'condition for each')


def check_kubeconfig(cluster):
    with tempfile.TemporaryDirectory() as folder:
        run('coe', 'cluster', 'config', NAME, '--dir', folder, '--force')
        path = pathlib.Path(folder)
        config = yaml.safe_load((path / 'config').read_text())
        server = config['clusters'][0]['cluster']
        user = config['users'][0]['user']
        for name, text in (
                ('ca', server['certificate-authority-data']),
                ('certificate', user['client-certificate-data']),
                ('key', user['client-key-data'])):
            (path / name).write_bytes(base64.b64decode(text))
        report.prove(server['server'] == cluster['api_address'],
                     f'the kubeconfig points at {server["server"]}')
        verified = openssl('verify', '-purpose', 'sslclient', '-CAfile',
                           path / 'ca', path / 'certificate')
        report.prove(verified.endswith('OK'), "openssl verify: the client's "
                     "certificate is the cluster CA's")
        subject = openssl('x509', '-noout', '-subject', '-in',
                          path / 'certificate').removeprefix('subject=')
        report.prove(openssl('x509', '-noout', '-pubkey', '-in',
                             path / 'certificate')
                     == openssl('pkey', '-pubout', '-in', path / 'key'),
                     f'its key fits; it is {subject.strip()}')


def openssl(*words):
    return subprocess.run(['openssl', *words], text=True, check=True,
                          capture_output=True).stdout.strip()


def resize(demo, uuid):
    run('coe', 'cluster', 'resize', NAME, '3')
    cluster = report.wait(demo, uuid, 'UPDATE_COMPLETE')
    report.prove(cluster['node_count'] == 3
                 and len(cluster['node_addresses']) == 3,
                 f'resized to three nodes: {cluster["node_addresses"]}')


def delete(demo, admin, uuid, before):
    run('coe', 'cluster', 'delete', NAME)
    report.wait(demo, uuid, None)
    report.prove_nothing_left(demo, admin, before)
    tenant.openstack('coe', 'cluster', 'template', 'delete', NAME)


def series(demo, admin, before, count=10):
    """Clusters one after another, none deleted before the last is there."""
    report.say(f'A series of {count} clusters')
    template = demo.template(f'{NAME}-series')
    watch = tenant.Watch(demo, 0.1)
    watch.start()
    answered = {}
    for number in range(count):
        uuid = demo.create(f'{NAME}-{number}', template, node_count=1)
        answered[uuid] = time.monotonic()
        report.wait(demo, uuid, 'CREATE_COMPLETE')
    time.sleep(1)
    watch.stop()
    report.prove(True, f'{count} clusters: CREATE_COMPLETE')
    show_times(watch, answered)
    show_memory(f'with {count} clusters')
    for uuid in answered:
        demo.delete(uuid)
    for uuid in answered:
        report.wait(demo, uuid, None)
    demo.call('DELETE', f'/v1/clustertemplates/{template}')
    report.prove_nothing_left(demo, admin, before)


def main():
    parser = argparse.ArgumentParser()
    for flag in ('--keep', '--barbican', '--ten'):
        parser.add_argument(flag, action='store_true')
    args = parser.parse_args()

    report.say('The database and our two daemons')
    daemons.configure('barbican' if args.barbican else 'x509keypair')
    print('         magnum.conf:', daemons.CONFIG)
    report.prove(True, f'the database is at {daemons.migrate()}')
    daemons.stop()
    daemons.start()
    demo, admin = tenant.Tenant('demo'), tenant.Tenant('admin')
    report.prove(demo.call('GET', '/v1/clusters')[0] == 200,
                 f'magnum-api answers on {daemons.URL}')
    time.sleep(3)
    show_memory('idle')
    for cluster in demo.clusters().values():
        if not cluster['name'].startswith(NAME):
            continue
        report.say('Deleting what an earlier run left:', cluster['name'])
        demo.delete(cluster['uuid'])
        report.wait(demo, cluster['uuid'], None)
    before = tenant.leftovers(demo, admin)

    report.say('A template and a cluster of one master and two nodes')
    cluster = create(demo)
    show_stack(demo, cluster['uuid'])
    check_kubeconfig(cluster)
    report.say('Resize to three nodes')
    resize(demo, cluster['uuid'])
    if args.keep:
        return keep()
    report.say('Delete')
    delete(demo, admin, cluster['uuid'], before)
    if args.ten:
        series(demo, admin, before)
    show_memory('at the end')
    report.say('All of it holds.')


def keep():
    report.say(f"""It all stays up.  To play with it:

    export OS_CLIENT_CONFIG_FILE={settings.CLOUDS} OS_CLOUD=demo
    export PATH={daemons.BIN}:$PATH
    openstack coe cluster list
    tools/minicloud/guest fail '' join 'no route to host'   # then create one
    tools/minicloud/status
    tail -f {settings.LOG}/magnum-conductor.log
    tools/minicloud/down                                    # when done""")


if __name__ == '__main__':
    report.report_failures(main)
