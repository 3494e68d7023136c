# SPDX-License-Identifier: Apache-2.0
"""Protection against deletion holds whoever asks, and whenever."""

import pytest
import sqlalchemy as sa

from magnum.db import clusters
from magnum.db import models
from magnum.db import session as db
from magnum.operations import delete_cluster
from magnum.tests import factories

PATH = '/v1/clusters/c/protection'


@pytest.fixture
def cluster(api_anywhere):
    template = factories.template(name='t')
    row = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, row, *factories.nodegroups(row))
    return row


def protect(api, value=True, token='member'):
    return api('PATCH', PATH, [{'op': 'replace', 'path': '/protected',
                                'value': value}], token=token)


def statuses():
    with db.reader() as session:
        return {*session.scalars(sa.select(models.Cluster.status)),
                *session.scalars(sa.select(models.NodeGroup.status))}


def test_nobody_deletes_it_but_by_force(api_anywhere, cluster):
    assert protect(api_anywhere).json == {'protected': True}
    for path in ('/v1/clusters/c', '/v1/bays/c'):
        for token in ('member', 'admin'):
            refused = api_anywhere('DELETE', path, token=token)
            assert refused.status_int == 409
    assert statuses() == {'CREATE_COMPLETE'}
    assert api_anywhere('DELETE', '/v1/clusters/c?force=true',
                        token='admin').status_int == 204
    assert statuses() == {'DELETE_IN_PROGRESS'}


def test_its_end_is_its_end(api_anywhere, cluster):
    protect(api_anywhere)
    assert protect(api_anywhere, False).json == {'protected': False}
    assert api_anywhere('DELETE', '/v1/clusters/c').status_int == 204


def test_rows_of_earlier_releases_are_not_protected(api_anywhere, cluster):
    with db.reader() as session:
        raw = sa.select(sa.type_coerce(models.Cluster.protected, sa.Boolean))
        assert session.scalar(raw) is None
    assert api_anywhere('GET', PATH).json == {'protected': False}


def test_protection_that_comes_while_a_deletion_is_checked_holds(
        api_anywhere, cluster, monkeypatch):
    begin = delete_cluster._begin

    def protect_first(session, *arguments):
        # As if it had been committed before this transaction has the row.
        clusters.protect(session, cluster.uuid, True)
        return begin(session, *arguments)

    monkeypatch.setattr(delete_cluster, '_begin', protect_first)
    assert api_anywhere('DELETE', '/v1/clusters/c').status_int == 409
    assert statuses() == {'CREATE_COMPLETE'}


def test_what_is_shown_of_the_cluster_does_not_change(api_anywhere, cluster):
    before = api_anywhere('GET', '/v1/clusters/c')
    protect(api_anywhere)
    after = api_anywhere('GET', '/v1/clusters/c')
    assert after.json == before.json
    assert after.headers['ETag'] == before.headers['ETag']


def test_a_cluster_that_goes_is_not_protected_any_more(api_anywhere, cluster):
    api_anywhere('DELETE', '/v1/clusters/c')
    refused = protect(api_anywhere)
    assert refused.status_int == 409
    assert 'DELETE_IN_PROGRESS' in refused.json['message']
