# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every operation by every kind of caller.

One table; a dot is the operation's own answer to those who may.  The cluster
`c` and the private template `t` are of project p and user `owner`; `public`
is a public template of the same.
"""

from oslo_config import cfg
import pytest

from magnum import policy
from magnum.tests import factories

CONF = cfg.CONF

CALLERS = ('member', 'colleague', 'reader', 'other-reader', 'bystander',
           'stranger', 'admin', 'far-admin', 'system', None)

PATCH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]
NAME = [{'op': 'replace', 'path': '/name', 'value': 'z'}]
PUBLISH = [{'op': 'replace', 'path': '/public', 'value': True}]
TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}
SIGN = {'cluster_uuid': 'c', 'csr': 'none'}

# What a colleague, a reader, ... get:
# member colleague reader other-reader bystander stranger admin far-admin
# system nobody
READ = '. . . . 403 404 . . 403 401'
WRITE = '. . 403 403 403 404 . . 403 401'
LIST = '. . . . 403 . . . 403 401'
MAKE = '. . 403 403 403 . . . 403 401'
ADMIN = '403 403 403 403 403 403 . . 403 401'

TABLE = [
    ('GET', '/v1/clusters', None, 200, LIST),
    ('GET', '/v1/clusters/detail', None, 200, LIST),
    ('GET', '/v1/clusters/c', None, 200, READ),
    ('POST', '/v1/clusters', {'cluster_template_id': 'public'}, 202, MAKE),
    ('PATCH', '/v1/clusters/c', [], 202, WRITE),
    ('PATCH', '/v1/clusters/c', PATCH, 202, WRITE),
    ('DELETE', '/v1/clusters/c', None, 204, WRITE),
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 2}, 202, WRITE),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 'public'},
     400, WRITE),
    # The rules of nodegroups are asked about the caller's own project, so
    # that who may not is told so before the cluster is looked for.
    ('GET', '/v1/clusters/c/nodegroups', None, 200, READ),
    ('GET', '/v1/clusters/c/nodegroups/default-worker', None, 200, READ),
    ('POST', '/v1/clusters/c/nodegroups', {'name': 'n'}, 400, WRITE),
    ('PATCH', '/v1/clusters/c/nodegroups/default-worker', [], 202, WRITE),
    ('DELETE', '/v1/clusters/c/nodegroups/default-worker', None, 400, WRITE),
    ('GET', '/v1/clustertemplates', None, 200, LIST),
    ('GET', '/v1/clustertemplates/detail', None, 200, LIST),
    ('GET', '/v1/clustertemplates/t', None, 200, READ),
    ('GET', '/v1/clustertemplates/public', None, 200,
     '. . . . . . . . 403 401'),
    ('POST', '/v1/clustertemplates', TEMPLATE, 201, MAKE),
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'public': True}, 201,
     ADMIN),
    ('PATCH', '/v1/clustertemplates/t', NAME, 200, WRITE),
    ('PATCH', '/v1/clustertemplates/t', PUBLISH, 200,
     '403 403 403 403 403 404 . . 403 401'),
    ('PATCH', '/v1/clustertemplates/public', NAME, 200,
     '. . 403 403 403 403 . . 403 401'),
    ('DELETE', '/v1/clustertemplates/t', None, 204, WRITE),
    ('DELETE', '/v1/clustertemplates/public', None, 204,
     '. . 403 403 403 403 . . 403 401'),
    # Certificates are the owner's; without a CA their answer is 404.
    ('GET', '/v1/certificates/c', None, 404,
     '. 403 . 403 403 404 . . 403 401'),
    ('GET', '/v1/certificates/c/etcd', None, 404,
     '. 403 . 403 403 404 . . 403 401'),
    ('POST', '/v1/certificates', SIGN, 404,
     '. 403 403 403 403 400 . . 403 401'),
    ('PATCH', '/v1/certificates/c', None, 400, WRITE),
    ('PATCH', '/v1/credentials/c', None, 400, WRITE),
    ('GET', '/v1/quotas', None, 200, ADMIN),
    ('GET', '/v1/quotas/p/Cluster', None, 200,
     '. . . . 403 403 . . 403 401'),
    ('POST', '/v1/quotas', {'project_id': 'q'}, 201, ADMIN),
    ('PATCH', '/v1/quotas/p/Cluster', {'hard_limit': 9}, 202, ADMIN),
    ('DELETE', '/v1/quotas/p/Cluster', None, 204, ADMIN),
    ('GET', '/v1/stats', None, 200, LIST),
    ('GET', '/v1/stats?project_id=p', None, 200,
     '. . . . 403 403 . . 403 401'),
    ('GET', '/v1/mservices', None, 200, ADMIN),
    ('GET', '/v1/federations', None, 200, LIST),
    ('GET', '/v1/federations/detail', None, 200, LIST),
    # Nobody sees those of another project, administrators neither.
    ('GET', '/v1/federations/f', None, 200,
     '. . . . 403 404 . 404 404 401'),
    ('POST', '/v1/federations', {'hostcluster_id': 'c', 'properties': {}},
     400, MAKE),
    ('PATCH', '/v1/federations/f', [], 202,
     '. . 403 403 403 404 . 404 404 401'),
    ('DELETE', '/v1/federations/f', None, 204,
     '. . 403 403 403 404 . 404 404 401'),
    ('GET', '/v1/bays', None, 200, LIST),
    ('GET', '/v1/bays/detail', None, 200, LIST),
    ('GET', '/v1/bays/c', None, 200, READ),
    ('POST', '/v1/bays', {'baymodel_id': 'public'}, 202, MAKE),
    ('PATCH', '/v1/bays/c', [], 202, WRITE),
    ('DELETE', '/v1/bays/c', None, 204, WRITE),
    ('GET', '/v1/baymodels', None, 200, LIST),
    ('GET', '/v1/baymodels/detail', None, 200, LIST),
    ('GET', '/v1/baymodels/t', None, 200, READ),
    ('POST', '/v1/baymodels', {**TEMPLATE, 'keypair_id': 'key'}, 201, MAKE),
    ('PATCH', '/v1/baymodels/t', NAME, 200, WRITE),
    ('PATCH', '/v1/baymodels/t', PUBLISH, 200,
     '403 403 403 403 403 404 . . 403 401'),
    ('DELETE', '/v1/baymodels/t', None, 204, WRITE),
    ('GET', '/', None, 200, '. . . . . . . . . .'),
    ('GET', '/v1', None, 200, '. . . . . . . . . .'),
]

CASES = [(*operation, caller, code if said == '.' else int(said))
         for *operation, code, said_to in TABLE
         for caller, said in zip(CALLERS, said_to.split(), strict=True)]


@pytest.mark.parametrize(('method', 'path', 'body', 'caller', 'expected'),
                         CASES)
def test_each_gets_what_the_table_says(api, method, path, body, caller,
                                       expected):
    private = factories.template(name='t')
    used = factories.template(name='used')
    cluster = factories.cluster(name='c', cluster_template_id=used.uuid)
    factories.store(private, used, cluster, *factories.nodegroups(cluster),
                    factories.template(name='public', public=True),
                    factories.federation(name='f'), factories.quota())
    answer = api(method, path, body, token=caller,
                 version='1.10' if '/bay' in path else 'latest')
    assert answer.status_int == expected, answer.text


@pytest.mark.parametrize('path', ['/v1/clusters', '/v1/clusters/detail'])
def test_a_list_shows_a_project_its_own_and_administrators_all(api, path):
    factories.store(factories.cluster(name='ours'),
                    factories.cluster(name='theirs', project_id='q'))

    def seen(token):
        return [cluster['name'] for cluster in
                api('GET', path, token=token).json['clusters']]

    assert seen('member') == ['ours']
    assert seen('stranger') == ['theirs']
    assert seen('admin') == seen('far-admin') == ['ours', 'theirs']


def test_old_defaults_can_be_had(api):
    CONF.set_override('enforce_new_defaults', False, 'oslo_policy')
    try:
        policy.reset()
        assert api('POST', '/v1/clustertemplates', TEMPLATE,
                   token='bystander').status_int == 201
        assert api('POST', '/v1/quotas', {'project_id': 'q'},
                   token='bystander').status_int == 403
    finally:
        CONF.clear_override('enforce_new_defaults', 'oslo_policy')


@pytest.mark.parametrize('helper', [
    'cluster_user', 'deny_cluster_user', 'user_or_cluster_user',
    'admin_or_user_or_cluster_user', 'admin_or_project_member_cluster_user'])
def test_policy_files_of_old_releases_find_their_helpers(
        api, tmp_path, helper):
    (tmp_path / 'policy.yaml').write_text(
        f'"cluster:get": "rule:{helper} or rule:context_is_admin"\n')
    factories.store(factories.cluster(name='c', trustee_user_id='trustee'))
    for token in ('admin', 'trustee'):
        assert api('GET', '/v1/clusters/c', token=token).status_int == 200
