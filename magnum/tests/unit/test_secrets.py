# SPDX-License-Identifier: Apache-2.0
"""What is secret, and the places that it must not get to."""

import logging

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum import identity
from magnum import openstack
from magnum.tests.fakes import web

CLUSTER = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

cloud = web.cloud


@pytest.fixture
def everything_logged(caplog):
    """The log at its most talkative, also of the libraries."""
    caplog.set_level(logging.DEBUG)
    for name in ('keystoneauth', 'keystoneauth.session', 'magnum', 'oslo_db',
                 'sqlalchemy.engine', 'sqlalchemy.engine.Engine'):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_a_password_sent_to_keystone_is_not_logged(cloud, everything_logged):
    owner = openstack.token_cloud(cloud.keystone.user_token())
    made = identity.delegate(owner, CLUSTER, 'p')
    password = cloud.keystone.users[made['trustee_user_id']]['password']
    assert 'POST http://keystone/v3/users answered 201' in (
        everything_logged.text)
    assert password not in everything_logged.text
    assert 'admin password' not in everything_logged.text


def test_a_statement_that_fails_is_logged_without_its_values(
        database, everything_logged):
    rows = [models.Cluster(uuid=CLUSTER, name='a', project_id='p',
                           trustee_password='a very secret word')
            for _ in range(2)]
    with pytest.raises(Exception) as caught:
        with db.writer() as session:
            session.add_all(rows)
    logging.getLogger('magnum').error('Caught.', exc_info=caught.value)
    assert 'INSERT INTO cluster' in everything_logged.text
    assert 'a very secret word' not in everything_logged.text
    assert 'a very secret word' not in str(caught.value)


def test_a_table_that_is_gone_is_reported_without_values(
        database, everything_logged):
    with pytest.raises(Exception) as caught:
        with db.reader() as session:
            session.execute(sa.text('SELECT 1 FROM nowhere WHERE a = :a'),
                            {'a': 'a very secret word'})
    assert 'a very secret word' not in str(caught.value)
    assert 'a very secret word' not in everything_logged.text
