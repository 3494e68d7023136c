# SPDX-License-Identifier: Apache-2.0
"""Bring the mini cloud up.  Does only what is not done yet.

usage: up
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import time

from tools.minicloud import configure
from tools.minicloud import databases
from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings

# Queues on which the daemons listen once they are ready for work.
QUEUES = {'nova-conductor': 'conductor', 'nova-scheduler': 'scheduler',
          'nova-compute': 'compute.cloud-1',
          'cinder-scheduler': 'cinder-scheduler',
          'cinder-volume': 'cinder-volume.cloud-1@void',
          'octavia-worker': 'octavia_provisioning_v2',
          'heat-engine': 'engine'}
# A host can be given servers once it is in a cell and known to Placement.
HOSTS = """SELECT count(*) FROM nova_api.host_mappings m
           JOIN placement.resource_providers p ON p.name = m.host"""


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__.strip())
    held = processes.lock()
    refuse_missing_packages()
    install()
    configure.everything()
    services.start_mariadb()
    services.start_rabbitmq()
    services.start_memcached()
    processes.wait('mariadb', mariadb_answers)
    services.sql("CREATE USER IF NOT EXISTS cloud@'127.0.0.1' IDENTIFIED BY "
                 f"'{settings.PASSWORD}'; "
                 "GRANT ALL ON *.* TO cloud@'127.0.0.1'")
    start_projects()
    wait_for_all()
    databases.once('resources', lambda: seed('resources'))
    processes.start('guest', [
        settings.VENV / 'bin/python', '-m', 'tools.minicloud.guestd'],
        **settings.OURS)
    held.close()
    processes.say(f'The mini cloud is up.  To use it:\n'
                  f'  export OS_CLIENT_CONFIG_FILE={settings.CLOUDS} '
                  f'OS_CLOUD=demo\n  {settings.VENV}/bin/openstack ...')


def refuse_missing_packages():
    path = os.environ['PATH'] + ':/usr/sbin:/sbin'
    missing = {package for command, package in settings.PACKAGES.items()
               if not shutil.which(command, path=path)}
    if not os.path.exists(services.RABBITMQ + 'rabbitmq-server'):
        missing.add('rabbitmq-server')
    if missing:
        sys.exit('Debian packages are missing: ' + ' '.join(sorted(missing))
                 + '\nbash tools/packages.sh minicloud installs them.')


def install():
    """The services' Python packages, as locked, in a venv of their own."""
    mark = settings.VENV / 'release'
    # Clouds side by side share it.
    held = processes.lock(settings.HOME / 'venv.lock', wait=True)
    if mark.exists() and mark.read_text() == settings.RELEASE:
        return
    processes.say('installing', settings.VENV)
    uv = subprocess.run(
        [settings.TOP / 'tools/venv', '--uv'], check=True, text=True,
        stdout=subprocess.PIPE).stdout.strip()
    subprocess.run([uv, 'venv', '--quiet', '--allow-existing', '--python',
                    find_python(), settings.VENV], check=True)
    subprocess.run([uv, 'pip', 'sync', '--quiet', '--compile-bytecode',
                    '--python', settings.VENV / 'bin/python', settings.LOCK],
                   check=True)
    mark.write_text(settings.RELEASE)
    held.close()
    processes.say('installed')


def find_python():
    """The lock was made for Python 3.11; newer ones are likely to do."""
    return shutil.which('python3.11') or sys.executable


def mariadb_answers():
    # The socket comes last, when it takes connections.
    return settings.MARIADB_SOCKET.exists() and processes.port_answers(
        settings.PORTS['mariadb'])


def start_keystone():
    databases.migrate('keystone')
    services.BY_NAME['keystone'].start()
    wait_for_api(services.BY_NAME['keystone'])
    databases.once('identity', lambda: seed('identity'))
    processes.say('Keystone is up')


def start_projects():
    """The projects side by side, after what they cannot start without."""
    pool = concurrent.futures.ThreadPoolExecutor(3)
    keystone = pool.submit(start_keystone)
    placement = pool.submit(start_project, 'placement', [keystone])
    jobs = [keystone, placement] + [
        pool.submit(start_project, project,
                    [keystone, placement] if project == 'nova'
                    else [keystone])
        for project in databases.MIGRATIONS
        if project not in ('keystone', 'placement')]
    for job in concurrent.futures.as_completed(jobs):
        if job.exception():
            pool.shutdown(cancel_futures=True)
            raise job.exception()


def start_project(project, after):
    databases.migrate(project)
    for job in after:
        job.result()
    processes.wait('rabbitmq', lambda: processes.port_answers(
        settings.PORTS['rabbitmq']))
    for service in services.OPENSTACK:
        if service.name.split('-')[0] == project:
            service.start()
            if project == 'placement':
                wait_for_api(service)


def wait_for_api(service):
    processes.wait(service.name, lambda: processes.http_answers(
        service.port, service.path))


def wait_for_all():
    for service in services.OPENSTACK:
        if service.port:
            wait_for_api(service)
    waiting = dict(QUEUES)
    end = time.monotonic() + 120
    while waiting:
        unheard = processes.run(
            [settings.VENV / 'bin/python', '-m', 'tools.minicloud.consumers',
             *waiting.values()], TRANSPORT_URL=settings.TRANSPORT_URL,
            **settings.OURS).split()
        waiting = {n: q for n, q in waiting.items() if q in unheard}
        for name in waiting:
            processes.wait(name, lambda: True)
        if time.monotonic() > end:
            sys.exit('not ready after 120 s: ' + ' '.join(waiting))
    processes.wait('nova-scheduler',
                   lambda: services.sql(HOSTS) != [['0']])


def seed(what):
    processes.run([settings.VENV / 'bin/python', '-m', 'tools.minicloud.seed',
                   what], f'seed-{what}', **settings.OURS)
    processes.say(f'{what}: made')


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        # Without waiting for the threads.
        os._exit(130)
