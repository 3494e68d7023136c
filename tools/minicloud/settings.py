# SPDX-License-Identifier: Apache-2.0
"""Where the mini cloud lives, on which ports, and how one gets in.

Two of them can stand side by side: give each command of the second one the
same MINICLOUD_SHIFT.  Everything is on loopback, so one password does for all.
Standard library only: this is read before any package is installed.
"""

import hashlib
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
PLUGINS = HERE / 'plugins'
# For modules of ours in the cloud's environment.  No service gets it: a
# released Magnum would find the one of this checkout.
OURS = {'PYTHONPATH': f'{PLUGINS}:{TOP}'}
SHIFT = int(os.environ.get('MINICLOUD_SHIFT', '0'))
HOME = pathlib.Path(
    os.environ.get('MINICLOUD_HOME', '/var/tmp/magnum-minicloud')).absolute()
VENV = HOME / 'venv'
# Short, as the path of a Unix socket ends at 107 characters.
RUN = HOME / (f'run-{SHIFT}' if SHIFT else 'run')
ETC, DATA, LOG, PID = RUN / 'etc', RUN / 'data', RUN / 'log', RUN / 'pid'

IP = '127.0.0.1'
PASSWORD = 'minicloud'
LOCK = HERE / 'requirements.lock'
# Databases and seeds are made once for each version of the packages.
RELEASE = hashlib.sha1(LOCK.read_bytes()).hexdigest()[:12]

PORTS = {name: number + SHIFT for name, number in {
    'mariadb': 3307, 'rabbitmq': 5673, 'rabbitmq-nodes': 25673, 'epmd': 4370,
    'memcached': 11212,
    'keystone': 5000, 'glance': 9292, 'placement': 8778, 'nova': 8774,
    'neutron': 9696, 'cinder': 8776, 'octavia': 9876, 'barbican': 9311,
    'heat': 8004, 'magnum': 9511, 'kubernetes': 6443}.items()}

AUTH_URL = f'http://{IP}:{PORTS["keystone"]}/v3'
TRANSPORT_URL = f'rabbit://cloud:{PASSWORD}@{IP}:{PORTS["rabbitmq"]}/'
MEMCACHED = f'{IP}:{PORTS["memcached"]}'
MARIADB_SOCKET = RUN / 'mariadb.sock'
CLOUDS = RUN / 'clouds.yaml'

PACKAGES = {'mariadbd': 'mariadb-server', 'erl': 'rabbitmq-server',
            'epmd': 'rabbitmq-server', 'memcached': 'memcached',
            'openssl': 'openssl', 'ssh-keygen': 'openssh-client'}


def url(service):
    return f'http://{IP}:{PORTS[service]}'


def database_url(name):
    return (f'mysql+pymysql://cloud:{PASSWORD}@{IP}:{PORTS["mariadb"]}/{name}'
            '?charset=utf8mb4')


def environment(**more):
    """What every process of the cloud gets: our plug-ins, no proxies."""
    kept = {k: v for k, v in os.environ.items()
            if k.lower() not in ('http_proxy', 'https_proxy', 'all_proxy')
            and not k.startswith('OS_')}
    # `openstack coe cluster config` cannot do without SHELL, and jobs of a CI
    # have none.
    return {'SHELL': '/bin/sh', **kept,
            'PATH': f'{VENV}/bin:{os.environ["PATH"]}',
            'PYTHONPATH': str(PLUGINS), 'PYTHONWARNINGS': 'ignore',
            'PYTHONUNBUFFERED': '1', 'OS_CLIENT_CONFIG_FILE': str(CLOUDS),
            'MINICLOUD_HOME': str(HOME), 'MINICLOUD_SHIFT': str(SHIFT),
            **{k: str(v) for k, v in more.items()}}


def make_folders():
    for folder in (HOME, RUN, ETC, DATA, LOG, PID):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            sys.exit(f'{folder} belongs to someone else: choose another place '
                     'with MINICLOUD_HOME')
