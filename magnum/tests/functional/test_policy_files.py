# SPDX-License-Identifier: Apache-2.0
"""What operators write into policy files, and the tools for doing so."""

import json
import pathlib
import subprocess
import sys

from oslo_config import cfg
import pytest
import yaml

from magnum import policies
from magnum import policy
from magnum.tests import factories
from magnum.tests import permissions
from magnum.tests import wsgi

CONF = cfg.CONF

TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}
HEALTH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]


@pytest.fixture
def says(api, tmp_path):
    """Writes a policy file."""
    def write(**rules):
        (tmp_path / 'policy.yaml').write_text(yaml.safe_dump(
            {name.replace('__', ':'): check
             for name, check in rules.items()}))
        policy.reset()
    return write


@pytest.fixture
def old_defaults(api):
    """The release's defaults before readers were told from members."""
    CONF.set_override('enforce_new_defaults', False, 'oslo_policy')
    policy.reset()
    yield
    CONF.clear_override('enforce_new_defaults', 'oslo_policy')


@pytest.fixture(params=['id', 'name'])
def trustee_domain(request):
    """The domain of the users of clusters, as it may be configured."""
    option = f'trustee_domain_{request.param}'
    CONF.set_override(option, wsgi.DOMAINS['trustee'][request.param], 'trust')
    yield
    CONF.clear_override(option, 'trust')


def cluster():
    used = factories.template()
    row = factories.cluster(name='c', trustee_user_id='trustee',
                            cluster_template_id=used.uuid)
    factories.store(used, row, *factories.nodegroups(row))


@pytest.mark.parametrize(('method', 'path', 'body', 'allowed'), [
    ('GET', '/v1/clusters', None, 200),
    ('GET', '/v1/clusters/c', None, 200),
    ('GET', '/v1/clusters/c/nodegroups', None, 200),
    ('GET', '/v1/quotas/p/Cluster', None, 200),
    ('GET', '/v1/certificates/c', None, 404),
    ('PATCH', '/v1/clusters/c', HEALTH, 202),
    ('DELETE', '/v1/clusters/c', None, 204)])
def test_users_of_clusters_can_be_denied(api, says, trustee_domain, method,
                                         path, body, allowed):
    cluster()

    def answer(token):
        return api(method, path, body, token=token,
                   version='latest').status_int

    says(**{rule.name: f'({rule.check_str}) and rule:deny_cluster_user'
            for rule in policies.list_rules() if ':' in rule.name})
    assert answer('trustee') == 403
    assert answer('member') == allowed


def test_the_denying_rule_may_be_written_out(api, says, trustee_domain):
    cluster()
    says(deny_cluster_user='not domain_id:%(trustee_domain_id)s',
         cluster__get='rule:project_reader and rule:deny_cluster_user')
    assert api('GET', '/v1/clusters/c', token='trustee').status_int == 403
    assert api('GET', '/v1/clusters/c').status_int == 200


def test_nobody_is_denied_where_there_is_no_such_domain(api, says):
    cluster()
    says(cluster__get='rule:deny_cluster_user')
    for token in ('member', 'trustee', 'bystander'):
        assert api('GET', '/v1/clusters/c', token=token).status_int == 200


def test_only_the_user_of_a_cluster_may_report_its_health(api, says):
    cluster()
    other = factories.cluster(name='other', trustee_user_id='another')
    factories.store(other, *factories.nodegroups(other))
    says(cluster__update_health_status='rule:cluster_user')
    for path, token, expected in (('c', 'member', 403), ('c', 'trustee', 202),
                                  ('other', 'trustee', 403)):
        assert api('PATCH', f'/v1/clusters/{path}', HEALTH,
                   token=token).status_int == expected


def test_who_reports_no_health_need_not_be_allowed_to(api, says):
    cluster()
    says(cluster__update_health_status='!')
    size = [{'op': 'replace', 'path': '/node_count', 'value': 2}]
    for body, expected in (([], 202), (size, 202), (HEALTH, 403)):
        assert api('PATCH', '/v1/clusters/c', body).status_int == expected


# helper of 22.0.0: who may, of the owner, a colleague, the cluster's user and
# an administrator
HELPERS = {
    'cluster_user': 'trustee',
    'deny_cluster_user': 'member colleague admin',
    'user_or_cluster_user': 'member trustee',
    'admin_or_user_or_cluster_user': 'member trustee admin',
    'admin_or_project_member_cluster_user': 'trustee admin'}


@pytest.mark.parametrize('helper', HELPERS)
def test_policy_files_of_old_releases_find_their_helpers(
        api, says, trustee_domain, helper):
    cluster()
    says(cluster__get=f'rule:{helper}')
    may = [token for token in ('member', 'colleague', 'trustee', 'admin')
           if api('GET', '/v1/clusters/c', token=token).status_int == 200]
    assert may == HELPERS[helper].split()


@pytest.mark.parametrize(('method', 'path', 'body', 'who', 'expected'), [
    ('POST', '/v1/clustertemplates', TEMPLATE, 'bystander', 201),
    ('GET', '/v1/clusters/c', None, 'bystander', 200),
    ('GET', '/v1/clusters/c', None, 'stranger', 404),
    ('GET', '/v1/stats', None, 'bystander', 200),
    ('DELETE', '/v1/clusters/c', None, 'reader', 204),
    ('GET', '/v1/certificates/c', None, 'bystander', 403),
    ('POST', '/v1/certificates', {'cluster_uuid': 'c', 'csr': 'x'}, 'reader',
     404),
    ('POST', '/v1/quotas', {'project_id': 'q'}, 'bystander', 403),
    ('GET', '/v1/mservices', None, 'member', 403)])
def test_old_defaults_can_be_had(api, old_defaults, method, path, body, who,
                                 expected):
    cluster()
    assert api(method, path, body, token=who).status_int == expected


@pytest.mark.parametrize('rule', [
    rule for rule in policies.list_rules() if ':' in rule.name],
    ids=lambda rule: rule.name)
def test_an_operator_can_close_each_rule_by_its_name(api, says, rule):
    """No rule is idle, and each guards what its description says."""
    template = factories.template(name='t')
    used = factories.template(name='used')
    row = factories.cluster(name='c', cluster_template_id=used.uuid)
    factories.store(template, used, row, *factories.nodegroups(row),
                    factories.operation(row, uuid=permissions.OPERATION),
                    factories.federation(name='f'))
    says(**{rule.name: '!'})
    for operation in rule.operations:
        answer = _try(api, operation, rule.name)
        assert answer.status_int == 403, operation
        assert rule.name in answer.json['errors'][0]['detail']


IDENTS = {'template_ident': 't', 'baymodel_ident': 't', 'project_id': 'p',
          'resource': 'Cluster', 'nodegroup_ident': 'default-worker',
          'federation_ident': 'f', 'ca_cert_type': 'etcd',
          'operation_uuid': permissions.OPERATION}

BODIES = {
    'POST /v1/baymodels': {**TEMPLATE, 'keypair_id': 'key'},
    'POST /v1/bays': {'baymodel_id': 't'},
    'POST /v1/certificates': {'cluster_uuid': 'c', 'csr': 'x'},
    'POST /v1/clusters': {'cluster_template_id': 't'},
    'POST /v1/clusters/c/actions/resize': {'node_count': 2},
    'POST /v1/clusters/c/actions/upgrade': {'cluster_template': 't'},
    'POST /v1/clusters/c/nodegroups': {'name': 'n'},
    'POST /v1/clustertemplates': TEMPLATE,
    'POST /v1/federations': {'hostcluster_id': 'c', 'properties': {}},
    'POST /v1/quotas': {'project_id': 'p'},
    'PATCH /v1/quotas/p/Cluster': {'hard_limit': 1},
}


def _try(api, operation, rule):
    """What an administrator, to whom all rules apply, is answered."""
    path = operation['path']
    for name in set(part[1:-1] for part in path.split('/') if part[:1] == '{'):
        path = path.replace(f'{{{name}}}', IDENTS.get(name, 'c'))
    method = operation['method']
    body = BODIES.get(f'{method} {path}')
    if body is None and method == 'PATCH' and not path.startswith(
            ('/v1/certificates', '/v1/credentials')):
        body = []
    if rule.endswith(':publish'):
        body = ({**body, 'public': True} if method == 'POST' else
                [{'op': 'replace', 'path': '/public', 'value': True}])
    if rule == 'cluster:delete_protected':
        path += '?force=true'
    if rule == 'cluster:update_health_status':
        body = HEALTH
    return api(method, path, body, token='admin',
               version='1.10' if '/bay' in path else 'latest')


def tool(name, *arguments):
    """What a tool of oslo.policy prints."""
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name(name), *arguments],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tools_of_oslo_policy_know_the_rules(tmp_path):
    file = tmp_path / 'policy.yaml'
    file.write_text('"cluster:get": "rule:cluster_user"\n')
    conf = tmp_path / 'magnum.conf'
    conf.write_text(f'[oslo_policy]\npolicy_file = {file}\n')
    names = {rule.name for rule in policies.list_rules()}

    effective = yaml.safe_load(tool(
        'oslopolicy-policy-generator', '--namespace', 'magnum',
        '--config-file', str(conf)))
    assert effective['cluster:get'] == 'rule:cluster_user'
    assert set(effective) == names

    sample = tool('oslopolicy-sample-generator', '--namespace', 'magnum')
    assert all(f'#"{name}": ' in sample for name in names)

    tool('oslopolicy-validator', '--namespace', 'magnum',
         '--config-file', str(conf))
    redundant = tool('oslopolicy-list-redundant', '--namespace', 'magnum',
                     '--config-file', str(conf))
    assert redundant == ''

    rules = tmp_path / 'all.yaml'
    rules.write_text(yaml.safe_dump(effective))
    access = tmp_path / 'token.json'
    access.write_text(json.dumps({'token': {
        'user': {'id': 'trustee', 'domain': {'id': 'default'}},
        'project': {'id': 'p'}, 'roles': [{'name': 'reader'}]}}))
    target = tmp_path / 'target.json'
    target.write_text(json.dumps({'project_id': 'p', 'user_id': 'owner',
                                  'trustee_user_id': 'trustee'}))
    said = tool('oslopolicy-checker', '--policy', str(rules), '--access',
                str(access), '--target', str(target)).splitlines()
    assert 'passed: cluster:get' in said
    assert 'failed: cluster:create' in said
