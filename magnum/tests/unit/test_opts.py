# SPDX-License-Identifier: Apache-2.0
"""A magnum.conf of release 22.0.0 or 23.0.0 means what it did.

The table is the configuration contract: type and default of every option
that anything reads, our drivers or those of other packages.
"""

import ast
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys

from oslo_config import cfg
import pytest

import magnum
from magnum.openstack import options as client_options
from magnum import opts

TLS = {'ca_file': ('str', None), 'cert_file': ('str', None),
       'key_file': ('str', None), 'insecure': ('bool', False)}


def client(version=None, tls=True):
    options = {'region_name': ('str', None),
               'endpoint_type': ('str', 'publicURL')}
    if version:
        options['api_version'] = ('str', version)
    return options | (TLS if tls else {})


CONTRACT = {
    None: {
        # Their defaults differ on purpose: see the release notes.
        'host': ('host', ...),
        'state_path': ('str', ...),
        'pybasedir': ('str', ...),
        'periodic_enable': ('bool', True),
        'periodic_interval_max': ('int', 60),
        'service_down_time': ('int', 180),
        'password_symbols': ('list', ['23456789', 'ABCDEFGHJKLMNPQRSTUVWXYZ',
                                      'abcdefghijkmnopqrstuvwxyz']),
    },
    'api': {
        'host': ('ip', '127.0.0.1'),
        'port': ('port', 9511),
        'workers': ('int', None),
        'enabled_ssl': ('bool', False),
        'ssl_cert_file': ('str', None),
        'ssl_key_file': ('str', None),
        'max_limit': ('int', 1000),
        'api_paste_config': ('str', 'api-paste.ini'),
    },
    'conductor': {
        'topic': ('str', 'magnum-conductor'),
        'workers': ('int', None),
    },
    'certificates': {
        'cert_manager_type': ('str', 'barbican'),
        'storage_path': ('str', '/var/lib/magnum/certificates/'),
    },
    'x509': {
        'allow_ca': ('bool', False),
        'allowed_extensions': ('list', [
            'keyUsage', 'extendedKeyUsage', 'subjectAltName',
            'basicConstraints', 'subjectKeyIdentifier']),
        'allowed_key_usage': ('list', ['Digital Signature',
                                       'Key Encipherment',
                                       'Non Repudiation']),
        'term_of_validity': ('int', 1825),
        'rsa_key_size': ('int', 2048),
    },
    'cluster': {
        'temp_cache_dir': ('str', '/var/lib/magnum/certificate-cache'),
        'pre_delete_lb_timeout': ('int', 60),
        'etcd_discovery_service_endpoint_format': (
            'str', 'https://discovery.etcd.io/new?size=%(size)d'),
        'nodes_affinity_policy': ('str', 'soft-anti-affinity'),
    },
    'cluster_template': {
        'kubernetes_allowed_network_drivers': ('list', ['flannel', 'calico']),
        'kubernetes_default_network_driver': ('str', 'flannel'),
    },
    'cluster_heat': {
        'create_timeout': ('int', 60),
    },
    'drivers': {
        'disabled_drivers': ('list', []),
        'enabled_beta_drivers': ('list', []),
        'default_driver': ('str', None),
        'verify_ca': ('bool', True),
        'openstack_ca_file': ('str', ''),
    },
    'quotas': {
        'max_clusters_per_project': ('int', 20),
    },
    'kubernetes': {
        'health_polling_interval': ('int', 60),
        'keystone_auth_default_policy': (
            'str', '/etc/magnum/keystone_auth_default_policy.json'),
        'post_install_manifest_url': ('str', ''),
    },
    'cinder': {
        'default_boot_volume_size': ('int', 0),
        'default_boot_volume_type': ('str', ''),
        'default_etcd_volume_type': ('str', ''),
        'default_docker_volume_type': ('str', ''),
    },
    'trust': {
        'cluster_user_trust': ('bool', False),
        'trustee_domain_id': ('str', None),
        'trustee_domain_name': ('str', None),
        'trustee_domain_admin_id': ('str', None),
        'trustee_domain_admin_name': ('str', None),
        'trustee_domain_admin_domain_id': ('str', None),
        'trustee_domain_admin_domain_name': ('str', None),
        'trustee_domain_admin_password': ('str', None),
        'roles': ('list', []),
        'trustee_keystone_interface': ('str', 'public'),
        'trustee_keystone_region_name': ('str', None),
    },
    'barbican_client': client(tls=False),
    'cinder_client': client('3'),
    'glance_client': client('2'),
    'heat_client': client('1'),
    'magnum_client': client(tls=False),
    'neutron_client': client(),
    'nova_client': client('2'),
    'octavia_client': client(),
    'docker_registry': {
        'swift_region': ('str', None),
        'swift_registry_container': ('str', 'docker_registry'),
    },
}

KINDS = {'str': cfg.StrOpt, 'int': cfg.IntOpt, 'bool': cfg.BoolOpt,
         'list': cfg.ListOpt, 'port': cfg.PortOpt, 'ip': cfg.IPOpt,
         'host': cfg.HostAddressOpt}


def listed():
    """All options of `list_opts` by group and name."""
    found = {}
    for group, options in opts.list_opts():
        name = None if group in (None, 'DEFAULT') else str(group)
        found.setdefault(name, {}).update({o.dest: o for o in options})
    return found


@pytest.mark.parametrize('group, name', [
    (group, name) for group in CONTRACT for name in CONTRACT[group]])
def test_an_option_of_the_releases_before_is_still_there(group, name):
    kind, default = CONTRACT[group][name]
    option = listed().get(group, {}).get(name)
    assert option is not None, 'missing'
    assert isinstance(option, KINDS[kind])
    if default is not ...:
        assert option.default == default
    registered = cfg.CONF if group is None else cfg.CONF[group]
    assert name in registered


def test_the_service_user_is_in_the_sample():
    assert {'auth_type', 'auth_url', 'username', 'password', 'cafile',
            'timeout'} <= set(listed()['keystone_auth'])


def test_the_old_name_of_the_cluster_group_is_honoured(tmp_path):
    conf = cfg.ConfigOpts()
    conf.register_opts(list(listed()['cluster'].values()), group='cluster')
    (tmp_path / 'magnum.conf').write_text(
        '[bay]\netcd_discovery_service_endpoint_format = http://etcd\n')
    conf(['--config-file', str(tmp_path / 'magnum.conf')])
    assert conf.cluster.etcd_discovery_service_endpoint_format == (
        'http://etcd')


def test_secrets_are_marked_as_such():
    for group, options in listed().items():
        for name, option in options.items():
            if name.endswith(('password', '_keys')):
                assert option.secret, f'[{group}] {name}'


def test_every_option_says_what_it_is_for():
    for group, options in listed().items():
        for name, option in options.items():
            assert option.help, f'[{group}] {name}'


# Accepted because files of earlier releases have them, or because drivers of
# other packages read them; ours do without.
WITHOUT_EFFECT = {
    ('certificates', 'storage_path'), ('cluster', 'temp_cache_dir'),
    ('cluster', 'pre_delete_lb_timeout'),
    ('cluster', 'etcd_discovery_service_endpoint_format'),
    ('kubernetes', 'keystone_auth_default_policy'),
    ('docker_registry', 'swift_region'),
    ('docker_registry', 'swift_registry_container'),
    ('cinder_client', 'api_version'), ('glance_client', 'api_version'),
    ('heat_client', 'api_version'), ('nova_client', 'api_version')}


def words_of_the_code():
    """All attributes and texts in the product, but for names of options."""
    found = set()
    root = pathlib.Path(magnum.__file__).parent
    for path in root.rglob('*.py'):
        if root / 'tests' in path.parents:
            continue
        tree = ast.parse(path.read_text())
        names = {id(node.args[0]) for node in ast.walk(tree)
                 if isinstance(node, ast.Call) and node.args
                 and ast.unparse(node.func).endswith('Opt')}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif (isinstance(node, ast.Constant) and id(node) not in names
                  and isinstance(node.value, str)):
                found |= {node.value, *re.findall(r'\$(\w+)', node.value)}
    return found


def test_every_option_is_read_or_listed_as_without_effect():
    words = words_of_the_code()
    unread = {(group, name) for group, options in listed().items()
              # keystoneauth reads its own.
              if group != client_options.AUTH_GROUP
              for name in options if name not in words}
    assert unread == WITHOUT_EFFECT


@pytest.mark.parametrize(('group', 'name'), sorted(WITHOUT_EFFECT))
def test_an_option_without_effect_says_so(group, name):
    text = listed()[group][name].help
    assert text.startswith(('Ignored', 'For drivers of other packages'))


def test_no_list_of_options_is_forgotten():
    known = {id(o) for options in listed().values() for o in options.values()}
    for module in pkgutil.walk_packages(magnum.__path__, 'magnum.'):
        # Importing these does something.
        if module.name.startswith(('magnum.tests', 'magnum.wsgi.',
                                   'magnum.db.migrations')):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.endswith('OPTS') and isinstance(value, list):
                forgotten = [o.dest for o in value if id(o) not in known]
                assert forgotten == [], f'{module.name}.{name}'


@pytest.mark.parametrize('namespace', ['magnum', 'magnum.conf'])
def test_a_sample_can_be_generated_with_our_defaults(namespace, tmp_path):
    sample = tmp_path / 'magnum.conf.sample'
    subprocess.run([sys.executable, '-m', 'oslo_config.generator',
                    '--namespace', namespace,
                    '--namespace', 'oslo.middleware.cors',
                    '--output-file', str(sample)], check=True, timeout=60)
    text = sample.read_text()
    for group in CONTRACT:
        assert f'[{group or "DEFAULT"}]' in text
    assert '#allow_methods = GET,PUT,POST,DELETE,PATCH' in text
    assert ',X-Container-Infra-Operation\n' in text
