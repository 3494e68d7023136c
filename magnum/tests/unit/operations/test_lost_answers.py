# SPDX-License-Identifier: Apache-2.0
"""A commit that arrives while its acknowledgement does not."""

from oslo_db import exception as db_exc
import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.db import templates
from magnum import errors
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import delete_cluster
from magnum.operations import delete_nodegroup
from magnum.operations import resize_cluster
from magnum.operations import rotate_ca
from magnum.operations import rotate_credential
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster
from magnum.tests import conducting
from magnum.tests.unit.operations import test_nodegroups as common

world = common.world
cluster, group = common.cluster, common.group

REQUESTS = {
    'create_cluster': lambda context: create_cluster.request(
        context, cluster().template, {'name': 'another'}),
    'resize_cluster': lambda context: resize_cluster.request(
        context, cluster(), group(), 5),
    'patched size': lambda context: resize_cluster.request_patch(
        context, cluster(), 5),
    'upgrade_cluster': lambda context: upgrade_cluster.request(
        context, cluster(), cluster().template, group()),
    'rotate_ca': lambda context: rotate_ca.request(context, cluster()),
    'rotate_credential': lambda context: rotate_credential.request(
        context, cluster()),
    'create_nodegroup': lambda context: create_nodegroup.request(
        context, cluster(), {**common.GROUP, 'name': 'another'}),
    'update_nodegroup': lambda context: update_nodegroup.request(
        context, cluster(), group(), {'node_labels': {'a': 'b'}}),
    'limit_nodegroup': lambda context: update_nodegroup.request(
        context, cluster(), group(), {'max_node_count': 9}),
    'delete_nodegroup': lambda context: delete_nodegroup.request(
        context, cluster(), group('own')),
    'delete_cluster': lambda context: delete_cluster.request(
        context, cluster())}


def lose_the_answer(monkeypatch):
    """The next commit arrives, and the connection is lost after it."""
    dialect, lost = db.engine().dialect, []
    commit = dialect.do_commit

    def do_commit(connection):
        commit(connection)
        if not lost:
            lost.append(connection)
            raise db_exc.DBConnectionError('lost')

    monkeypatch.setattr(dialect, 'do_commit', do_commit)
    return lost


def operations():
    with db.reader() as session:
        return list(session.scalars(sa.select(models.Operation.kind)))


@pytest.mark.parametrize('name', REQUESTS)
def test_it_is_accepted_and_recorded_once(world, monkeypatch, name):
    if name == 'delete_nodegroup':
        create_nodegroup.request(world.context, cluster(), common.GROUP)
        conducting.work()
    before = operations()
    lost = lose_the_answer(monkeypatch)
    REQUESTS[name](world.context)
    assert lost
    assert len(operations()) == len(before) + 1


CHANGES = {
    'changed': ({'dns_nameserver': '192.0.2.9'}, errors.Conflict,
                'dns_nameserver'),
    'hidden': ({'hidden': True, 'public': True, 'project_id': 'other'},
               errors.NotFound, 'ClusterTemplate'),
    'renamed': ({'name': 'other'}, None, None)}


@pytest.mark.parametrize('how', CHANGES)
def test_a_template_that_changes_meanwhile(world, monkeypatch, how):
    columns, error, word = CHANGES[how]
    template, before = cluster().template, operations()
    change_during_the_request(
        world, monkeypatch, lambda session: templates.update(
            session, template.uuid, columns))
    ask = {'name': 'another'}
    if error is None:
        create_cluster.request(world.context, template, ask)
        return
    with pytest.raises(error, match=word):
        create_cluster.request(world.context, template, ask)
    assert operations() == before


def test_a_template_that_goes_meanwhile(world, monkeypatch):
    template, before = cluster().template, operations()
    change_during_the_request(
        world, monkeypatch, lambda session: session.execute(
            sa.delete(models.ClusterTemplate)))
    with pytest.raises(errors.NotFound, match=template.uuid):
        create_cluster.request(world.context, template, {'name': 'another'})
    assert operations() == before


def change_during_the_request(world, monkeypatch, change):
    """What somebody else does while the driver is asked."""
    check = world.able.check

    def meanwhile(spec):
        with db.writer() as session:
            change(session)
        return check(spec)

    monkeypatch.setattr(world.able, 'check', meanwhile)


def test_a_cluster_whose_template_has_gone_can_be_deleted(world):
    with db.writer() as session:
        session.execute(sa.delete(models.ClusterTemplate))
    with pytest.raises(errors.NotSupported, match='template'):
        resize_cluster.request(world.context, cluster(), group(), 5)
    operation = delete_cluster.request(world.context, cluster())
    assert operation.args['driver'] == 'able'
    conducting.work()
    assert cluster() is None
    assert not world.able.stacks
