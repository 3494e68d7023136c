# SPDX-License-Identifier: Apache-2.0
"""What is refused at once: with which code, naming what, storing nothing."""

from concurrent import futures

import pytest
import sqlalchemy as sa

from magnum.tests.integration import tenants

REFUSED = {
    'a flavor that is not there': (
        {'flavor_id': 'm9.vast'}, 400, 'flavor'),
    'a name that no stack can have': (
        {'name': 'n' * 243}, 400, 'name'),
    'a name that starts with a digit': (
        {'name': '1st'}, 400, 'name'),
    'several masters without a load balancer': (
        {'master_count': 3}, 400, 'master_count'),
    'a label of the wrong type': (
        {'labels': {'boot_volume_size': 'large'}}, 400, 'boot_volume_size'),
    'a key pair that is not there': (
        {'keypair': 'lost'}, 404, 'lost'),
    'a template that is not there': (
        {'cluster_template_id': '11111111-2222-4333-8444-555555555555'},
        404, '11111111'),
}


@pytest.fixture(scope='module')
def clusters_before(demo):
    return [c.uuid for c in demo.magnum.clusters.list()]


def refusal(tenant, path, **request):
    answer = tenant.http.post(path, raise_exc=False, **request)
    return answer.status_code, answer.json()['errors'][0]['detail']


@pytest.mark.parametrize('wish, code, named', REFUSED.values(), ids=REFUSED)
def test_a_cluster_is_refused_and_not_stored(demo, template, clusters_before,
                                             wish, code, named):
    wish = {'name': 'refused', 'cluster_template_id': template.uuid, **wish}
    status, detail = refusal(demo, '/clusters', json=wish)
    assert status == code
    assert named in detail
    assert [c.uuid for c in demo.magnum.clusters.list()] == clusters_before


@pytest.mark.parametrize('body', ['{', '[]', 'no json'])
def test_a_body_that_is_no_json_object_is_refused(demo, clusters_before,
                                                  body):
    status, _ = refusal(demo, '/clusters', data=body,
                        headers={'Content-Type': 'application/json'})
    assert status == 400


def test_a_template_needs_an_image_with_a_distribution(demo):
    status, detail = refusal(demo, '/clustertemplates', json={
        'name': 'no-distro', 'coe': 'kubernetes', 'image_id': 'nodistro',
        'external_network_id': 'public'})
    assert status == 400
    assert 'os_distro' in detail


def test_ten_requests_at_once_cannot_pass_a_quota_of_two(
        service, demo2):
    template = tenants.make_template(demo2, 'limited')
    set_quota(service, demo2.cloud.current_project_id, 2)

    def ask(number):
        return demo2.http.post('/clusters', raise_exc=False, json={
            'name': f'limited-{number}', 'node_count': 0,
            'cluster_template_id': template.uuid}).status_code

    with futures.ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(ask, range(10)))

    assert answers == [202] * 2 + [403] * 8
    for cluster in demo2.magnum.clusters.list():
        demo2.delete(demo2.settled(cluster.uuid))


def set_quota(service, project_id, limit):
    engine = sa.create_engine(service, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(
            sa.text('INSERT INTO quotas (project_id, resource, hard_limit) '
                    "VALUES (:project_id, 'Cluster', :limit)"),
            {'project_id': project_id, 'limit': limit})
