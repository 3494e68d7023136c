# SPDX-License-Identifier: Apache-2.0
"""A new cluster and the removal of its template exclude each other."""

from concurrent import futures
import threading

import pytest

from magnum import context as contexts
from magnum.db import models
from magnum.db import session as db
from magnum.db import templates
from magnum import errors
from magnum.tests import factories


@pytest.fixture
def template(database):
    made = factories.template()
    factories.store(made)
    return made.uuid


def context():
    return contexts.RequestContext(user_id='u', project_id='p',
                                   auth_token='token', is_admin=False)


@db.retried
def create(uuid, held, go_on):
    with db.writer(begins_with_write=True) as session:
        templates.hold(session, context(), uuid)
        session.add(factories.cluster(cluster_template_id=uuid))
        session.flush()
        held.set()
        assert go_on.wait(60)


@db.retried
def delete(uuid, held, go_on):
    with db.writer() as session:
        templates.lock(session, uuid)
        gone = templates.delete(session, uuid)
        held.set()
        assert go_on.wait(60)
        return gone


def one_after_the_other(uuid, first, second):
    """Let the second begin while the first has not committed; both ends."""
    held, go_on, begun = (threading.Event() for _ in range(3))

    def late():
        begun.set()
        open_door = threading.Event()
        open_door.set()
        return second(uuid, threading.Event(), open_door)

    with futures.ThreadPoolExecutor(2) as pool:
        one = pool.submit(first, uuid, held, go_on)
        assert held.wait(60)
        two = pool.submit(late)
        assert begun.wait(60)
        # Whether it has come to its lock by now or not, it must see the end.
        futures.wait([two], timeout=0.2)
        go_on.set()
        return one, two


def left(model):
    with db.reader() as session:
        return session.query(model).count()


def test_a_template_in_use_is_not_deleted(template):
    _, deleted = one_after_the_other(template, create, delete)
    assert deleted.result() is False
    assert (left(models.Cluster), left(models.ClusterTemplate)) == (1, 1)


def test_no_cluster_is_made_from_a_template_that_goes(template):
    deleted, created = one_after_the_other(template, delete, create)
    assert deleted.result() is True
    with pytest.raises(errors.NotFound):
        created.result()
    assert (left(models.Cluster), left(models.ClusterTemplate)) == (0, 0)
