# SPDX-License-Identifier: Apache-2.0
"""Make and migrate the services' databases, once for each release."""

from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings

ETC, PORTS, PASSWORD = settings.ETC, settings.PORTS, settings.PASSWORD


def _manage(tool, project):
    return [settings.VENV / 'bin' / tool, '--config-file',
            f'{ETC}/{project}/{project}.conf']


KEYSTONE = _manage('keystone-manage', 'keystone')
NOVA = _manage('nova-manage', 'nova')
SELF = ['--keystone-user', processes.USER, '--keystone-group', processes.GROUP]
# Project: its databases, and the commands that fill them.
MIGRATIONS = {
    'keystone': (['keystone'], [
        [*KEYSTONE, 'db_sync'],
        [*KEYSTONE, 'fernet_setup', *SELF],
        [*KEYSTONE, 'credential_setup', *SELF],
        [*KEYSTONE, 'bootstrap', '--bootstrap-password', PASSWORD,
         '--bootstrap-region-id', 'RegionOne',
         '--bootstrap-admin-url', settings.AUTH_URL,
         '--bootstrap-public-url', settings.AUTH_URL,
         '--bootstrap-internal-url', settings.AUTH_URL]]),
    'nova': (['nova_api', 'nova_cell0', 'nova_cell1'], [
        [*NOVA, 'api_db', 'sync'],
        [*NOVA, 'cell_v2', 'map_cell0', '--database_connection',
         settings.database_url('nova_cell0')],
        [*NOVA, 'db', 'sync'],
        # Code 2: the cell is there already.
        ['sh', '-c', '"$@" || [ $? -eq 2 ]', 'sh',
         *NOVA, 'cell_v2', 'create_cell', '--name', 'cell1']]),
    'neutron': (['neutron'], [
        [*_manage('neutron-db-manage', 'neutron'), 'upgrade', 'heads']]),
    'heat': (['heat'], [[*_manage('heat-manage', 'heat'), 'db_sync']]),
    'cinder': (['cinder'], [
        [*_manage('cinder-manage', 'cinder'), 'db', 'sync']]),
    'octavia': (['octavia'], [
        [*_manage('octavia-db-manage', 'octavia'), 'upgrade', 'head']]),
    'glance': (['glance'], [
        ['glance-manage', '--config-file', f'{ETC}/glance/glance-api.conf',
         'db_sync']]),
    'barbican': (['barbican'], [
        ['env', f'HOME={settings.RUN}/home', 'barbican-manage', 'db',
         'upgrade']]),
    'placement': (['placement'], [
        [*_manage('placement-manage', 'placement'), 'db', 'sync']]),
}


def once(what, work):
    """Call `work()`, unless it was done on this data by this release."""
    mark = settings.DATA / 'done' / f'{what}-{settings.RELEASE}'
    if not mark.exists():
        work()
        mark.parent.mkdir(exist_ok=True)
        mark.touch()


def migrate(project):
    def work():
        names, commands = MIGRATIONS[project]
        # A migration that was interrupted can neither be undone nor repeated.
        begun = settings.DATA / f'{project}-is-being-migrated'
        if begun.exists():
            for name in names:
                services.sql(f'DROP DATABASE IF EXISTS {name}')
        begun.touch()
        for name in names:
            services.sql(f'CREATE DATABASE IF NOT EXISTS {name}')
        for command in commands:
            processes.run(command, f'migrate-{project}')
        begun.unlink()
        processes.say(f'database of {project}: migrated')
    once(project, work)
