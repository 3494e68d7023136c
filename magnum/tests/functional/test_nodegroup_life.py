# SPDX-License-Identifier: Apache-2.0
"""The life of a cluster with three node groups, by the real driver.

The API, the journal and the driver are real, Heat and Keystone fakes.
"""

from keystonemiddleware import auth_token
from oslo_config import cfg
import pytest
import webob

from magnum.api import app
from magnum.db import session as db
from magnum.operations import journal
from magnum.operations import registry
from magnum.operations import runner
from magnum.tests import conducting
from magnum.tests.fakes import cloud as clouds
from magnum.tests.fakes import world as worlds
from magnum.tests import wsgi

CONF = cfg.CONF

GROUPS = '/v1/clusters/c/nodegroups'
NAMES = ('blue', 'green', 'red')
JOIN = ('Resource CREATE failed: WaitConditionFailure: resources.kube_minions.'
        'resources[1].resources.node_config_deployment: join: refused')


def take_up_all():
    """Let each operation that may run go as far as it goes now."""
    with db.reader() as session:
        ready = journal.ready(session, list(registry.KINDS))
    for ident, attempt in ready:
        with db.writer() as session:
            operation = journal.claim(session, ident, attempt, 'me', 60)
        runner.run(registry.KINDS, operation)


class World:
    """The application, and what is outside of it."""

    def __init__(self, world):
        self.world, self.heat = world, world.heat
        self.app = app.build()

    def __call__(self, method, path, body=None, expected=202):
        request = webob.Request.blank(path, method=method, headers={
            'X-Auth-Token': 'member',
            'OpenStack-API-Version': 'container-infra latest'})
        if body is not None:
            request.json = body
        answer = request.get_response(self.app)
        assert answer.status_int == expected, answer.text
        return answer.json if answer.body else None

    def cluster(self):
        return self('GET', '/v1/clusters/c', expected=200)

    def group(self, name):
        return self('GET', f'{GROUPS}/{name}', expected=200)

    def add(self, name, expected=202, **more):
        return self('POST', GROUPS, {'name': name, 'node_count': 2, **more},
                    expected)

    def resize(self, name, node_count, *leaving):
        self('POST', '/v1/clusters/c/actions/resize', {
            'nodegroup': name, 'node_count': node_count,
            'nodes_to_remove': leaving})

    def stack(self, name):
        """The stack of a group."""
        found, = (stack for stack in self.heat.live()
                  if f'-{name}-' in stack.stack_name)
        return found


@pytest.fixture
def world(sqlite_database, monkeypatch):
    """With a cluster that has been built."""
    monkeypatch.setattr(auth_token.AuthProtocol, 'fetch_token',
                        lambda self, token, **kwargs: wsgi.token_body(token))
    if not CONF._args:
        CONF([], project='magnum', default_config_files=[],
             default_config_dirs=[])
    with worlds.configured():
        made = worlds.build(monkeypatch)
        made.outside.keystone.admit('member', *wsgi.CALLERS['member'])
        asking = World(made)
        asking('POST', '/v1/clusters',
               {'name': 'c', 'cluster_template_id': 't', 'node_count': 1})
        conducting.work()
        yield asking


@pytest.fixture
def grown(world):
    """With three groups."""
    for name in NAMES:
        world.add(name)
    conducting.work()
    return world


def test_three_groups_from_made_to_gone(world):
    for name, count in zip(NAMES, (1, 2, 0), strict=True):
        assert world.add(name, node_count=count, role='infer')['stack_id'] is (
            None)
    assert world.cluster()['status'] == 'UPDATE_IN_PROGRESS'
    conducting.work()
    cluster = world.cluster()
    assert cluster['status'] == 'UPDATE_COMPLETE'
    assert cluster['node_count'] == 4
    assert len(world.heat.live()) == 4
    for name, count in zip(NAMES, (1, 2, 0), strict=True):
        group = world.group(name)
        assert group['status'] == 'CREATE_COMPLETE'
        assert group['stack_id'] == world.stack(name).id != cluster['stack_id']
        assert len(group['node_addresses']) == count

    world.resize('red', 3)
    world('PATCH', f'{GROUPS}/blue',
          [{'op': 'replace', 'path': '/max_node_count', 'value': 5}])
    world.resize('green', 1, world.stack('green').minions.server_id('0'))
    conducting.work()
    assert world.stack('red').minions.members == ['0', '1', '2']
    assert world.stack('green').minions.members == ['1']
    assert world.stack('blue').action == 'CREATE'
    assert world.group('blue')['max_node_count'] == 5
    assert world.cluster()['status'] == 'UPDATE_COMPLETE'

    world('DELETE', f'{GROUPS}/green', expected=204)
    conducting.work()
    world('GET', f'{GROUPS}/green', expected=404)
    assert world.cluster()['status'] == 'UPDATE_COMPLETE'
    assert len(world.heat.live()) == 3

    world('DELETE', '/v1/clusters/c', expected=204)
    conducting.work()
    assert world.world.seen() == {
        'clusters': [], 'nodegroups': [], 'stacks': [], 'able': [],
        'trustees': 0, 'trusts': 0, 'certificates': 0}


def test_groups_are_made_side_by_side(world):
    world.heat.build_time = 3600
    for name in NAMES:
        world.add(name)
    take_up_all()
    assert len(world.heat.live()) == 4
    assert [stack.status for stack in world.heat.live()].count(
        'IN_PROGRESS') == 3


def test_a_group_that_fails_is_alone_to_blame(world):
    world.heat.build_time = 3600
    for name in NAMES:
        world.add(name)
    take_up_all()
    world.heat.build_time = 0
    world.heat.fail(world.stack('red').id, JOIN, [('kube_minions', '1')])
    for name in ('blue', 'green'):
        world.heat.complete(world.stack(name).id)
    conducting.work()
    assert [world.group(name)['status'] for name in NAMES] == [
        'CREATE_COMPLETE', 'CREATE_COMPLETE', 'CREATE_FAILED']
    assert world.group('red')['status_reason'] == JOIN
    cluster = world.cluster()
    assert cluster['status'] == 'UPDATE_FAILED'
    assert 'red failed' in cluster['status_reason']
    assert list(cluster['faults']) == ['red']

    # The next resize replaces what failed.
    world.resize('red', 2)
    conducting.work()
    assert world.stack('red').minions.members == ['0', '2']
    assert world.cluster()['status'] == 'UPDATE_COMPLETE'


def test_a_cluster_goes_with_groups_that_are_being_made(world):
    world.heat.build_time = 3600
    world.add('blue')
    conducting.work_once()
    world.heat.build_time = 0
    world.add('green')
    world('DELETE', '/v1/clusters/c', expected=204)
    conducting.work()
    assert world.heat.live() == []


@pytest.mark.parametrize('name', ['blue', 'default-worker'])
def test_a_group_changes_while_another_does(grown, name):
    """What shares a stack waits for it, and nothing else does."""
    grown.heat.build_time = 3600
    grown.resize('red', 4)
    take_up_all()
    grown.resize(name, 4)
    take_up_all()
    changing = [stack for stack in grown.heat.live()
                if stack.status == 'IN_PROGRESS']
    # The cluster's own stack is changed when all groups are at rest.
    assert len(changing) == (2 if name == 'blue' else 1)


def test_what_a_group_cannot_be_is_refused_at_once(world):
    images = world.world.cloud.things['Image']
    images.append(clouds.Image('i-9', 'newer', {
        'os_distro': 'ubuntu', 'kube_version': 'v1.32.0'}))
    for body, text in (
            ({'image_id': 'newer'}, 'v1.32.0'),
            ({'image_id': 'nowhere'}, 'nowhere'),
            ({'flavor_id': 'nowhere'}, 'nowhere'),
            ({'role': 'a b'}, 'role'),
            ({'labels': {'boot_volume_size': 'big'}}, 'boot_volume_size'),
            ({'role': 'master'}, 'role')):
        refused = world('POST', GROUPS, {'name': 'n', **body}, expected=400)
        assert text in refused['errors'][0]['detail']
    with db.reader() as session:
        assert not journal.is_busy(session, world.cluster()['uuid'])
