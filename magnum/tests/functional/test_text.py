# SPDX-License-Identifier: Apache-2.0
"""Text that a database may not be able to hold, on every database."""

import pytest

from magnum.tests import factories

SMILE = '\U0001f600'


@pytest.fixture
def sqlite_database(database):
    """The application of these tests works on each database in turn."""
    return database


@pytest.mark.parametrize('path', [
    '/v1/clusters/%F0%9F%98%80', '/v1/clustertemplates/%F0%9F%98%80',
    '/v1/quotas/%F0%9F%98%80/Cluster', '/v1/stats?project_id=%F0%9F%98%80',
    '/v1/clusters/c/nodegroups?role=%F0%9F%98%80'])
def test_looking_for_it_is_no_failure(api, path):
    factories.store(factories.cluster(name='c'))
    answer = api('GET', path, token='admin', version='latest')
    assert answer.status_int in (200, 400, 404), answer.text


@pytest.mark.parametrize('body', [
    {'name': SMILE}, {'labels': {SMILE: SMILE}}, {'tags': 'x' * 255},
    {'name': 'x' * 255}, {'labels': {'x': 'x' * 100000}}])
def test_storing_it_works_or_is_refused(api, body):
    answer = api('POST', '/v1/clustertemplates',
                 {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', **body})
    assert answer.status_int in (201, 400), answer.text
    if answer.status_int == 201:
        shown = api('GET', f'/v1/clustertemplates/{answer.json["uuid"]}')
        assert body.items() <= shown.json.items()
