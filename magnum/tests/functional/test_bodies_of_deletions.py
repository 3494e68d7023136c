# SPDX-License-Identifier: Apache-2.0
"""Whatever the body of a DELETE is, it means nothing."""

import pytest

from magnum.tests import factories

BODIES = [b'{"project_id": "p", "resource": "Cluster", "hard_limit": 3}',
          b'[]', b'no JSON', b'x' * 2000000]


@pytest.fixture
def world(api):
    template = factories.template(name='t')
    factories.store(template, factories.quota(project_id='p'),
                    factories.federation(name='f'))
    return api


@pytest.mark.parametrize('raw', BODIES, ids=['quota', 'list', 'text', 'long'])
@pytest.mark.parametrize('path', ['quotas/p/Cluster', 'clustertemplates/t',
                                  'federations/f'])
def test_it_is_ignored(world, path, raw):
    answer = world('DELETE', f'/v1/{path}', token='admin', raw=raw,
                   version='latest')
    assert answer.status_int == 204, answer.text


def test_policy_is_asked_before_the_body_is_read(world):
    for raw in BODIES:
        answer = world('DELETE', '/v1/quotas/p/Cluster', raw=raw,
                       version='latest')
        assert answer.status_int == 403
