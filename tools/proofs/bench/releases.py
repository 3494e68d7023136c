# SPDX-License-Identifier: Apache-2.0
"""The three APIs that are compared, side by side on one mini cloud.

Each has its own database and database user, the same configuration, and one
worker process with as many threads as the others.  The released ones are
black boxes, installed from `peers/*.lock` into virtual environments of their
own; no conductor runs, for reading asks none.
"""

import dataclasses
import pathlib

from tools.minicloud import daemons
from tools.minicloud import processes
from tools.minicloud import released
from tools.minicloud import services
from tools.minicloud import settings

HERE = pathlib.Path(__file__).resolve().parent
THREADS = 8
# Of uWSGI: everything that concerns speed is its default or what ours has.
UWSGI = ('--module', 'magnum.wsgi.api:application', '--master',
         '--processes', 1, '--threads', THREADS, '--enable-threads',
         '--lazy-apps', '--die-on-term', '--need-app', '--disable-logging',
         '--buffer-size', 65535, '--add-header', 'Connection: close')


@dataclasses.dataclass(frozen=True)
class Release:
    """One of the APIs; `version` None is the one of this checkout."""

    version: str | None
    port: int

    @property
    def name(self):
        return self.version or 'ours'

    @property
    def process(self):
        # So that it ends with our daemons, however the run ends.
        return f'magnum-bench-{self.name}'

    @property
    def database(self):
        """Also the name of its user there."""
        return 'bench_' + self.name.replace('.', '_')

    @property
    def bin(self):
        if self.version is None:
            return daemons.BIN
        return released.folder(self.version) / 'bin'

    @property
    def folder(self):
        return settings.ETC / self.process

    @property
    def config(self):
        return self.folder / 'magnum.conf'

    @property
    def calls(self):
        """Where its requests to other services are noted."""
        return settings.DATA / f'{self.process}.calls'

    @property
    def pid(self):
        return processes.running(self.process)

    def cpu(self):
        """Seconds that its threads, which all live on, have computed."""
        return sum(
            int(thread.read_text().split()[0])
            for pid in processes.session(self.pid)
            for thread in pathlib.Path('/proc').glob(
                f'{pid}/task/*/schedstat')) / 1e9

    def start(self):
        install(self)
        configure(self)
        migrate(self)
        services.refuse_taken_port(self.process, self.port)
        if self.version is None:
            command = [self.bin / 'magnum-api', '--config-file', self.config]
        else:
            command = [self.bin / 'uwsgi', *UWSGI, '--http-socket',
                       f'{settings.IP}:{self.port}',
                       '--pyargv', f'--config-file {self.config}']
        self.calls.write_bytes(b'')
        processes.start(self.process, command, BENCH_CALLS=self.calls,
                        PYTHONPATH=HERE / 'plugins')
        processes.wait(self.process,
                       lambda: processes.http_answers(self.port, '/v1/'))


ALL = (Release('22.0.0', settings.PORTS['magnum'] + 22),
       Release('23.0.0', settings.PORTS['magnum'] + 23),
       Release(None, settings.PORTS['magnum'] + 24))


def stop():
    processes.stop([release.process for release in ALL])


def install(release):
    if release.version:
        released.install(release.version,
                         HERE / f'peers/{release.version}.lock')


def configure(release):
    login = {'auth_type': 'password', 'auth_url': settings.AUTH_URL,
             'username': 'magnum', 'password': settings.PASSWORD,
             'user_domain_name': 'Default', 'project_name': 'service',
             'project_domain_name': 'Default'}
    state = settings.DATA / release.process
    connection = settings.database_url(release.database).replace(
        '//cloud:', f'//{release.database}:')
    groups = {
        'DEFAULT': {'transport_url': settings.TRANSPORT_URL,
                    'state_path': state, 'use_stderr': True,
                    'log_options': False},
        'api': {'host': settings.IP, 'port': release.port, 'workers': 1},
        'database': {'connection': connection},
        'keystone_authtoken': {
            **login, 'www_authenticate_uri': settings.AUTH_URL,
            'memcached_servers': settings.MEMCACHED,
            'service_token_roles_required': True},
        'keystone_auth': login,
        'trust': {'trustee_domain_name': 'magnum',
                  'trustee_domain_admin_name': 'trustee_domain_admin',
                  'trustee_domain_admin_domain_name': 'magnum',
                  'trustee_domain_admin_password': settings.PASSWORD},
        'certificates': {'cert_manager_type': 'x509keypair'},
        'oslo_concurrency': {'lock_path': state / 'lock'},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }
    for folder in (release.folder, state / 'lock'):
        folder.mkdir(parents=True, exist_ok=True)
    if release.version:
        paste = release.folder / 'api-paste.ini'
        paste.write_bytes(
            (release.bin.parent / 'etc/magnum/api-paste.ini').read_bytes())
        groups['api']['api_paste_config'] = paste
    release.config.touch(mode=0o600)
    release.config.write_text('\n'.join(
        f'[{group}]\n' + ''.join(f'{k} = {v}\n' for k, v in options.items())
        for group, options in groups.items()))


def migrate(release):
    name, user = release.database, f"{release.database}@'{settings.IP}'"
    services.sql(f'CREATE DATABASE IF NOT EXISTS {name}; '
                 f'CREATE USER IF NOT EXISTS {user} '
                 f"IDENTIFIED BY '{settings.PASSWORD}'; "
                 f'GRANT ALL ON {name}.* TO {user}')
    processes.run([release.bin / 'magnum-db-manage', '--config-file',
                   release.config, 'upgrade'], f'{release.process}-database')
