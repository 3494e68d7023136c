# SPDX-License-Identifier: Apache-2.0
"""What a conductor does beside its work."""

import pytest
import sqlalchemy as sa

from magnum.conductor import service
from magnum.db import models
from magnum.db import session as db
from magnum import drivers
from magnum import errors
from magnum import openstack


def test_heartbeats_are_counted_in_one_row(database):
    for _ in range(3):
        service.Conductor._beat_once()
    with db.reader() as session:
        row, = session.scalars(sa.select(models.MagnumService))
    assert (row.binary, row.report_count) == ('magnum-conductor', 3)
    assert row.last_seen_up is not None


@pytest.mark.parametrize('error', [
    errors.ServiceUnavailable('Keystone is away'),
    errors.InfrastructureFailed('[keystone_auth] is incomplete')])
def test_a_cloud_that_is_away_does_not_stop_the_start(monkeypatch, caplog,
                                                      error):
    def fail():
        raise error
    monkeypatch.setattr(drivers, 'names', lambda: [])
    monkeypatch.setattr(openstack, 'service_cloud', fail)
    service.Conductor._warm_up()
    assert str(error) in caplog.text
