# SPDX-License-Identifier: Apache-2.0
"""What the API reads, on every database."""

import itertools

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from magnum.api import cluster_templates
from magnum.api import clusters
from magnum.api.legacy import federations
from magnum.api import nodegroups
from magnum.api import quotas
from magnum import context
from magnum.db import clusters as cluster_rows
from magnum.db import federations as federation_rows
from magnum.db import models
from magnum.db import nodegroups as nodegroup_rows
from magnum.db import pages
from magnum.db import quotas as quota_rows
from magnum.db import session as db
from magnum.db import templates
from magnum.db import text
from magnum import errors
from magnum.tests import factories


def caller(**values):
    return context.RequestContext(**{'project_id': 'p', 'user_id': 'owner',
                                     'overwrite': False, **values})


def walk(read, sort_key, sort_dir, mark='uuid'):
    """All that a client gets who goes from page to page."""
    found, marker = [], None
    while True:
        with db.reader() as session:
            rows = read(session, pages.Page(2, marker, sort_key, sort_dir))
        if not rows:
            return found
        found += [row.id for row in rows]
        marker = getattr(rows[-1], mark)


VARIED = [
    {}, {'docker_volume_size': 3, 'labels': {'b': '1'},
         'keypair': 'k', 'health_status': 'HEALTHY'},
    {'docker_volume_size': 3, 'labels': {'a': '1'}, 'keypair': 'a',
     'master_lb_enabled': True},
    {'labels': None, 'api_address': None, 'floating_ip_enabled': None},
    {'docker_volume_size': 1, 'floating_ip_enabled': False,
     'status_reason': 'why'}]


def test_every_order_of_clusters_can_be_paged_through(database):
    factories.store(*(factories.cluster(**columns) for columns in VARIED))
    for key, direction in itertools.product(clusters.SORT_KEYS,
                                            ('asc', 'desc')):
        found = walk(lambda session, page: cluster_rows.page(
            session, caller(), page), key, direction)
        assert sorted(found) == sorted(set(found)), key
        assert len(found) == len(VARIED), key
        if key == 'docker_volume_size':
            values = [VARIED[number - min(found)].get(key) or 0
                      for number in found]
            assert values == sorted(values, reverse=direction == 'desc')


def test_every_order_of_the_others_can_be_paged_through(database):
    cluster = factories.cluster()
    factories.store(cluster, *factories.nodegroups(cluster),
                    factories.nodegroup(cluster, node_labels={'a': 'b'}),
                    *(factories.template(tags=tag)
                      for tag in (None, 'a', 'b')),
                    *(factories.federation() for _ in range(3)),
                    *(factories.quota(project_id=name) for name in 'pqr'))
    cases = [
        (cluster_templates.SORT_KEYS, 'uuid', lambda session, page:
            templates.page(session, caller(), page)),
        (nodegroups.SORT_KEYS, 'uuid', lambda session, page:
            nodegroup_rows.page(session, cluster, page)),
        (federations.SORT_KEYS, 'uuid', lambda session, page:
            federation_rows.page(session, caller(), page)),
        (quotas.SORT_KEYS, 'id', lambda session, page:
            quota_rows.page(session, page))]
    for keys, mark, read in cases:
        for key, direction in itertools.product(keys, ('asc', 'desc')):
            assert len(walk(read, key, direction, mark)) == 3, key


def test_a_template_is_seen_as_its_flags_say(database):
    flags = [(False, False), (True, False), (True, True), (False, True),
             (True, None)]
    names = ['plain', 'public', 'both', 'hidden', 'old']
    factories.store(*(factories.template(name=name, public=public,
                                         hidden=hidden)
                      for name, (public, hidden)
                      in zip(names, flags, strict=True)))

    def seen(**values):
        with db.reader() as session:
            return [row.name for row in templates.page(
                session, caller(**values), pages.Page(10))]

    assert seen() == names
    assert seen(project_id='q') == ['public', 'old']
    assert seen(project_id='q', is_admin=True) == ['public', 'both', 'old']
    assert seen(project_id=None) == names
    assert seen(project_id=None, user_id=None) == ['public', 'old']


def test_rows_of_nobody_are_not_everybodys(database):
    factories.store(factories.cluster(project_id=None, user_id=None))
    with db.reader() as session:
        for values in ({}, {'project_id': None},
                       {'project_id': None, 'user_id': None}):
            assert not cluster_rows.page(session, caller(**values),
                                         pages.Page(10))


def test_a_name_that_two_have_is_refused(database):
    factories.store(factories.cluster(name='c'), factories.cluster(name='c'))
    with db.reader() as session, pytest.raises(errors.Conflict):
        cluster_rows.find(session, caller(), 'c')


def test_a_uuid_that_is_taken_is_refused(database):
    row = factories.template()
    factories.store(row)
    with pytest.raises(errors.AlreadyExists), db.writer() as session:
        templates.add(session,
                      factories.template(uuid=row.uuid))


def test_a_template_in_use_stays(database):
    free, used = factories.template(), factories.template()
    factories.store(free, used, factories.cluster(
        project_id='q', cluster_template_id=used.uuid))
    with db.writer() as session:
        assert templates.in_use(session, used.uuid)
        assert not templates.in_use(session, free.uuid)
        assert not templates.delete(session, used.uuid)
        assert templates.delete(session, free.uuid)


def test_nodes_are_counted_in_one_statement(database):
    first, second = factories.cluster(), factories.cluster(project_id='q')
    factories.store(first, second, *factories.nodegroups(first),
                    factories.nodegroup(second, node_count=5),
                    factories.nodegroup(second, node_count=None))
    with db.reader() as session:
        assert cluster_rows.stats(session) == (2, 8)
        assert cluster_rows.stats(session, 'p') == (1, 2)
        assert cluster_rows.stats(session, 'nobody') == (0, 0)


def test_mariadb_can_use_the_index_of_what_is_compared():
    same = text.equals_exactly(models.Cluster.uuid, 'u')
    for condition in (same, sa.and_(same, models.Cluster.name == 'n')):
        statement = str(sa.select(models.Cluster.id).where(condition)
                        .compile(dialect=mysql.dialect()))
        assert 'WHERE (cluster.uuid = %s AND ' in statement
        assert '= 1' not in statement
