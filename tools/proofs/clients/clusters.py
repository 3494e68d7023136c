# SPDX-License-Identifier: Apache-2.0
"""Every `openstack coe` command that is about a cluster.

The same for every driver: what one has no power to do, it must refuse at once
and say so; what it has the power to do must succeed.
"""

import base64
from expect import same
from expect import until
import pem

# What the owner is told, when the driver lacks the power.
REFUSALS = {power: f"The cluster's driver, k8s_kubeadm_v1, cannot {what} "
                   f'(HTTP 400)'
            for power, what in (
                ('nodegroups', 'add nodegroups'),
                ('node_settings', 'change labels and taints of nodes'),
                ('upgrade', 'upgrade clusters'),
                ('resize_masters', 'change the number of masters'),
                ('rotate_ca', 'replace CAs'),
                ('rotate_credential', 'renew credentials'))}


class Story:
    """One cluster, `name`, of template `name`, from made to gone.

    `folder` is for its files.
    """

    def __init__(self, shell, name, powers, typed, folder):
        self.shell, self.name, self.powers = shell, name, powers
        self.typed, self.folder = typed, folder

    def able(self, power, *words, ends=1):
        """The command works, if the driver can do it; whether it can."""
        if power in self.powers:
            self.shell(*words)
            return True
        self.shell.refused(REFUSALS[power], *words, ends=ends)
        return False

    def show(self):
        return self.shell.json('coe', 'cluster', 'show', self.name)

    def settled(self, status, seconds=300):
        """The cluster, once nothing is in progress."""
        def look():
            found = self.show()
            return not found['status'].endswith('_IN_PROGRESS') and found
        cluster = until(look, seconds, f'{self.name} settles')
        if cluster['status'] != status:
            same(cluster['status_reason'], None)
        same(cluster, status=status)
        return cluster

    def create(self, image, other):
        """The cluster of one image, and a template of another for later.

        Does not wait for it.
        """
        self.folder.mkdir()
        for name, of in ((self.name, image), (f'{self.name}-next', other)):
            self.shell('coe', 'cluster', 'template', 'create', name,
                       '--coe', 'kubernetes', '--image', of, '--flavor',
                       'm1.small', '--master-flavor', 'm1.small',
                       '--external-network', 'public', '--keypair',
                       'testkey', '--network-driver', 'flannel',
                       '--labels', 'kept=template,changed=template')
        self.shell('coe', 'cluster', 'create', self.name,
                   '--cluster-template', self.name, '--node-count', '2',
                   '--master-count', '1', '--keypair', 'testkey',
                   '--timeout', '30', '--flavor', 'm1.tiny',
                   '--master-flavor', 'm1.small', '--merge-labels',
                   '--labels', 'changed=cluster,added=yes',
                   '--fixed-network', 'demo-net', '--fixed-subnet',
                   'demo-subnet', '--floating-ip-disabled',
                   '--master-lb-disabled')
        shown = self.show()
        same(shown, name=self.name, keypair='testkey', node_count=2,
             master_count=1, create_timeout=30, flavor_id='m1.tiny',
             master_flavor_id='m1.small', fixed_network='demo-net',
             fixed_subnet='demo-subnet', floating_ip_enabled=False,
             labels={'kept': 'template', 'changed': 'cluster',
                     'added': 'yes'},
             labels_overridden={'changed': 'template'},
             labels_added={'added': 'yes'}, labels_skipped={}, faults='')

    def live(self):
        """All that is asked of a cluster, but its deletion."""
        cluster = self.settled('CREATE_COMPLETE')
        same(cluster['api_address'].startswith('https://'), True)
        same(bool(cluster['node_addresses']), True)
        # Clients of version 5 show one, older ones the other.
        same(bool(cluster.get('cluster_id') or cluster.get('stack_id')), True)
        same(self.shell.json('coe', 'cluster', 'show', cluster['uuid']),
             cluster)
        self.listed(cluster)
        self.update()
        self.resize(cluster)
        self.kubeconfig(cluster)
        self.certificates()
        self.nodegroups()
        self.rotate_credential()
        self.upgrade()

    def listed(self, cluster):
        rows = {row['name']: row
                for row in self.shell.json('coe', 'cluster', 'list')}
        same(rows[self.name], uuid=cluster['uuid'], keypair='testkey',
             node_count=2, master_count=1, status='CREATE_COMPLETE')
        rows = self.shell.json('coe', 'cluster', 'list', '--limit', '1',
                               '--sort-key', 'name', '--sort-dir', 'desc')
        same(len(rows), 1)

    def update(self):
        update = ('coe', 'cluster', 'update', self.name)
        if self.typed:
            self.shell(*update, '--node-count', '3', '--rollback')
            fixed = {'name': ('--name', 'other'),
                     'master_count': ('--master-count', '3')}
            label = ('--label', 'flannel_tag=v1', '--no-label', 'kept')
        else:
            self.shell(*update, '--rollback', 'replace', 'node_count=3')
            fixed = {'name': ('replace', 'name=other'),
                     'master_count': ('replace', 'master_count=3')}
            label = ('add', 'labels/flannel_tag=v1')
        self.settled('UPDATE_COMPLETE')
        # All that a client offers, and no cluster can be given any more.
        for name, words in fixed.items():
            self.shell.refused(f'can be changed, not {name} (HTTP 400)',
                               *update, *words)
        if not self.typed:
            self.shell.refused('can be changed, not name (HTTP 400)', *update,
                               'remove', 'name')
        # Neither driver reads it again.
        self.shell.refused('label flannel_tag cannot be changed', *update,
                           *label)
        same(self.show(), node_count=3, name=self.name, master_count=1)

    def resize(self, cluster):
        """Down by two, one of which is chosen; and the masters are not."""
        servers = [row['ID'] for row in self.shell.json(
            'server', 'list', '--name', f'{self.name}-.*-node-')]
        gone = servers[:1] or ['2']
        self.shell('coe', 'cluster', 'resize', self.name, '1',
                   '--nodes-to-remove', gone[0],
                   '--nodegroup', 'default-worker')
        same(self.settled('UPDATE_COMPLETE'), node_count=1)
        left = [row['ID'] for row in self.shell.json(
            'server', 'list', '--name', f'{self.name}-.*-node-')]
        same(len(left), 1 if servers else 0)
        same(gone[0] in left, False)
        # No balancer could tell clients of another one.
        why = ('masters have no load balancer (HTTP 400)'
               if 'resize_masters' in self.powers
               else REFUSALS['resize_masters'])
        self.shell.refused(why, 'coe', 'cluster', 'resize', self.name, '3',
                           '--nodegroup', 'default-master')

    def kubeconfig(self, cluster):
        config = ('coe', 'cluster', 'config', self.name, '--dir')
        first, second = self.folder / 'first', self.folder / 'second'
        first.mkdir()
        second.mkdir()
        said = self.shell(*config, first, '--use-certificate')
        same(str(first / 'config') in said, True)
        text = (first / 'config').read_text()
        same(f'server: {cluster["api_address"]}\n' in text, True)
        words = dict(line.split(': ', 1) for line in text.splitlines()
                     if ': ' in line)
        for name in ('certificate-authority-data', 'client-certificate-data',
                     'client-key-data'):
            (first / name).write_bytes(base64.b64decode(
                words[next(w for w in words if w.strip() == name)]))
        pem.verify(first / 'certificate-authority-data',
               first / 'client-certificate-data')
        # It does not write over what is there, unless it is told to.
        self.shell.refused('config exists, aborting', *config, first)
        self.shell(*config, first, '--force')
        self.shell(*config, second, '--output-certs')
        pem.verify(second / 'ca.pem', second / 'cert.pem')
        self.shell(*config, second, '--use-keystone', '--force')
        same('client.authentication.k8s.io' in
             (second / 'config').read_text(), True)

    def certificates(self):
        authority = self.folder / 'ca.pem'
        authority.write_text(self.shell('coe', 'ca', 'show', self.name))
        request, signed = self.folder / 'request', self.folder / 'signed'
        request.write_text(pem.request(self.folder))
        signed.write_text(self.shell('coe', 'ca', 'sign', self.name, request))
        pem.verify(authority, signed)
        rotated = self.able('rotate_ca', 'coe', 'ca', 'rotate', self.name)
        if rotated:
            self.settled('UPDATE_COMPLETE')
        now = self.shell('coe', 'ca', 'show', self.name)
        same(now == authority.read_text(), not rotated)

    def rotate_credential(self):
        if self.able('rotate_credential', 'coe', 'credential', 'rotate',
                     self.name, ends=0):
            self.settled('UPDATE_COMPLETE')

    def upgrade(self):
        upgrade = ('coe', 'cluster', 'upgrade', self.name,
                   f'{self.name}-next')
        words = (*upgrade, '--max-batch-size', '1', '--nodegroup',
                 'default-worker')
        if 'resize_masters' not in self.powers:
            # Of the real driver: no other master could take over this one's
            # address.
            self.shell.refused('without a load balancer', *words)
        elif self.able('upgrade', *words):
            uuid = self.shell.json('coe', 'cluster', 'template', 'show',
                                   f'{self.name}-next')['uuid']
            same(self.settled('UPDATE_COMPLETE'), cluster_template_id=uuid)

    def nodegroups(self):
        """A group of its own, from made to gone; the default ones stay."""
        group = ('coe', 'nodegroup')
        create = (*group, 'create', self.name, 'extra', '--node-count', '1',
                  '--min-nodes', '1', '--max-nodes', '4', '--role', 'batch',
                  '--image', 'ubuntu-kube-v1.31.4', '--flavor', 'm1.medium',
                  '--docker-volume-size', '6', '--labels', 'more=1',
                  '--merge-labels')
        if self.typed:
            create += ('--node-labels', 'tier=batch', '--node-taints',
                       'dedicated=batch:NoSchedule')
        defaults = ['default-master', 'default-worker']
        same(sorted(self.group_names()), defaults)
        if self.able('nodegroups', *create):
            self.shell.refused('Nodegroup extra already exists (HTTP 409)',
                               *create)
            self.settled('UPDATE_COMPLETE')
            same(sorted(self.group_names()), [*defaults, 'extra'])
            same(self.group_names('--role', 'batch'), ['extra'])
            self.updated_group()
            self.shell('coe', 'cluster', 'resize', self.name, '2',
                       '--nodegroup', 'extra')
            self.settled('UPDATE_COMPLETE')
            same(self.group('extra'), node_count=2, status='UPDATE_COMPLETE')
            self.shell(*group, 'delete', self.name, 'extra')
            self.settled('UPDATE_COMPLETE')
        same(self.group_names('--sort-key', 'name', '--sort-dir', 'desc',
                              '--limit', '2'), defaults[::-1])
        self.shell.refused('deleted with its cluster only (HTTP 400)', *group,
                           'delete', self.name, 'default-worker')
        self.updated_default()

    def group_names(self, *options):
        return [row['name'] for row in self.shell.json(
            'coe', 'nodegroup', 'list', self.name, *options)]

    def group(self, name):
        return self.shell.json('coe', 'nodegroup', 'show', self.name, name)

    def updated_group(self):
        same(self.group('extra'), node_count=1, min_node_count=1,
             max_node_count=4, role='batch', flavor_id='m1.medium',
             image_id='ubuntu-kube-v1.31.4', docker_volume_size=6,
             is_default=False,
             labels={'kept': 'template', 'changed': 'cluster',
                     'added': 'yes', 'more': '1'})
        if not self.typed:
            return
        taint = {'key': 'dedicated', 'value': 'batch', 'effect': 'NoSchedule'}
        same(self.group('extra'), node_labels={'tier': 'batch'},
             node_taints=[taint])
        update = ('coe', 'nodegroup', 'update', self.name, 'extra')
        if not self.able('node_settings', *update, '--node-labels',
                         'tier=other,zone=a', '--node-taints',
                         'gpu:NoExecute'):
            return
        self.settled('UPDATE_COMPLETE')
        shown = self.group('extra')
        same(shown, node_labels={'tier': 'other', 'zone': 'a'})
        same([(taint['key'], taint['effect'])
              for taint in shown['node_taints']], [('gpu', 'NoExecute')])

    def updated_default(self):
        """Limits are no more than rows: any driver will do."""
        update = ('coe', 'nodegroup', 'update', self.name, 'default-worker')
        if self.typed:
            self.shell(*update, '--min-nodes', '0', '--max-nodes', '9')
        else:
            self.shell(*update, 'replace', 'min_node_count=0',
                       '/max_node_count=9')
        self.settled('UPDATE_COMPLETE')
        same(self.group('default-worker'), min_node_count=0,
             max_node_count=9)
        if not self.typed:
            self.shell(*update, 'remove', 'max_node_count')
            self.settled('UPDATE_COMPLETE')
            same(self.group('default-worker'), max_node_count=None)
            self.shell(*update, 'add', 'max_node_count=8')
            self.settled('UPDATE_COMPLETE')
        self.shell.refused('above max_node_count', 'coe', 'cluster',
                           'resize', self.name, '12')


def variants(shell, story):
    """What one cluster cannot be as well; deleted again."""
    name = f'{story.name}-variant'
    shell('coe', 'cluster', 'create', name, '--cluster-template', story.name,
          '--master-count', '3', '--docker-volume-size', '5',
          '--discovery-url', 'https://discovery.example.org/1',
          '--floating-ip-enabled', '--master-lb-enabled',
          '--labels', 'only=these')
    same(shell.json('coe', 'cluster', 'show', name), master_count=3,
         docker_volume_size=5, floating_ip_enabled=True,
         master_lb_enabled=True, node_count=1,
         discovery_url='https://discovery.example.org/1',
         labels={'only': 'these'}, create_timeout=60, keypair='testkey')
    variant = Story(shell, name, story.powers, story.typed, None)
    variant.settled('CREATE_COMPLETE')
    variant.able('resize_masters', 'coe', 'cluster', 'resize', name, '5',
                 '--nodegroup', 'default-master')
    same(variant.group('default-master'), node_count=5)
    # Even before it is complete.
    shell('coe', 'cluster', 'delete', name)
    for refused, words in (
            ('ClusterTemplate no could not be found (HTTP 404)', (
                '--cluster-template', 'no')),
            ('Key pair no-such could not be found (HTTP 404)', (
                '--cluster-template', story.name, '--keypair', 'no-such')),
            ('flavor no-such could not be found (HTTP 400)', (
                '--cluster-template', story.name, '--flavor', 'no-such'))):
        shell.refused(refused, 'coe', 'cluster', 'create', 'refused', *words)


def delete(shell, *stories):
    """All with one command, and their templates; nothing is left of them."""
    names = [story.name for story in stories]
    shell('coe', 'cluster', 'delete', *names)
    until(lambda: not set(names) & {
        row['name'] for row in shell.json('coe', 'cluster', 'list')},
        300, f'{names} are gone')
    for name in names:
        shell.refused(f'Cluster {name} could not be found (HTTP 404)',
                      'coe', 'cluster', 'show', name)
        shell('coe', 'cluster', 'template', 'delete', name, f'{name}-next')
