# SPDX-License-Identifier: Apache-2.0
"""Every `openstack coe cluster template ...`, from none to none."""

from expect import same

# What `create` is told, in its own words, and what `show` says afterwards.
GIVEN = {
    '--coe': 'kubernetes', '--external-network': 'public',
    '--keypair': 'testkey', '--fixed-network': 'demo-net',
    '--fixed-subnet': 'demo-subnet', '--network-driver': 'flannel',
    '--volume-driver': 'cinder', '--dns-nameserver': '8.8.4.4',
    '--flavor': 'm1.small', '--master-flavor': 'm1.tiny',
    '--docker-volume-size': '5', '--docker-storage-driver': 'overlay2',
    '--http-proxy': 'http://proxy:3128',
    '--https-proxy': 'https://proxy:3128', '--no-proxy': 'localhost,.local',
    '--insecure-registry': 'registry:5000', '--server-type': 'vm'}
SHOWN = {
    'coe': 'kubernetes', 'external_network_id': 'public',
    'keypair_id': 'testkey', 'fixed_network': 'demo-net',
    'fixed_subnet': 'demo-subnet', 'network_driver': 'flannel',
    'volume_driver': 'cinder', 'dns_nameserver': '8.8.4.4',
    'flavor_id': 'm1.small', 'master_flavor_id': 'm1.tiny',
    'docker_volume_size': 5, 'docker_storage_driver': 'overlay2',
    'http_proxy': 'http://proxy:3128', 'https_proxy': 'https://proxy:3128',
    'no_proxy': 'localhost,.local', 'insecure_registry': 'registry:5000',
    'server_type': 'vm'}
UNPUBLISHED = ("Policy doesn't allow clustertemplate:publish to be performed "
               '(HTTP 403)')
UPDATE = ('coe', 'cluster', 'template', 'update')


def story(demo, admin, prefix, image, typed):
    """`typed`: this client patches with options; else with paths."""
    full, plain, shared = (f'{prefix}-{name}'
                           for name in ('full', 'plain', 'shared'))
    create_full(demo, full, image, typed)
    create_others(demo, admin, plain, shared, image)
    list_them(demo, admin, full, plain, shared)
    (update_typed if typed else update_patched)(demo, full)
    after_updates(demo, full)
    publish(demo, admin, full, typed)
    delete(demo, admin, full, plain, shared)


def create_full(demo, full, image, typed):
    """With every option; all of it is shown."""
    options = [word for pair in GIVEN.items() for word in pair]
    if typed:
        options += ['--driver', 'able']
    made = demo.json(
        'coe', 'cluster', 'template', 'create', full, '--image', image,
        *options, '--labels', 'one=1', '--labels', 'two=2',
        '--labels', 'three=3,tres', '--tls-disabled', '--registry-enabled',
        '--master-lb-enabled', '--floating-ip-enabled', '--visible',
        '--tags', 'old', '--tags', 'red,blue')
    same(made, **SHOWN, name=full, image_id=image, tls_disabled=True,
         registry_enabled=True, master_lb_enabled=True,
         floating_ip_enabled=True, public=False, hidden=False,
         cluster_distro='ubuntu',
         labels={'one': '1', 'two': '2', 'three': '3,tres'})
    same(set(made['tags'].split(',')), {'old', 'red', 'blue'})
    for ident in (full, made['uuid']):
        same(demo.json('coe', 'cluster', 'template', 'show', ident), made)


def create_others(demo, admin, plain, shared, image):
    needed = ('--coe', 'kubernetes', '--image', image,
              '--external-network', 'public')
    made = demo.json('coe', 'cluster', 'template', 'create', plain,
                     *needed, '--floating-ip-disabled',
                     '--labels', 'one=1,two=2')
    # What the client says for itself, and what nobody said.
    same(made, flavor_id='m1.medium', dns_nameserver='8.8.8.8',
         docker_storage_driver='overlay2', server_type='vm',
         labels={'one': '1', 'two': '2'}, floating_ip_enabled=False,
         keypair_id='-', docker_volume_size='-', http_proxy='-',
         tls_disabled=False, public=False)
    demo.refused(UNPUBLISHED, 'coe', 'cluster', 'template', 'create', shared,
                 *needed, '--public')
    admin('coe', 'cluster', 'template', 'create', shared, *needed,
          '--public', '--hidden')
    demo.refused('Invalid value for image_id: image no-such could not be '
                 'found (HTTP 400)', 'coe', 'cluster', 'template', 'create',
                 'refused', '--coe', 'kubernetes', '--image', 'no-such',
                 '--external-network', 'public')


def list_them(demo, admin, full, plain, shared):
    listed = ('coe', 'cluster', 'template', 'list')

    def names(who, *options):
        return [row['name'] for row in who.json(*listed, *options)
                if row['name'] in (full, plain, shared)]

    same(sorted(names(demo)), [full, plain])
    # Administrators see all of all projects, hidden ones included.
    same(set(names(admin)) >= {shared}, True)
    same(names(demo, '--sort-key', 'name', '--sort-dir', 'desc'),
         [plain, full])
    same(names(demo, '--sort-key', 'name', '--sort-dir', 'asc'),
         [full, plain])
    same(len(demo.json(*listed, '--limit', '1')), 1)
    rows = demo.json(*listed, '--fields', 'coe,image_id,public,labels')
    same({(row['coe'], row['public']) for row in rows
          if row['name'] in (full, plain)}, {('kubernetes', False)})
    demo.refused('Invalid value for query parameter sort_key', *listed,
                 '--sort-key', 'nonsense')


def update_typed(demo, full):
    """As version 5 does it: options, and typed values."""
    demo(*UPDATE, full, '--dns-nameserver', '1.1.1.1', '--flavor', 'm1.large',
         '--master-flavor', 'm1.large', '--docker-volume-size', '7',
         '--keypair', 'testkey', '--external-network', 'public',
         '--fixed-network', 'demo-net', '--fixed-subnet', 'demo-subnet',
         '--network-driver', 'calico', '--volume-driver', 'cinder',
         '--docker-storage-driver', 'overlay2', '--image',
         'ubuntu-kube-able', '--driver', 'able',
         '--http-proxy', 'http://other:3128', '--https-proxy',
         'https://other:3128', '--no-proxy', '.other',
         '--insecure-registry', 'other:5000')
    demo(*UPDATE, full, '--label', 'one=uno', '--label', 'four=4',
         '--no-label', 'two', '--no-label', 'three')
    demo(*UPDATE, full, '--tag', 'new', '--tag', 'newer')
    for off in ('--tls-disabled', '--registry-enabled',
                '--master-lb-disabled', '--floating-ip-disabled'):
        demo(*UPDATE, full, off)
    demo(*UPDATE, full, '--tls-enabled', '--registry-disabled')
    same(demo.json(*UPDATE, full, '--master-lb-enabled',
                   '--floating-ip-enabled'),
         master_lb_enabled=True, floating_ip_enabled=True)
    demo(*UPDATE, full, '--master-lb-disabled', '--floating-ip-disabled')
    demo(*UPDATE, full, '--name', f'{full}-renamed')
    demo(*UPDATE, f'{full}-renamed', '--name', full)
    demo.refused('image nowhere could not be found (HTTP 400)', *UPDATE,
                 full, '--image', 'nowhere')


def update_patched(demo, full):
    """As version 4 does it: paths, and text that may be JSON."""
    demo(*UPDATE, full, 'replace', 'dns_nameserver=1.1.1.1',
         '/flavor_id=m1.large', 'master_flavor_id=m1.large',
         'docker_volume_size=7', 'network_driver=calico',
         'http_proxy=http://other:3128', 'https_proxy=https://other:3128',
         'no_proxy=.other', 'insecure_registry=other:5000')
    demo(*UPDATE, full, 'replace', 'labels=one=1,two=2')
    same(demo.json('coe', 'cluster', 'template', 'show', full),
         labels={'one': '1', 'two': '2'})
    demo(*UPDATE, full, 'add', 'labels/one=uno', '/labels/four=4')
    demo(*UPDATE, full, 'remove', 'labels/two')
    demo(*UPDATE, full, 'replace', 'tags=new,newer')
    demo(*UPDATE, full, 'replace', 'tls_disabled=True')
    demo(*UPDATE, full, 'replace', 'tls_disabled=0',
         'registry_enabled=false', 'master_lb_enabled=False',
         'floating_ip_enabled=false')
    demo(*UPDATE, full, 'replace', f'name={full}-renamed')
    demo(*UPDATE, f'{full}-renamed', 'replace', f'name={full}')
    demo(*UPDATE, full, 'add', 'keypair_id=testkey')
    demo.refused('image nowhere could not be found (HTTP 400)', *UPDATE,
                 full, 'replace', 'image_id=nowhere')
    demo.refused('/nonsense cannot be changed', *UPDATE, full,
                 'replace', 'nonsense=1')


def after_updates(demo, full):
    """Whichever way it was said."""
    shown = demo.json('coe', 'cluster', 'template', 'show', full)
    same(shown, **SHOWN | {
        'dns_nameserver': '1.1.1.1', 'flavor_id': 'm1.large',
        'master_flavor_id': 'm1.large', 'docker_volume_size': 7,
        'network_driver': 'calico', 'http_proxy': 'http://other:3128',
        'https_proxy': 'https://other:3128', 'no_proxy': '.other',
        'insecure_registry': 'other:5000', 'name': full,
        'labels': {'one': 'uno', 'four': '4'}, 'tls_disabled': False,
        'registry_enabled': False, 'master_lb_enabled': False,
        'floating_ip_enabled': False, 'hidden': False, 'public': False})
    same(set(shown['tags'].split(',')), {'new', 'newer'})


def publish(demo, admin, full, typed):
    public, private = (('--public',), ('--private',)) if typed else (
        ('replace', 'public=true'), ('replace', 'public=False'))
    demo.refused(UNPUBLISHED, *UPDATE, full, *public)
    uuid = demo.json('coe', 'cluster', 'template', 'show', full)['uuid']
    same(admin.json(*UPDATE, uuid, *public), public=True, uuid=uuid)
    same(admin.json(*UPDATE, uuid, '--hidden'), public=True, hidden=True)
    same(admin.json(*UPDATE, uuid, *private), public=False, hidden=True)
    same(admin.json(*UPDATE, uuid, '--visible'), public=False, hidden=False)


def delete(demo, admin, full, plain, shared):
    """Several at once; what fails is told, and the next one tried."""
    delete = ('coe', 'cluster', 'template', 'delete')
    demo.refused('ClusterTemplate no-such could not be found (HTTP 404)',
                 *delete, full, 'no-such', plain, ends=0)
    for name in (full, plain):
        demo.refused(f'ClusterTemplate {name} could not be found (HTTP 404)',
                     'coe', 'cluster', 'template', 'show', name)
    admin(*delete, shared)
    left = [row['name'] for row in admin.json(
        'coe', 'cluster', 'template', 'list')]
    same({full, plain, shared} & set(left), set())
