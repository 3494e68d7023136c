# SPDX-License-Identifier: Apache-2.0
"""The real processes of this service, on the mini cloud.

A mini cloud that is up is used and left up; else it is brought up for these
tests, while others run, and down again.  MINICLOUD_SHIFT and MINICLOUD_HOME
choose which one.
"""

import os
import subprocess

import openstack
import pytest

from magnum.tests.integration import tenants
# What tools/demo uses too: how our daemons are set up on the mini cloud.
from tools.minicloud import daemons
from tools.minicloud import processes
from tools.minicloud import settings

MINICLOUD = settings.HERE

# The process that brings it up, and what that says.
RISING = pytest.StashKey()
RISING_LOG = settings.LOG / 'up.log'


def pytest_collection_modifyitems(config, items):
    # The cloud costs minutes: what needs none of it runs first.
    items.sort(key=lambda item: '/integration/' in str(item.path))


def pytest_collection_finish(session):
    """Bring the cloud up while the tests before ours run."""
    ours = any('/integration/' in str(item.path) for item in session.items)
    if not ours or session.config.option.collectonly or subprocess.run(
            [MINICLOUD / 'status'], stdout=subprocess.DEVNULL
    ).returncode == 0:
        return
    settings.make_folders()
    with RISING_LOG.open('w') as log:
        session.config.stash[RISING] = subprocess.Popen(
            [MINICLOUD / 'up'], stdout=log, stderr=subprocess.STDOUT)


def pytest_unconfigure(config):
    if RISING in config.stash:
        config.stash[RISING].wait()
        subprocess.run([MINICLOUD / 'down'], check=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        report.sections += [(f'end of {name}.log', daemons.log_tail(name, 40))
                            for name in (daemons.API, daemons.CONDUCTOR)]
    return report


@pytest.fixture(scope='session')
def minicloud(pytestconfig):
    """A mini cloud that is up."""
    rising = pytestconfig.stash.get(RISING, None)
    if rising and rising.wait():
        pytest.fail(f'The mini cloud is not up: see {RISING_LOG}')
    os.environ['OS_CLIENT_CONFIG_FILE'] = str(settings.CLOUDS)


@pytest.fixture(scope='session')
def service(minicloud):
    """magnum-api and magnum-conductor, on a database of their own.

    The value is the URL of the database.
    """
    if any(processes.running(name) for name in daemons.names()):
        pytest.fail('Our daemons run already: is tools/demo --keep still '
                    'there?  "tools/minicloud/daemons stop" ends them.')
    with daemons.on_a_fresh_database(**daemons.ABLE) as url:
        yield url


@pytest.fixture(scope='session')
def demo(service):
    with tenants.tidy(tenants.Tenant('demo')) as tenant:
        yield tenant


@pytest.fixture(scope='session')
def demo2(service):
    with tenants.tidy(tenants.Tenant('demo2')) as tenant:
        yield tenant


@pytest.fixture(scope='session')
def operator(service):
    return openstack.connect(cloud='admin')


@pytest.fixture(scope='session')
def template(demo):
    """Plain clusters of one master."""
    return tenants.make_template(demo, 'plain')
