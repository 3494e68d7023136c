# SPDX-License-Identifier: Apache-2.0
"""What magnum-status finds, and how bad it says that is."""

import json
import subprocess
import sys

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
import pytest
import sqlalchemy as sa

from magnum.cmd import status
from magnum import config
from magnum.db import models
from magnum.db import session
from magnum import drivers
from magnum.drivers import base
from magnum import identity
from magnum import openstack
from magnum.tests import databases
from magnum.tests.fakes import web

CONF = cfg.CONF

cloud = web.cloud

LOGIN = """
[keystone_auth]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = magnum
password = secret
user_domain_name = Default
project_name = service
project_domain_name = Default
"""

SUCCESS = upgradecheck.Code.SUCCESS
WARNING = upgradecheck.Code.WARNING
FAILURE = upgradecheck.Code.FAILURE


class Kubernetes:
    provides = (base.ClusterType('vm', 'ubuntu', 'kubernetes'),)
    beta = False


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(drivers, '_installed',
                        lambda: {'k8s_x': Kubernetes()})


@pytest.fixture
def configure(tmp_path):
    """Read a configuration file of this text."""
    def configure(text):
        (tmp_path / 'magnum.conf').write_text(text)
        config.parse([], config_files=[str(tmp_path / 'magnum.conf')])
    openstack.reset()
    identity.reset()
    configure('')
    yield configure
    CONF.clear()
    # The library has declared them as required.
    CONF.unregister_opts(loading.get_auth_plugin_conf_options('password'),
                         group='keystone_authtoken')
    openstack.reset()
    identity.reset()


@pytest.fixture
def checks(sqlite_database):
    return status.Checks()


def add(*rows):
    with session.writer() as writer:
        writer.add_all(rows)


def template(uuid='t', **columns):
    return models.ClusterTemplate(**{
        'uuid': uuid, 'coe': 'kubernetes', 'cluster_distro': 'ubuntu',
        'server_type': 'vm'} | columns)


def cluster(uuid='c', **columns):
    return models.Cluster(**{'uuid': uuid, 'cluster_template_id': 't',
                             'status': 'CREATE_COMPLETE'} | columns)


def sql(statement):
    with session.engine().begin() as connection:
        connection.execute(sa.text(statement))


def rows_checks(checks):
    return [checks.cluster_drivers(), checks.removed_coes(), checks.trusts(),
            checks.stuck_clusters(), checks.conductor_names()]


def test_a_sound_database_passes(checks):
    add(template(), template('u', driver='k8s_x', cluster_distro=None),
        cluster(trust_id='x', trustee_user_id='y'),
        cluster('d', cluster_template_id='u'))
    assert checks.database_revision().code == SUCCESS
    assert {r.code for r in rows_checks(checks)} == {SUCCESS}


def test_a_database_that_is_behind_is_a_failure(checks):
    sql("UPDATE alembic_version SET version_num = 'c0f832afc4fd'")
    result = checks.database_revision()
    assert result.code == FAILURE
    assert 'c0f832afc4fd' in result.details
    assert 'magnum-db-manage upgrade' in result.details


def test_a_database_that_is_too_old_is_a_failure(checks):
    sql("UPDATE alembic_version SET version_num = '7da8489d6a68'")
    result = checks.database_revision()
    assert result.code == FAILURE
    assert '18.0.0 to 22.0.0' in result.details


def test_an_empty_database_only_lacks_its_schema(tmp_path):
    with databases.connected(f'sqlite:///{tmp_path}/empty.sqlite'):
        checks = status.Checks()
        assert checks.database_revision().code == FAILURE
        assert {r.code for r in rows_checks(checks)} == {SUCCESS}


def test_no_database_is_one_failure_and_nothing_worse(tmp_path):
    with databases.connected(f'sqlite:///{tmp_path}/none/x.sqlite'):
        checks = status.Checks()
        assert checks.database_revision().code == FAILURE
        assert {r.code for r in rows_checks(checks)} == {WARNING}


@pytest.mark.parametrize('columns', [
    {'driver': 'k8s_fedora_coreos_v1'},
    {'cluster_distro': 'fedora-coreos'},
    {'coe': 'swarm-mode'},
    {'server_type': 'bm'},
])
def test_a_cluster_without_a_driver_is_named(checks, columns):
    add(template(**columns), cluster('lost'))
    result = checks.cluster_drivers()
    assert result.code == WARNING
    assert '1 cluster (lost)' in result.details


def test_a_cluster_without_a_template_is_named(checks):
    add(cluster('lost', cluster_template_id='gone'))
    assert checks.cluster_drivers().code == WARNING


def test_a_disabled_driver_takes_care_of_nothing(checks, configure):
    configure('[drivers]\ndisabled_drivers = k8s_x')
    add(template(), cluster('lost'))
    assert checks.cluster_drivers().code == WARNING


def test_of_many_only_some_are_named(checks):
    add(*(cluster(f'c{n}', cluster_template_id='gone') for n in range(9)))
    assert ('9 clusters (c0, c1, c2, c3, c4 and 4 more)'
            in checks.cluster_drivers().details)


def test_templates_of_removed_coes_are_named(checks):
    add(template('old', coe='swarm-mode'), template('new'),
        template('odd', coe=None))
    result = checks.removed_coes()
    assert result.code == WARNING
    assert '1 cluster template (old)' in result.details


def test_trustees_that_nobody_will_remove_are_named(checks):
    add(template(driver='gone'), cluster('left', trustee_user_id='u'),
        cluster('without'))
    result = checks.trusts()
    assert result.code == WARNING
    assert '1 cluster (left)' in result.details


def test_the_loss_of_all_trustees_is_told(checks):
    for name in ('trust_id', 'trustee_user_id', 'trustee_username',
                 'trustee_password'):
        sql(f'ALTER TABLE cluster DROP COLUMN {name}')
    assert checks.trusts().code == WARNING
    assert checks.stuck_clusters().code == SUCCESS


def operation(cluster_uuid, **columns):
    return models.Operation(uuid=cluster_uuid, cluster_uuid=cluster_uuid,
                            kind='create', not_before=models.utcnow(),
                            **columns)


def test_a_cluster_that_nobody_works_on_is_named(checks):
    add(cluster('stuck', status='CREATE_IN_PROGRESS'),
        operation('stuck', state='FAILED'),
        cluster('busy', status='UPDATE_IN_PROGRESS'), operation('busy'))
    result = checks.stuck_clusters()
    assert result.code == WARNING
    assert '1 cluster (stuck)' in result.details


def test_before_the_upgrade_nobody_works_on_anything(checks):
    sql('DROP TABLE operation')
    add(cluster('stuck', status='DELETE_IN_PROGRESS'))
    assert checks.stuck_clusters().code == WARNING


def test_several_conductors_without_a_name_are_told(checks):
    add(models.MagnumService(binary='magnum-conductor'))
    assert checks.conductor_names().code == SUCCESS
    add(models.MagnumService(binary='magnum-conductor'))
    assert checks.conductor_names().code == WARNING


def test_a_complete_login_passes(configure):
    configure(LOGIN)
    assert status.Checks().service_credentials().code == SUCCESS


def test_no_login_is_a_failure(configure):
    result = status.Checks().service_credentials()
    assert result.code == FAILURE
    assert 'keystone_auth' in result.details


def test_a_login_without_a_user_is_a_failure(configure):
    configure(LOGIN.replace('username = magnum', ''))
    result = status.Checks().service_credentials()
    assert result.code == FAILURE
    assert 'user' in result.details
    assert 'secret' not in result.details


def test_the_database_as_certificate_store_is_in_reach(sqlite_database,
                                                       configure):
    configure('[certificates]\ncert_manager_type = x509keypair')
    assert status.Checks().certificate_store().code == SUCCESS


def test_an_unknown_certificate_store_is_told(configure):
    configure('[certificates]\ncert_manager_type = shoebox')
    result = status.Checks().certificate_store()
    assert result.code == WARNING
    assert 'shoebox' in result.details


def test_barbican_out_of_reach_is_told(configure):
    configure(LOGIN)
    assert status.Checks().certificate_store().code == WARNING


def test_a_policy_file_in_json_is_a_failure_of_the_command(tmp_path):
    (tmp_path / 'policy.json').write_text('{"a": "b"}')
    (tmp_path / 'magnum.conf').write_text(
        f'[database]\nconnection = sqlite:///{tmp_path}/magnum.sqlite\n'
        f'[oslo_policy]\npolicy_file = {tmp_path}/policy.json\n')
    run = subprocess.run(
        [sys.executable, '-c',
         'import sys; from magnum.cmd import status; sys.exit(status.main())',
         '--config-file', str(tmp_path / 'magnum.conf'),
         'upgrade', 'check', '--json'],
        capture_output=True, text=True, timeout=60)
    assert run.returncode == 2, run.stderr
    report = json.loads(run.stdout)
    assert report['name'] == 'Upgrade Check Results'
    assert report['checks'][0]['check'] == (
        'Policy File JSON to YAML Migration')
    assert report['checks'][0]['result'] == 2
    assert set(report['checks'][0]) == {'check', 'result', 'details'}


def test_secrets_in_the_database_want_keys(configure):
    configure(LOGIN + '[certificates]\ncert_manager_type = x509keypair')
    result = status.Checks().encryption_keys()
    assert result.code == WARNING
    assert result.details.startswith(
        '[journal] seal_keys and [certificates] encryption_keys: ')


@pytest.mark.parametrize('store', ['x509keypair', 'barbican'])
def test_each_option_without_a_key_is_named(configure, store):
    key = f'{"A" * 43}='
    kept = (f'[certificates]\ncert_manager_type = {store}\n'
            f'encryption_keys = {key}\n')
    configure(LOGIN + kept)
    assert status.Checks().encryption_keys().details.startswith(
        '[journal] seal_keys: ')
    configure(LOGIN + kept + f'[journal]\nseal_keys = {key}')
    assert status.Checks().encryption_keys().code == SUCCESS


def test_a_key_with_a_typing_error_is_a_failure(configure):
    configure(LOGIN + '[journal]\nseal_keys = changeme')
    result = status.Checks().encryption_keys()
    assert result.code == FAILURE
    assert '[journal] seal_keys' in result.details


TOKENS = LOGIN.replace('keystone_auth]', 'keystone_authtoken]')
TRUST = """
[trust]
cluster_user_trust = true
trustee_domain_name = trustees
trustee_domain_admin_name = admin
trustee_domain_admin_password = secret
"""


def test_tokens_can_be_checked(configure):
    configure(TOKENS)
    assert status.Checks().token_validation().code == SUCCESS


@pytest.mark.parametrize('text, reason', [
    ('', '[keystone_authtoken] auth_type is not set'),
    (TOKENS.replace('auth_url', '#'), 'auth_url')])
def test_tokens_that_nobody_could_check_are_a_failure(configure, text,
                                                      reason):
    configure(text)
    result = status.Checks().token_validation()
    assert result.code == FAILURE
    assert reason in result.details


def test_a_cloud_that_does_not_answer_is_told(configure):
    configure(LOGIN)
    result = status.Checks().cloud()
    assert result.code == WARNING
    assert 'log in' in result.details
    configure('')
    assert status.Checks().cloud().code == WARNING


def test_a_cloud_that_cannot_build_is_told(cloud):
    assert status.Checks().cloud().code == SUCCESS
    del cloud.keystone.services['orchestration']
    cloud.connect()
    result = status.Checks().cloud()
    assert result.code == WARNING
    assert 'Heat' in result.details


def test_clusters_without_a_login_are_told(configure):
    configure(LOGIN)
    result = status.Checks().trustee_domain()
    assert result.code == WARNING
    assert 'cluster_user_trust is off' in result.details


def test_a_trustee_domain_that_is_not_named_is_a_failure(configure):
    configure(LOGIN + TRUST.replace('trustee_domain_name', '#'))
    result = status.Checks().trustee_domain()
    assert result.code == FAILURE
    assert '[trust] trustee_domain_id' in result.details


def test_a_trustee_domain_out_of_reach_is_told(configure):
    configure(LOGIN + TRUST)
    assert status.Checks().trustee_domain().code == WARNING


def test_the_admin_of_the_trustee_domain_logs_in(cloud):
    CONF.set_override('cluster_user_trust', True, 'trust')
    try:
        assert status.Checks().trustee_domain().code == SUCCESS
        CONF.set_override('trustee_domain_admin_password', 'wrong', 'trust')
        identity.reset()
        assert status.Checks().trustee_domain().code == WARNING
    finally:
        CONF.clear_override('cluster_user_trust', 'trust')
