# SPDX-License-Identifier: Apache-2.0
"""Tempest's configuration on the mini cloud, for the plugin's two suites."""

import dataclasses
import pathlib
import shutil

import openstack

from tools.minicloud import processes
from tools.minicloud import settings

TESTS = 'magnum_tempest_plugin/tests/api/v1'
# Finds the plugin's tests only: Tempest's own take long to read.
STESTR = """[DEFAULT]
test_path={packages}/{tests}
top_dir={packages}
group_regex=([^\\.]*\\.)*
"""
OWN_USERS = {'use_dynamic_credentials': True,
             'tempest_roles': 'member,heat_stack_owner,'
                              'load-balancer_member,creator'}


@dataclasses.dataclass(frozen=True)
class Suite:
    """Tests that share a configuration; regex chooses them by name."""

    what: str
    folder: pathlib.Path
    regex: str

    @property
    def process(self):
        return f'tempest-{self.folder.name}'

    @property
    def config(self):
        return self.folder / 'tempest.conf'


def suites(venv, accounts):
    """What is run side by side; `accounts`: those of the roles, as YAML."""
    folder = settings.RUN / 'tempest'
    roles = Suite('with three roles in one project', folder / 'roles',
                  r'\.v1\.rbac\.')
    found = [
        write(roles, venv, enforce_scope={'magnum': True},
              auth={'use_dynamic_credentials': False,
                    'test_accounts_file': roles.folder / 'accounts.yaml'}),
        # On its own, as the plugin's own jobs run it: at the end of a test
        # its class loses the user that the class was given.
        write(Suite('of a cluster, with its own user', folder / 'cluster',
                    'test_create_list_sign_delete'), venv, auth=OWN_USERS),
        write(Suite('with users of their own', folder / 'users', ''),
              venv, auth=OWN_USERS)]
    (roles.folder / 'accounts.yaml').write_text(accounts)
    return found


def write(suite, venv, **more):
    shutil.rmtree(suite.folder, ignore_errors=True)
    suite.folder.mkdir(parents=True, mode=0o700)
    packages, = venv.glob('lib/python3*/site-packages')
    (suite.folder / '.stestr.conf').write_text(
        STESTR.format(packages=packages, tests=TESTS))
    processes.run([venv / 'bin/stestr', 'init'], 'tempest', cwd=suite.folder)
    public = openstack.connect(cloud='admin').network.find_network(
        'public', ignore_missing=False)
    groups = {
        'DEFAULT': {'log_dir': suite.folder, 'use_stderr': False},
        'oslo_concurrency': {'lock_path': suite.folder / 'locks'},
        'auth': {'admin_username': 'admin', 'admin_project_name': 'admin',
                 'admin_password': settings.PASSWORD,
                 'admin_domain_name': 'Default',
                 'create_isolated_networks': False},
        'identity': {'uri_v3': settings.AUTH_URL, 'auth_version': 'v3',
                     'region': 'RegionOne', 'v3_endpoint_type': 'publicURL'},
        'identity-feature-enabled': {'api_v2': False},
        'service_available': {'swift': False, 'magnum': True},
        'network': {'public_network_id': public.id},
        'magnum': {'image_id': 'ubuntu-kube-v1.31.4', 'nic_id': 'public',
                   'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
                   'network_driver': 'flannel', 'coe': 'kubernetes',
                   'keypair_name': 'magnum-test', 'copy_logs': False,
                   'cluster_creation_timeout': 5,
                   'cluster_delete_timeout': 5}}
    for group, options in more.items():
        groups.setdefault(group, {}).update(options)
    suite.config.write_text('\n'.join(
        f'[{group}]\n' + ''.join(f'{k} = {v}\n' for k, v in options.items())
        for group, options in groups.items()))
    return suite
