# SPDX-License-Identifier: Apache-2.0
"""The real processes of this service, on the mini cloud.

A mini cloud that is up is used and left up; else it is brought up for these
tests and down again.  MINICLOUD_SHIFT and MINICLOUD_HOME choose which one.
"""

import contextlib
import importlib.util
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request
import uuid

from cryptography import fernet
from heatclient.v1 import client as heat_client
from magnumclient.v1 import client as magnum_client
import openstack
import pytest
import sqlalchemy as sa

TOP = pathlib.Path(__file__).resolve().parents[3]
MINICLOUD = TOP / 'tools/minicloud'
START_SECONDS = 60


def _load_settings():
    spec = importlib.util.spec_from_file_location('minicloud_settings',
                                                  MINICLOUD / 'settings.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


settings = _load_settings()


def pytest_collection_modifyitems(config, items):
    # The cloud costs minutes: what needs none of it runs first.
    items.sort(key=lambda item: '/integration/' in str(item.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    service = item.funcargs.get('service') if report.failed else None
    if service:
        report.sections += [
            (f'end of {name}.log', '\n'.join(
                service.log(name).splitlines()[-40:]))
            for name in ('magnum-api', 'magnum-conductor')]
    return report


@pytest.fixture(scope='session')
def minicloud():
    """The settings of a mini cloud that is up."""
    was_up = subprocess.run([MINICLOUD / 'status'],
                            stdout=subprocess.DEVNULL).returncode == 0
    if not was_up:
        subprocess.run([MINICLOUD / 'up'], check=True)
    os.environ['OS_CLIENT_CONFIG_FILE'] = str(settings.CLOUDS)
    yield settings
    if not was_up:
        subprocess.run([MINICLOUD / 'down'], check=True)


class Service:
    """magnum-api and magnum-conductor, as processes of their own."""

    def __init__(self, folder, database_url):
        self.folder = folder
        self.database_url = database_url
        self.config = folder / 'magnum.conf'
        self.running = {}

    def start(self, name):
        with open(self.folder / f'{name}.log', 'ab') as log:
            self.running[name] = subprocess.Popen(
                [program(name), '--config-file', self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, name, seconds=30):
        """Ask it to end; how it ended."""
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def stop_all(self):
        for name in list(self.running):
            self.stop(name)

    def log(self, name):
        return (self.folder / f'{name}.log').read_text()


def program(name):
    """A console script beside the Python that runs the tests."""
    return pathlib.Path(sys.executable).with_name(name)


def write_config(path, database_url, **sections):
    """What an operator would write, for this cloud."""
    user = {'auth_type': 'password', 'auth_url': settings.AUTH_URL,
            'username': 'magnum', 'password': settings.PASSWORD,
            'user_domain_name': 'Default', 'project_domain_name': 'Default',
            'project_name': 'service'}
    sections = {
        'DEFAULT': {'transport_url': settings.TRANSPORT_URL, 'debug': True},
        'api': {'host': settings.IP, 'port': settings.PORTS['magnum'],
                'workers': 2},
        'conductor': {'lease_seconds': 10},
        'database': {'connection': database_url},
        'keystone_authtoken': {
            **user, 'www_authenticate_uri': settings.AUTH_URL,
            'memcached_servers': settings.MEMCACHED,
            'service_token_roles_required': True},
        'keystone_auth': user,
        'trust': {'trustee_domain_name': 'magnum',
                  'trustee_domain_admin_name': 'trustee_domain_admin',
                  'trustee_domain_admin_domain_name': 'magnum',
                  'trustee_domain_admin_password': settings.PASSWORD,
                  'cluster_user_trust': True},
        'certificates': {
            'cert_manager_type': 'x509keypair',
            'encryption_keys': fernet.Fernet.generate_key().decode()},
        'journal': {'seal_keys': fernet.Fernet.generate_key().decode()},
        **sections}
    text = '\n'.join(
        f'[{section}]\n'
        + ''.join(f'{key} = {value}\n' for key, value in options.items())
        for section, options in sections.items())
    path.touch(mode=0o600)
    path.write_text(text)


@contextlib.contextmanager
def mariadb_database():
    """An empty database on the mini cloud's MariaDB; its URL."""
    name = f'magnum_{uuid.uuid4().hex[:8]}'
    engine = sa.create_engine(settings.database_url('mysql'),
                              poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f'CREATE DATABASE {name}'))
    yield settings.database_url(name)
    with engine.begin() as connection:
        connection.execute(sa.text(f'DROP DATABASE {name}'))


@pytest.fixture(scope='session')
def service(minicloud, tmp_path_factory):
    """This service, at the address that the cloud's catalogue has for it."""
    with socket.socket() as probe:
        if probe.connect_ex((settings.IP, settings.PORTS['magnum'])) == 0:
            pytest.fail(f'Port {settings.PORTS["magnum"]} is taken; is '
                        f'tools/demo --keep still there?')
    with mariadb_database() as url:
        service = Service(tmp_path_factory.mktemp('service'), url)
        write_config(service.config, url)
        subprocess.run([program('magnum-db-manage'), '--config-file',
                        service.config, 'upgrade'], check=True,
                       capture_output=True)
        try:
            service.start('magnum-api')
            service.start('magnum-conductor')
            wait_until(_is_healthy, START_SECONDS, 'magnum-api answers')
            yield service
        finally:
            service.stop_all()


def _is_healthy():
    try:
        with urllib.request.urlopen(
                f'http://{settings.IP}:{settings.PORTS["magnum"]}/healthcheck',
                timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(is_so, seconds, what):
    """Ask again and again; what it was that came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = is_so()
        if value:
            return value
        time.sleep(0.5)
    pytest.fail(f'Not within {seconds} s: {what}')


class Tenant:
    """One user of the cloud, with the clients that users have."""

    def __init__(self, name):
        self.name = name
        self.cloud = openstack.connect(cloud=name)
        self.magnum = magnum_client.Client(
            session=self.cloud.session, region_name='RegionOne',
            api_version='latest')
        self.heat = heat_client.Client(
            session=self.cloud.session, service_type='orchestration',
            interface='public', region_name='RegionOne')
        # Plain HTTP, for what no client would send.
        self.http = self.cloud.config.get_session_client('container-infra')
        self.http.default_microversion = 'latest'

    def openstack(self, *words):
        """The command `openstack ...`; what it printed."""
        done = subprocess.run(
            [program('openstack'), '--os-cloud', self.name, *words],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settled(self, ident, seconds=240):
        """The cluster, once nothing is in progress; None: it has gone."""
        def look():
            found = [c for c in self.magnum.clusters.list(detail=True)
                     if ident in (c.uuid, c.name)]
            if not found:
                return 'gone'
            return (not found[0].status.endswith('_IN_PROGRESS')
                    and found[0])
        cluster = wait_until(look, seconds, f'cluster {ident} settles')
        return (None if cluster == 'gone'
                else self.magnum.clusters.get(cluster.uuid))

    def resources(self, cluster):
        """Names of the resources of the cluster's stack, all levels, by type.

        Of nested resources the name is that of the nested stack and theirs.
        """
        found = {}
        for resource in self.heat.resources.list(cluster.stack_id,
                                                 nested_depth=3):
            found.setdefault(resource.resource_type, []).append(
                resource.resource_name)
        return found

    def delete(self, cluster):
        """Delete a cluster, and see that it has gone."""
        self.magnum.clusters.delete(cluster.uuid)
        assert self.settled(cluster.uuid) is None


@pytest.fixture(scope='session')
def demo(service):
    return Tenant('demo')


@pytest.fixture(scope='session')
def demo2(service):
    return Tenant('demo2')


@pytest.fixture(scope='session')
def operator(service):
    return openstack.connect(cloud='admin')


@pytest.fixture(scope='session')
def template(demo):
    """Plain clusters of one master."""
    return make_template(demo, 'plain')


def make_template(tenant, name, **more):
    return tenant.magnum.cluster_templates.create(**{
        'name': name, 'coe': 'kubernetes', 'image_id': 'ubuntu-kube-v1.31.4',
        'external_network_id': 'public', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'network_driver': 'flannel',
        'keypair_id': 'testkey', **more})
