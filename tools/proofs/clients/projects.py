# SPDX-License-Identifier: Apache-2.0
"""`openstack coe quotas`, `stats` and `service`: what operators ask."""

import uuid

from expect import same


def story(demo, admin):
    quotas(demo, admin)
    services(demo, admin)
    stats(demo, admin)


def quotas(demo, admin):
    # No one's, so that nobody else's story hears of a limit.
    first, second = project(admin), project(admin)

    def command(verb, *options, of=first):
        return ('coe', 'quotas', verb, '--project-id', of, '--resource',
                'Cluster', *options)

    try:
        made = admin.table(*command('create', '--hard-limit', '5'))
        same(made, project_id=first, resource='Cluster', hard_limit='5')
        same(admin.table(*command('create', of=second)), hard_limit='1')
        admin.refused('already exists (HTTP 409)', *command('create'),
                      ends=0)
        same(admin.table(*command('show')), **made)
        same(admin.table(*command('update', '--hard-limit', '7')),
             hard_limit='7')
        same(admin.table(*command('show')), hard_limit='7')
        rows = listed(admin, '--all-tenants', '--limit', '1000',
                      '--sort-key', 'project_id', '--sort-dir', 'asc')
        same([of for of in rows if of in (first, second)],
             sorted((first, second)))
        same(len(listed(admin, '--all-tenants', '--limit', '1')), 1)
        after = listed(admin, '--all-tenants', '--marker', made['id'])
        same((first in after, second in after), (False, True))
        same(first in listed(admin), False)
        admin(*command('delete'))
        admin(*command('delete', of=second))
        admin.refused('could not be found (HTTP 404)', *command('delete'),
                      ends=0)
        demo.refused("Policy doesn't allow quota:create",
                     *command('create'), ends=0)
        demo.refused('Only administrators can see the quota', *command('show'))
    finally:
        for of in (first, second):
            admin('project', 'delete', of)


def project(admin):
    return admin.json('project', 'create',
                      f'clients-{uuid.uuid4().hex}')['id']


def listed(admin, *options):
    """The projects of the quotas that are listed, in order."""
    lines = [line.split('|') for line in admin(
        'coe', 'quotas', 'list', *options).splitlines()
        if line.startswith('|')]
    column = [word.strip() for word in lines[0]].index('project_id')
    return [line[column].strip() for line in lines[1:]]


def services(demo, admin):
    rows = admin.json('coe', 'service', 'list')
    same({row['binary'] for row in rows}, {'magnum-conductor'})
    same('up' in {row['state'] for row in rows}, True)
    demo.refused("Policy doesn't allow magnum-service:get_all",
                 'coe', 'service', 'list')


def stats(demo, admin):
    own = demo.json('token', 'issue')['project_id']
    of_demo = demo.table('coe', 'stats', 'list', own)
    same(set(of_demo) >= {'clusters', 'nodes'}, True)
    same(int(of_demo['clusters']) >= 0, True)
    admin('coe', 'stats', 'list', own)
    demo.refused('Only administrators can see the statistics', 'coe', 'stats',
                 'list', uuid.uuid4().hex)
