# SPDX-License-Identifier: Apache-2.0

import re

import pytest

from magnum.api import dispatch
from magnum.api import routes
from magnum import policies
from magnum import policy
from magnum.tests import factories
from magnum.tests import permissions

PUBLIC = {'', 'v1'}
# For everyone who has a token.
UNGUARDED = {'v1/openapi.json'}

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}

# A body with which each request would succeed, or fail for another reason
# than its body.
BODIES = {
    ('v1/baymodels', 'POST'): {'coe': 'kubernetes', 'keypair_id': 'key',
                               'image_id': 'ubuntu-k8s'},
    ('v1/baymodels/{baymodel_ident}', 'PATCH'): [],
    ('v1/bays', 'POST'): {'baymodel_id': 't'},
    ('v1/bays/{bay_ident}', 'PATCH'): [],
    ('v1/certificates', 'POST'): {'cluster_uuid': 'c', 'csr': 'x'},
    ('v1/clusters', 'POST'): {'cluster_template_id': 't'},
    ('v1/clusters/{cluster_ident}', 'PATCH'): [],
    ('v1/clusters/{cluster_ident}/actions/resize', 'POST'):
        {'node_count': 2},
    ('v1/clusters/{cluster_ident}/actions/upgrade', 'POST'):
        {'cluster_template': 't'},
    ('v1/clusters/{cluster_ident}/protection', 'PATCH'): [],
    ('v1/clusters/{cluster_ident}/nodegroups', 'POST'): {'name': 'n'},
    ('v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident}', 'PATCH'):
        [],
    ('v1/clustertemplates', 'POST'): TEMPLATE,
    ('v1/clustertemplates/{template_ident}', 'PATCH'): [],
    ('v1/federations', 'POST'): {'hostcluster_id': 'c', 'properties': {}},
    ('v1/federations/{federation_ident}', 'PATCH'): [],
    ('v1/quotas', 'POST'): {'project_id': 'p'},
    ('v1/quotas/{project_id}/{resource}', 'PATCH'): {'hard_limit': 1},
}

IDENTS = {'cluster_ident': 'c', 'bay_ident': 'c', 'baymodel_ident': 't',
           'template_ident': 't', 'project_id': 'p',
          'nodegroup_ident': 'default-worker', 'federation_ident': 'f',
          'resource': 'Cluster', 'ca_cert_type': 'etcd',
          'operation_uuid': permissions.OPERATION, 'driver_name': 'fake'}

GUARDED = [(path, method) for path, methods in routes.ROUTES.items()
           for method in methods if path not in PUBLIC | UNGUARDED]


def version(path):
    """The newest that offers the path."""
    return '1.10' if path.startswith('v1/bay') else 'latest'


def url(path):
    return '/' + re.sub(r'\{(\w+)\}', lambda found: IDENTS[found[1]], path)


@pytest.fixture
def world(api):
    template = factories.template(name='t')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster),
                    factories.operation(cluster, uuid=permissions.OPERATION),
                    factories.federation(name='f'))
    return api


@pytest.mark.parametrize(('path', 'method'), GUARDED)
@pytest.mark.parametrize('token', ['member', 'admin'])
def test_nothing_is_done_for_those_who_may_do_nothing(
        world, tmp_path, path, method, token):
    (tmp_path / 'policy.yaml').write_text(''.join(
        f'"{rule.name}": "!"\n' for rule in policies.list_rules()
        if ':' in rule.name))
    policy.reset()
    answer = world(method, url(path), BODIES.get((path, method)),
                   token=token, version=version(path))
    assert answer.status_int == 403
    assert "Policy doesn't allow" in answer.json['errors'][0]['detail']
    assert not world.cloud.calls


@pytest.mark.parametrize(
    ('path', 'method'), [*GUARDED, *((path, 'GET') for path in UNGUARDED)])
def test_nothing_is_done_without_a_token(world, path, method):
    assert world(method, url(path), BODIES.get((path, method)),
                 token=None).status_int == 401


@pytest.mark.parametrize('path', [
    '/v1/clusters', '/v1/clusters/', '/clusters', 'clusters', '//clusters',
    '/v1//clusters', '/v1/clusters//'])
def test_a_path_is_found_with_and_without_its_version(path):
    assert dispatch.find(path)[0] == 'v1/clusters'


@pytest.mark.parametrize(('path', 'expected', 'idents'), [
    ('/', '', []), ('', '', []), ('/v1', 'v1', []), ('/v1/', 'v1', []),
    ('/v1/clusters/detail/', 'v1/clusters/detail', []),
    ('/v1/clusters/x', 'v1/clusters/{cluster_ident}', ['x']),
    ('/v1/clusters/v1', 'v1/clusters/{cluster_ident}', ['v1']),
    ('/quotas/p/Cluster', 'v1/quotas/{project_id}/{resource}',
     ['p', 'Cluster'])])
def test_the_variable_parts_of_a_path_are_told(path, expected, idents):
    assert dispatch.find(path)[0] == expected
    assert dispatch.find(path)[2] == idents


@pytest.mark.parametrize('path', [
    '/v2/clusters', '/v1/v1', '/v1/x', '/v1/clusters/x/detail',
    '/v1/clusters/x/actions', '/x'])
def test_what_there_is_not_is_not_found(path):
    assert dispatch.find(path) is None
