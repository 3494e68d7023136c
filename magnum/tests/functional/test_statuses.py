# SPDX-License-Identifier: Apache-2.0
"""What may be asked for in which status, and what is seen of it at once."""

from oslo_config import cfg
import pytest
import sqlalchemy as sa

from magnum.api import clusters
from magnum.db import models
from magnum.db import session as db
from magnum.operations import registry
from magnum.operations import resize_cluster
from magnum.tests import factories
from magnum.tests.functional import test_certificates
from magnum.tests import wsgi

CONF = cfg.CONF

# A cluster that has reached it is no more.
STATUSES = [status for status in clusters.STATUS.words
            if status != 'DELETE_COMPLETE']
SETTLED = {'CREATE_COMPLETE', 'UPDATE_COMPLETE', 'RESUME_COMPLETE',
           'RESTORE_COMPLETE', 'ROLLBACK_COMPLETE', 'SNAPSHOT_COMPLETE',
           'CHECK_COMPLETE', 'ADOPT_COMPLETE'}
UPDATED = SETTLED | {'UPDATE_FAILED', 'UPDATE_IN_PROGRESS'}
GOING = {'DELETE_IN_PROGRESS', 'DELETE_FAILED'}
ANY = set(STATUSES)

GROUP = '/v1/clusters/c/nodegroups/own'
COUNT = [{'op': 'replace', 'path': '/node_count', 'value': 3}]
LIMIT = [{'op': 'replace', 'path': '/max_node_count', 'value': 9}]
TAINT = [{'op': 'replace', 'path': '/node_taints',
          'value': [{'key': 'a', 'effect': 'NoSchedule'}]}]
HEALTH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]
SIGN = {'cluster_uuid': 'c', 'csr': test_certificates.request()}

# Kind of operation, request, allowed statuses of the cluster, success,
# refusal, and what the cluster and the group that is meant read after a
# success; None: as before.
REQUESTS = [
    ('resize_cluster',
     'PATCH', '/v1/clusters/c', COUNT, SETTLED, 202, 409,
     'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    (None,
     'PATCH', '/v1/clusters/c', HEALTH, ANY, 202, None, None, None, None),
    ('delete_cluster',
     'DELETE', '/v1/clusters/c', None, ANY, 204, None,
     'DELETE_IN_PROGRESS', 'default-worker', 'DELETE_IN_PROGRESS'),
    ('resize_cluster',
     'POST', '/v1/clusters/c/actions/resize', {'node_count': 3}, UPDATED,
     202, 409, 'UPDATE_IN_PROGRESS', 'default-worker', 'UPDATE_IN_PROGRESS'),
    ('upgrade_cluster',
     'POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'},
     SETTLED | {'UPDATE_FAILED'}, 202, 400, 'UPDATE_IN_PROGRESS',
     'default-master', 'UPDATE_IN_PROGRESS'),
    ('rotate_ca',
     'PATCH', '/v1/certificates/c', None, SETTLED, 202, 400,
     'UPDATE_IN_PROGRESS', None, None),
    ('rotate_credential',
     'PATCH', '/v1/credentials/c', None, UPDATED, 202, 400, None, None,
     None),
    ('create_nodegroup',
     'POST', '/v1/clusters/c/nodegroups', {'name': 'n'}, ANY - GOING, 202,
     409, 'UPDATE_IN_PROGRESS', 'n', 'CREATE_IN_PROGRESS'),
    ('limit_nodegroup',
     'PATCH', GROUP, LIMIT, ANY - GOING, 202, 409, 'UPDATE_IN_PROGRESS',
     'own', 'UPDATE_IN_PROGRESS'),
    ('update_nodegroup',
     'PATCH', GROUP, TAINT, ANY - GOING, 202, 409, 'UPDATE_IN_PROGRESS',
     'own', 'UPDATE_IN_PROGRESS'),
    ('delete_nodegroup',
     'DELETE', GROUP, None, ANY - {'DELETE_IN_PROGRESS'}, 204, None,
     'UPDATE_IN_PROGRESS', 'own', 'DELETE_IN_PROGRESS'),
    (None,
     'GET', '/v1/certificates/c', None, ANY, 200, None, None, None, None),
    (None,
     'POST', '/v1/certificates', SIGN, ANY, 201, None, None, None, None),
]

@pytest.fixture(autouse=True)
def quick_keys():
    CONF.set_override('rsa_key_size', 1024, 'x509')
    yield
    CONF.clear_override('rsa_key_size', 'x509')


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    api.cluster = factories.cluster(name='c',
                                    cluster_template_id=template.uuid)
    factories.store(template, api.cluster)
    wsgi.played(api.cluster.uuid, 'CERTIFIED')
    return api


def have(world, status, group='CREATE_COMPLETE'):
    """A cluster in that status to which nothing has been done yet."""
    with db.writer() as session:
        for model in (models.NodeGroup, models.Operation):
            session.execute(sa.delete(model))
        session.execute(sa.update(models.Cluster).values(status=status))
    factories.store(*factories.nodegroups(world.cluster),
                    factories.nodegroup(world.cluster, name='own',
                                        status=group))


def seen(world):
    """The statuses of the cluster, and of its groups by name."""
    groups = world('GET', '/v1/clusters/c/nodegroups', version='latest')
    return world('GET', '/v1/clusters/c').json['status'], {
        group['name']: group['status'] for group in groups.json['nodegroups']}


def operations():
    with db.reader() as session:
        return session.scalar(sa.select(sa.func.count(models.Operation.id)))


@pytest.mark.parametrize(
    ('kind', 'method', 'path', 'body', 'allowed', 'success', 'refusal',
     'after', 'name', 'of_group'), REQUESTS, ids=lambda value: str(value)[:40]
    if isinstance(value, str) else '')
def test_a_status_allows_what_the_table_says(
        world, kind, method, path, body, allowed, success, refusal, after,
        name, of_group):
    for status in sorted(ANY if refusal else allowed):
        have(world, status)
        groups = seen(world)[1]
        answer = world(method, path, body, version='latest')
        now, groups_now = seen(world)
        if status in allowed:
            assert answer.status_int == success, status
            assert now == (after or status)
            if of_group:
                assert groups_now[name] == of_group
            else:
                assert groups_now == groups
        else:
            assert answer.status_int == refusal, status
            assert f'"{status}"' in answer.json['errors'][0]['title']
            assert (now, groups_now) == (status, groups)
            assert not operations()


# What is asked for of no cluster that is there, or by nobody any more; and
# what takes a driver with labels (test_changed_labels).
NOT_OF_A_CLUSTER = {'create_cluster', 'update_cluster', 'change_labels'}


def test_every_kind_is_in_the_table_and_the_product_has_the_same():
    rows = [(row[0], row[1], row[4], row[6]) for row in REQUESTS if row[0]]
    assert {row[0] for row in rows} == set(registry.KINDS) - NOT_OF_A_CLUSTER
    for name, method, allowed, refusal in rows:
        terms = registry.KINDS[name].terms
        statuses = ANY if terms.statuses is None else terms.statuses
        if (name, method) == ('resize_cluster', 'PATCH'):
            statuses = resize_cluster.PATCHABLE
        assert allowed == statuses, name
        if refusal:
            assert refusal == (400 if terms.wrong_status_is_invalid else 409)


def test_a_group_s_own_status_allows_changes_or_not(world):
    for status in STATUSES:
        have(world, 'CREATE_COMPLETE', status)
        answer = world('PATCH', GROUP, LIMIT, version='latest')
        if status in UPDATED:
            assert answer.status_int == 202
            continue
        assert answer.status_int == 409
        assert answer.json['errors'][0]['title'] == (
            f'Changing nodegroup own when status is "{status}" is not '
            f'supported')
        assert seen(world)[0] == 'CREATE_COMPLETE'
        assert seen(world)[1]['own'] == status


def test_a_group_is_resized_in_any_status_but_when_it_goes(world):
    for status in STATUSES:
        have(world, 'CREATE_COMPLETE', status)
        answer = world('POST', '/v1/clusters/c/actions/resize',
                       {'node_count': 2, 'nodegroup': 'own'},
                       version='latest')
        assert answer.status_int == (409 if status == 'DELETE_IN_PROGRESS'
                                     else 202)


def test_a_group_is_deleted_in_any_status(world):
    for status in STATUSES:
        have(world, 'CREATE_COMPLETE', status)
        assert world('DELETE', GROUP, version='latest').status_int == 204
        assert seen(world)[1]['own'] == 'DELETE_IN_PROGRESS'


def test_a_group_of_a_cluster_that_goes_may_be_deleted(world):
    have(world, 'CREATE_COMPLETE')
    for _ in range(2):
        assert world('DELETE', '/v1/clusters/c').status_int == 204
        assert world('DELETE', GROUP, version='latest').status_int == 204
    assert seen(world)[0] == 'DELETE_IN_PROGRESS'
    assert operations() == 1


@pytest.mark.parametrize(('method', 'path', 'body', 'words'), [
    ('POST', '/v1/clusters/c/nodegroups', {'name': 'n'}, 'add nodegroups'),
    ('PATCH', GROUP, TAINT, 'change labels and taints of nodes'),
    ('PATCH', GROUP, [{'op': 'add', 'path': '/node_labels/a', 'value': 'b'}],
     'change labels and taints of nodes'),
    ('DELETE', GROUP, None, 'delete nodegroups'),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 't'},
     'upgrade clusters'),
    ('POST', '/v1/clusters/c/actions/resize',
     {'node_count': 3, 'nodegroup': 'default-master'},
     'change the number of masters'),
    ('PATCH', '/v1/certificates/c', None, 'replace CAs'),
    ('PATCH', '/v1/credentials/c', None, 'renew credentials')])
def test_what_a_driver_cannot_do_is_refused_at_once(world, method, path, body,
                                                    words):
    have(world, 'CREATE_COMPLETE')
    with db.writer() as session:
        session.execute(sa.update(models.ClusterTemplate)
                        .values(driver='fake'))
    before = seen(world)
    answer = world(method, path, body, version='latest')
    assert answer.status_int == 400
    assert answer.json['errors'][0]['title'] == (
        f"The cluster's driver, fake, cannot {words}")
    assert seen(world) == before
    assert not operations()
