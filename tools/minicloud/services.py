# SPDX-License-Identifier: Apache-2.0
"""What the cloud consists of, in the order in which it is started."""

import dataclasses
import os

from tools.minicloud import processes
from tools.minicloud import settings

ETC = settings.ETC
INFRASTRUCTURE = ('mariadb', 'epmd', 'rabbitmq', 'memcached')
RABBITMQ = '/usr/lib/rabbitmq/bin/'


@dataclasses.dataclass(frozen=True)
class Service:
    """A process of OpenStack.  `port` None: it answers on the bus only."""

    name: str
    command: tuple[str, ...]
    port: int | None = None
    path: str = '/'

    def start(self):
        if self.port and not processes.running(self.name):
            refuse_taken_port(self.name, self.port)
        processes.start(self.name, [settings.VENV / 'bin' / self.command[0],
                                    *self.command[1:]])


def _api(name, path='/'):
    return Service(name, ('uwsgi', '--ini', f'{ETC}/uwsgi/{name}.ini'),
                   settings.PORTS[name.removesuffix('-api')], path)


def _daemon(name):
    project = name.split('-')[0]
    return Service(name, (name, '--config-file',
                          f'{ETC}/{project}/{project}.conf'))


OPENSTACK = (
    _api('keystone', '/v3'), _api('placement'), _api('nova-api'),
    _api('neutron-api'), _daemon('nova-conductor'), _daemon('nova-scheduler'),
    _daemon('nova-compute'), _api('glance'), _api('cinder-api'),
    _daemon('cinder-scheduler'), _daemon('cinder-volume'),
    _api('octavia-api'), _daemon('octavia-worker'), _api('heat-api'),
    _daemon('heat-engine'), _api('barbican'))
BY_NAME = {service.name: service for service in OPENSTACK}


def refuse_taken_port(name, port):
    if processes.port_answers(port):
        raise SystemExit(f'{name}: port {port} is taken by something else; '
                         'MINICLOUD_SHIFT moves all ports')


def start_mariadb():
    if processes.running('mariadb'):
        return
    refuse_taken_port('mariadb', settings.PORTS['mariadb'])
    folder = settings.DATA / 'mariadb'
    user = ['--user=root'] if os.getuid() == 0 else []
    if not (folder / 'mysql').is_dir():
        processes.run(['mariadb-install-db', '--no-defaults', *user,
             f'--datadir={folder}', '--skip-test-db',
             '--auth-root-authentication-method=normal'], 'mariadb-install')
    # What is lost in a crash can be made again: durability is for others.
    processes.start('mariadb', [
        'mariadbd', '--no-defaults', *user, f'--datadir={folder}',
        f'--bind-address={settings.IP}', f'--port={settings.PORTS["mariadb"]}',
        f'--socket={settings.MARIADB_SOCKET}', '--skip-name-resolve',
        f'--pid-file={settings.RUN}/mariadb.pid', '--max-connections=2000',
        '--innodb-buffer-pool-size=384M', '--innodb-log-file-size=128M',
        '--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0',
        '--skip-log-bin', '--character-set-server=utf8mb4',
        '--collation-server=utf8mb4_general_ci'])


def start_rabbitmq():
    if not processes.running('epmd'):
        processes.start('epmd', [
            'epmd', '-address', settings.IP, '-port', settings.PORTS['epmd']])
    if processes.running('rabbitmq'):
        return
    refuse_taken_port('rabbitmq', settings.PORTS['rabbitmq'])
    data, etc = settings.DATA / 'rabbitmq', settings.ETC / 'rabbitmq'
    (data / 'home').mkdir(parents=True, exist_ok=True)
    # The scripts of /usr/sbin would change to another user.
    processes.start(
        'rabbitmq', [RABBITMQ + 'rabbitmq-server'],
        HOME=data / 'home', ERL_EPMD_PORT=settings.PORTS['epmd'],
        ERL_EPMD_ADDRESS=settings.IP, RABBITMQ_CONF_ENV_FILE='/dev/null',
        RABBITMQ_NODENAME=f'minicloud{settings.SHIFT}@localhost',
        RABBITMQ_MNESIA_BASE=data / 'mnesia',
        RABBITMQ_LOG_BASE=settings.LOG, RABBITMQ_LOGS='-',
        RABBITMQ_CONFIG_FILE=etc / 'rabbitmq.conf',
        RABBITMQ_ADVANCED_CONFIG_FILE=etc / 'advanced.config',
        RABBITMQ_ENABLED_PLUGINS_FILE=etc / 'enabled_plugins',
        RABBITMQ_DIST_PORT=settings.PORTS['rabbitmq-nodes'],
        RABBITMQ_PID_FILE=settings.RUN / 'rabbitmq.pid',
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
            '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none '
            '-kernel inet_dist_use_interface {127,0,0,1}'))


def start_memcached():
    processes.start('memcached', [
        'memcached', *(['-u', 'root'] if os.getuid() == 0 else []),
        '-l', settings.IP, '-p', settings.PORTS['memcached'], '-U', '0',
        '-m', '64', '-c', '2048'])


def sql(statement, database=None):
    """Run it as root; the rows, as lists of text."""
    return [line.split('\t') for line in processes.run(
        ['mariadb', '--no-defaults', '-uroot', '-N', '-B',
         '-S', settings.MARIADB_SOCKET, '-e', statement,
         *([database] if database else [])]).splitlines()]
