# SPDX-License-Identifier: Apache-2.0
"""What a rotation of authorities leaves behind."""

import dataclasses
import types

import pytest
import sqlalchemy as sa

from magnum.certificates import authority
from magnum.db import models
from magnum.db import session as db
from magnum import errors
from magnum.operations import rotate_ca
from magnum.tests.fakes import world as worlds

CLUSTER = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'


@dataclasses.dataclass
class Spec:
    authorities: object = None


@pytest.fixture
def old_refs(sqlite_database):
    with worlds.configured():
        yield authority.issue(CLUSTER, 'n', 'p', 'u')


def work(refs, error):
    def apply(spec):
        raise error
    return types.SimpleNamespace(
        cluster=models.Cluster(uuid=CLUSTER, name='n', project_id='p',
                               user_id='u', **refs),
        operation=models.Operation(id=42), full_spec=Spec, apply=apply)


def rows():
    with db.reader() as session:
        return set(session.scalars(sa.select(models.X509KeyPair.uuid)))


def test_new_keys_do_not_outlive_a_rotation_that_failed(old_refs):
    with pytest.raises(errors.InfrastructureFailed):
        rotate_ca.apply(work(old_refs, errors.InfrastructureFailed('no')))
    assert rows() == set(old_refs.values())


def test_new_keys_stay_while_the_rotation_is_tried_again(old_refs):
    with pytest.raises(errors.ServiceUnavailable):
        rotate_ca.apply(work(old_refs, errors.ServiceUnavailable('later')))
    assert len(rows()) == 8
