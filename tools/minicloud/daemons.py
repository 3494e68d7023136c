# SPDX-License-Identifier: Apache-2.0
"""Our two daemons on the mini cloud: configure, start, stop, measure them.

usage: daemons stop

They are processes of the mini cloud like any other: known by recorded pid,
shown by `status`, ended by `down`.
"""

import base64
import contextlib
import json
import os
import sys
import uuid

from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings

BIN = settings.TOP / '.venv/bin'
ETC = settings.ETC / 'magnum'
CONFIG = ETC / 'magnum.conf'
URL = settings.url('magnum')
API, CONDUCTOR = 'magnum-api', 'magnum-conductor'
# For daemons that know the driver `able` too, which has every power: its
# infrastructure is in the conductor's memory.
ABLE = {'PYTHONPATH': f'{settings.PLUGINS}:'
                      f'{settings.TOP}/tools/proofs/clients/plugins'}

# Machines share this one's control groups, of version 1, and its kernel, whose
# table of connections is not theirs to size.
PATCHES = """
kind: InitConfiguration
nodeRegistration: {ignorePreflightErrors: [SystemVerification]}
---
kind: JoinConfiguration
nodeRegistration: {ignorePreflightErrors: [SystemVerification]}
---
kind: KubeletConfiguration
failCgroupV1: false
---
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0, min: 0}
"""


def configure(store='x509keypair', **more):
    """Write magnum.conf.  `more`: {group: {option: value}} on top of it."""
    login = {'auth_type': 'password', 'auth_url': settings.AUTH_URL,
             'username': 'magnum', 'password': settings.PASSWORD,
             'user_domain_name': 'Default', 'project_name': 'service',
             'project_domain_name': 'Default'}
    groups = {
        'DEFAULT': {'transport_url': settings.TRANSPORT_URL,
                    'state_path': settings.DATA / 'magnum',
                    'use_stderr': True, 'log_options': False,
                    'graceful_shutdown_timeout': 10},
        'api': {'host': settings.IP, 'port': settings.PORTS['magnum'],
                'workers': 1},
        'database': {'connection': settings.database_url('magnum')},
        'keystone_authtoken': {
            **login, 'www_authenticate_uri': settings.AUTH_URL,
            'memcached_servers': settings.MEMCACHED,
            'service_token_roles_required': True},
        'keystone_auth': login,
        # The domain of the clusters' own users, and who may make them.
        'trust': {'trustee_domain_name': 'magnum',
                  'trustee_domain_admin_name': 'trustee_domain_admin',
                  'trustee_domain_admin_domain_name': 'magnum',
                  'trustee_domain_admin_password': settings.PASSWORD,
                  'cluster_user_trust': True},
        'certificates': {'cert_manager_type': store,
                         'encryption_keys': secret('encryption')},
        'journal': {'seal_keys': secret('seal')},
        'cinder': {'default_docker_volume_type': 'void',
                   'default_boot_volume_type': 'void',
                   'default_etcd_volume_type': 'void'},
        'oslo_messaging_notifications': {'driver': 'noop'},
        'oslo_concurrency': {'lock_path': settings.DATA / 'magnum/lock'},
    }
    for group, options in more.items():
        groups.setdefault(group, {}).update(options)
    ETC.mkdir(exist_ok=True)
    CONFIG.touch(mode=0o600)
    CONFIG.write_text('\n'.join(
        f'[{group}]\n' + ''.join(f'{k} = {v}\n' for k, v in options.items())
        for group, options in groups.items()))


def for_machines():
    """What `configure` takes besides where servers are machines.

    The same as an operator of such a cloud would say of its needs.
    """
    ETC.mkdir(exist_ok=True)
    patches = ETC / 'kubeadm-patches.yaml'
    patches.write_text(PATCHES)
    return {'kubernetes': {'kubeadm_patches_file': patches}}


def secret(name):
    """A Fernet key, made at the first use and kept."""
    path = settings.DATA / 'magnum/secrets.json'
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    known = json.loads(path.read_text() or '{}')
    if name not in known:
        known[name] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        path.write_text(json.dumps(known))
    return known[name]


def migrate():
    services.sql('CREATE DATABASE IF NOT EXISTS magnum')
    processes.run([BIN / 'magnum-db-manage', '--config-file', CONFIG,
                   'upgrade'], 'magnum-db-manage')
    return processes.run([BIN / 'magnum-db-manage', '--config-file', CONFIG,
                          'version']).split()[-1]


@contextlib.contextmanager
def on_a_fresh_database(**environment):
    """Both, until the end of the block; the URL of their database."""
    name = f'magnum_{uuid.uuid4().hex[:8]}'
    services.sql(f'CREATE DATABASE {name}')
    url = settings.database_url(name)
    configure(database={'connection': url})
    processes.run([BIN / 'magnum-db-manage', '--config-file', CONFIG,
                   'upgrade'], 'magnum-db-manage')
    try:
        start(**environment)
        yield url
    finally:
        stop()
        services.sql(f'DROP DATABASE {name}')


def start(*conductors, **environment):
    """The API and conductors of these names; waits until the API answers."""
    if not processes.running(API):
        services.refuse_taken_port(API, settings.PORTS['magnum'])
    processes.start(API, [BIN / API, '--config-file', CONFIG], **environment)
    for name in conductors or (CONDUCTOR,):
        start_conductor(name, **environment)
    processes.wait(API, lambda: processes.http_answers(
        settings.PORTS['magnum']), 60)


def start_conductor(name=CONDUCTOR, **environment):
    # Each has a host name of its own, as on machines of their own.
    own = ETC / f'{name}.conf'
    own.write_text(f'[DEFAULT]\nhost = {name}\n')
    processes.start(name, [BIN / CONDUCTOR, '--config-file', CONFIG,
                           '--config-file', own], **environment)


def names():
    return [n for n in processes.recorded() if n.startswith('magnum-')]


def stop():
    processes.stop(names())


def memory():
    """{daemon: (RSS, PSS)} in MiB, each with all its processes."""
    return {name: processes.memory(processes.running(name))
            for name in names() if processes.running(name)}


def log_tail(name, lines=25):
    path = settings.LOG / f'{name}.log'
    if not path.exists():
        return ''
    return '\n'.join(path.read_text(errors='replace').splitlines()[-lines:])


if __name__ == '__main__':
    if sys.argv[1:] != ['stop']:
        sys.exit(__doc__.strip())
    stop()
