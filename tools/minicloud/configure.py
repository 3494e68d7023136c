# SPDX-License-Identifier: Apache-2.0
"""Write the configuration of every service under RUN/etc.

Each service has one function; what most of them share is at the top.  Comments
stand where a plain default would not do.
"""

import shutil
import subprocess

from tools.minicloud import settings

AUTH_URL, MEMCACHED = settings.AUTH_URL, settings.MEMCACHED
IP, PASSWORD, PORTS = settings.IP, settings.PASSWORD, settings.PORTS
DATA, ETC, RUN, VENV = (settings.DATA, settings.ETC, settings.RUN,
                        settings.VENV)
url = settings.url
HEAT_ENGINES = 2


def everything():
    for configure in (keystone, glance, placement, nova, neutron, cinder,
                      barbican, octavia, heat, rabbitmq, clouds):
        configure()


def keystone():
    write('keystone', 'keystone.conf', {
        'DEFAULT': {'use_stderr': True, 'public_endpoint': url('keystone')},
        'database': database('keystone'),
        'token': {'provider': 'fernet', 'expiration': 86400,
                  'allow_expired_window': 172800},
        'fernet_tokens': {'key_repository': DATA / 'keystone/fernet-keys'},
        'fernet_receipts': {'key_repository': DATA / 'keystone/fernet-keys'},
        'credential': {'key_repository': DATA / 'keystone/credential-keys'},
        'cache': cache(),
        'oslo_messaging_notifications': {'driver': 'noop'},
        # The default of 12 rounds costs 0.25 s of CPU at every login.
        'identity': {'password_hash_algorithm': 'bcrypt',
                     'password_hash_rounds': 4},
    })
    # Its middleware keeps the token of the request in an attribute of its own:
    # with threads, one request now and then has the scope of another's token
    # and is refused with 403.
    uwsgi('keystone', 'keystone.wsgi.api', processes=4, threads=1,
          env=f'OS_KEYSTONE_CONFIG_DIR={ETC / "keystone"}')


def glance():
    for folder in ('images', 'staging', 'tasks'):
        (DATA / 'glance' / folder).mkdir(parents=True, exist_ok=True)
    write('glance', 'glance-api.conf', {
        **common('glance', enabled_backends='file:file',
                 worker_self_reference_url=url('glance')),
        'database': database('glance'),
        'paste_deploy': {'flavor': 'keystone', 'config_file':
                         ETC / 'glance/glance-api-paste.ini'},
        'glance_store': {'default_backend': 'file'},
        'file': {'filesystem_store_datadir': DATA / 'glance/images'},
        'os_glance_staging_store': {
            'filesystem_store_datadir': DATA / 'glance/staging'},
        'os_glance_tasks_store': {
            'filesystem_store_datadir': DATA / 'glance/tasks'},
        'image_format': {'require_image_format_match': False},
    }, paste='glance-api-paste.ini')
    uwsgi('glance', 'glance.wsgi.api', threads=4,
          env=f'OS_GLANCE_CONFIG_DIR={ETC / "glance"}')


def placement():
    write('placement', 'placement.conf', {
        'DEFAULT': {'use_stderr': True},
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': authtoken('placement'),
        'placement_database': database('placement'),
    })
    uwsgi('placement', 'placement.wsgi.api', threads=4,
          env=f'OS_PLACEMENT_CONFIG_DIR={ETC / "placement"}')


def nova():
    (DATA / 'nova/instances').mkdir(parents=True, exist_ok=True)
    write('nova', 'nova.conf', {
        # A driver of this class keeps its node's identity in state_path; the
        # plain FakeDriver cannot be started a second time.
        **common('nova', compute_driver='fake.FakeDriverWithoutFakeNodes',
                 my_ip=IP, host='cloud-1', state_path=DATA / 'nova',
                 instances_path=DATA / 'nova/instances', report_interval=20,
                 service_down_time=120, sync_power_state_interval=-1,
                 ram_allocation_ratio=16, cpu_allocation_ratio=16),
        'api': {'auth_strategy': 'keystone'},
        'api_database': database('nova_api'),
        'database': database('nova_cell1'),
        'conductor': {'workers': 1},
        # Puts the host into its cell; until then every server is an ERROR.
        'scheduler': {'workers': 1, 'discover_hosts_in_cells_interval': 5},
        'placement': user('placement'),
        'neutron': user('neutron'),
        'glance': {'api_servers': url('glance')},
        'cinder': {**user('cinder'),
                   'catalog_info': 'block-storage::internalURL'},
        'keystone': user('nova'),
        'key_manager': {'backend': 'barbican'},
        'barbican': {'auth_endpoint': AUTH_URL,
                     'barbican_endpoint': url('barbican')},
        'vnc': {'enabled': False},
        'quota': unlimited('instances cores ram key_pairs server_groups '
                           'server_group_members'),
        'wsgi': {'api_paste_config': ETC / 'nova/api-paste.ini'},
    }, paste='api-paste.ini')
    uwsgi('nova-api', 'nova.wsgi.osapi_compute', threads=8,
          env=f'OS_NOVA_CONFIG_DIR={ETC / "nova"}')


def neutron():
    write('neutron', 'neutron.conf', {
        **common('neutron', core_plugin='ml2', service_plugins='router',
                 state_path=DATA / 'neutron', rpc_workers=0,
                 api_paste_config=ETC / 'neutron/api-paste.ini',
                 dhcp_agent_notification=False,
                 enable_traditional_dhcp=False, max_allowed_address_pair=50),
        'database': database('neutron'),
        'nova': user('nova'),
        'placement': user('placement'),
        'quotas': unlimited(
            'quota_network quota_subnet quota_port quota_router '
            'quota_floatingip quota_security_group '
            'quota_security_group_rule'),
        'ml2': {'type_drivers': 'flat,vxlan', 'tenant_network_types': 'vxlan',
                'mechanism_drivers': 'minicloud',
                'extension_drivers': 'port_security'},
        'ml2_type_flat': {'flat_networks': 'public'},
        'ml2_type_vxlan': {'vni_ranges': '1:100000'},
    }, paste='api-paste.ini')
    uwsgi('neutron-api', 'neutron.wsgi.api', threads=8,
          env=f'OS_NEUTRON_CONFIG_DIR={ETC / "neutron"}',
          more_env='OS_NEUTRON_CONFIG_FILES=neutron.conf')


def cinder():
    write('cinder', 'cinder.conf', {
        **common('cinder', enabled_backends='void', my_ip=IP, host='cloud-1',
                 default_volume_type='void', state_path=DATA / 'cinder',
                 api_paste_config=ETC / 'cinder/api-paste.ini',
                 glance_api_servers=url('glance'),
                 resource_query_filters_file=VENV /
                 'etc/cinder/resource_filters.json',
                 **unlimited('quota_volumes quota_gigabytes '
                             'quota_snapshots')),
        'database': database('cinder'),
        'void': {'volume_driver': 'minicloud.volumes.VoidDriver',
                 'volume_backend_name': 'void'},
        'nova': user('nova', interface='internal'),
        'coordination': {
            'backend_url': f'file://{DATA / "cinder/coordination"}'},
        'key_manager': {'backend': 'barbican'},
        'barbican': {'auth_endpoint': AUTH_URL,
                     'barbican_endpoint': url('barbican')},
    }, paste='api-paste.ini')
    uwsgi('cinder-api', 'cinder.wsgi.api',
          pyargv=f'--config-file {ETC / "cinder/cinder.conf"}')


def barbican():
    groups = common('barbican', host_href=url('barbican'),
                    db_auto_create=False,
                    sql_connection=settings.database_url('barbican'),
                    max_allowed_secret_in_bytes=65536)
    write('barbican', 'barbican.conf', {
        **groups,
        'database': database('barbican'),
        'secretstore': {'namespace': 'barbican.secretstore.plugin',
                        'enabled_secretstore_plugins': 'store_crypto'},
        'crypto': {'namespace': 'barbican.crypto.plugin',
                   'enabled_crypto_plugins': 'simple_crypto'},
        'simple_crypto_plugin': {
            'kek': "'bWluaWNsb3VkLW1pbmljbG91ZC1taW5pY2xvdWQtMTI='"},
        'queue': {'enable': False},
    }, paste='barbican-api-paste.ini')
    # It reads ~/.barbican/barbican.conf, and no option says otherwise; its
    # own WSGI module has /etc built in.
    (RUN / 'home').mkdir(exist_ok=True)
    link = RUN / 'home/.barbican'
    if not link.is_symlink():
        link.symlink_to(ETC / 'barbican')
    uwsgi('barbican', 'minicloud.barbican', threads=4,
          env=f'HOME={RUN / "home"}',
          more_env=f'BARBICAN_PASTE={ETC / "barbican"}/'
                   'barbican-api-paste.ini')


def octavia():
    certs = DATA / 'octavia/certs'
    certs.mkdir(parents=True, exist_ok=True)
    if not (certs / 'ca.key').exists():
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
             '-days', '3650', '-subj', '/CN=minicloud', '-keyout',
             certs / 'ca.key', '-out', certs / 'ca.pem'],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    write('octavia', 'octavia.conf', {
        **common('octavia'),
        'database': database('octavia'),
        'api_settings': {
            'auth_strategy': 'keystone', 'api_base_uri': url('octavia'),
            'enabled_provider_drivers': 'amphora: No amphora is real.',
            'default_provider_driver': 'amphora'},
        'oslo_messaging': {'topic': 'octavia_prov',
                           'rpc_thread_pool_size': 2},
        'controller_worker': {
            'workers': 1, 'amphora_driver': 'amphora_noop_driver',
            'compute_driver': 'compute_noop_driver',
            'network_driver': 'minicloud_network_driver',
            'image_driver': 'image_noop_driver',
            'volume_driver': 'volume_noop_driver',
            'distributor_driver': 'distributor_noop_driver',
            'loadbalancer_topology': 'SINGLE', 'amp_flavor_id': '1',
            'amp_image_tag': 'amphora', 'amp_ssh_key_name': '',
            'amp_boot_network_list':
                '00000000-0000-0000-0000-000000000001',
            'client_ca': certs / 'ca.pem', 'amphora_delete_retries': 1},
        'certificates': {'cert_generator': 'local_cert_generator',
                         'cert_manager': 'barbican_cert_manager',
                         'ca_certificate': certs / 'ca.pem',
                         'ca_private_key': certs / 'ca.key'},
        'haproxy_amphora': {'server_ca': certs / 'ca.pem',
                            'client_cert': certs / 'ca.pem'},
        'health_manager': {'heartbeat_key': 'minicloud', 'bind_ip': IP},
        'service_auth': user('octavia'),
        'neutron': {'region_name': 'RegionOne'},
        'nova': {'region_name': 'RegionOne'},
        'task_flow': {'engine': 'serial', 'jobboard_enabled': False},
        'quotas': unlimited(
            'default_load_balancer_quota default_listener_quota '
            'default_member_quota default_pool_quota '
            'default_health_monitor_quota'),
    })
    uwsgi('octavia-api', 'octavia.wsgi.api',
          pyargv=f'--config-file {ETC / "octavia/octavia.conf"}')


def heat():
    # No project here: Heat scopes these credentials to a trust, and every
    # signal would fail in the engine if they had a scope already.
    trustee = {k: v for k, v in user('heat').items()
               if not k.startswith('project')}
    write('heat', 'heat.conf', {
        **common('heat', num_engine_workers=HEAT_ENGINES,
                 stack_user_domain_name='heat',
                 stack_domain_admin='heat_domain_admin',
                 stack_domain_admin_password=PASSWORD,
                 auth_encryption_key='0123456789abcdef0123456789abcdef',
                 deferred_auth_method='trusts', plugin_dirs='',
                 region_name_for_services='RegionOne',
                 environment_dir=ETC / 'heat/environment.d',
                 template_dir=ETC / 'heat/templates',
                 max_stacks_per_tenant=-1, max_resources_per_stack=-1,
                 server_keystone_endpoint_type='public',
                 default_software_config_transport='POLL_SERVER_HEAT',
                 default_deployment_signal_transport='HEAT_SIGNAL'),
        'database': database('heat'),
        'trustee': trustee,
        'clients_keystone': {'auth_uri': url('keystone')},
        'clients': {'endpoint_type': 'publicURL'},
        'paste_deploy': {'api_paste_config': ETC / 'heat/api-paste.ini'},
    }, paste='api-paste.ini')
    for folder in ('environment.d', 'templates'):
        shutil.copytree(VENV / 'etc/heat' / folder, ETC / 'heat' / folder,
                        dirs_exist_ok=True)
    uwsgi('heat-api', 'heat.wsgi.api',
          pyargv=f'--config-file {ETC / "heat/heat.conf"}')


def rabbitmq():
    (ETC / 'rabbitmq').mkdir(exist_ok=True)
    (ETC / 'rabbitmq/enabled_plugins').write_text('[].\n')
    (ETC / 'rabbitmq/rabbitmq.conf').write_text(lines({
        'listeners.tcp.1': f'{IP}:{PORTS["rabbitmq"]}',
        'default_user': 'cloud', 'default_pass': PASSWORD,
        'loopback_users': 'none', 'log.console': 'true', 'log.file': 'false',
        'log.console.level': 'warning',
        'disk_free_limit.absolute': '200MB',
        'vm_memory_high_watermark.absolute': '1GB'}))


def clouds():
    text = ['clouds:']
    for name, username, project in (
            ('admin', 'admin', 'admin'), ('demo', 'demo', 'demo'),
            ('demo2', 'demo2', 'demo2'), ('reader', 'demo-reader', 'demo'),
            ('service', 'magnum', 'service')):
        text += [
            f'  {name}:', '    region_name: RegionOne',
            '    identity_api_version: 3', '    auth:',
            f'      auth_url: {AUTH_URL}', f'      username: {username}',
            f'      password: {PASSWORD}', f'      project_name: {project}',
            '      user_domain_name: Default',
            '      project_domain_name: Default']
    settings.CLOUDS.write_text('\n'.join(text) + '\n')


# What the services share.

def user(name, **more):
    """keystoneauth's options of a service user."""
    return {'auth_type': 'password', 'auth_url': AUTH_URL, 'username': name,
            'password': PASSWORD, 'user_domain_name': 'Default',
            'project_domain_name': 'Default', 'project_name': 'service',
            'region_name': 'RegionOne', **more}


def authtoken(name):
    return {**user(name), 'www_authenticate_uri': AUTH_URL,
            'memcached_servers': MEMCACHED, 'interface': 'internal',
            'service_token_roles': 'service',
            'service_token_roles_required': True}


def cache():
    return {'enabled': True, 'backend': 'dogpile.cache.memcached',
            'memcache_servers': MEMCACHED}


def database(name):
    # Small pools: some twenty processes share one MariaDB.
    return {'connection': settings.database_url(name), 'max_pool_size': 10,
            'max_overflow': 20, 'connection_recycle_time': 3000}


def common(name, **more):
    return {
        'DEFAULT': {'transport_url': settings.TRANSPORT_URL,
                    'use_stderr': True, 'log_options': False,
                    'rpc_response_timeout': 60,
                    'graceful_shutdown_timeout': 5, **more},
        'keystone_authtoken': authtoken(name),
        'oslo_messaging_notifications': {'driver': 'noop'},
        'oslo_concurrency': {'lock_path': DATA / name / 'lock'},
        # Cinder refuses a detach that comes without a service's token.
        'service_user': {**user(name), 'send_service_user_token': True},
        'cache': cache(),
    }


def unlimited(names):
    return dict.fromkeys(names.split(), -1)


def lines(options):
    return ''.join(f'{k} = {v}\n' for k, v in options.items())


def write(service, name, groups, paste=None):
    (DATA / service / 'lock').mkdir(parents=True, exist_ok=True)
    (ETC / service).mkdir(exist_ok=True)
    (ETC / service / name).write_text('\n'.join(
        f'[{group}]\n{lines(options)}' for group, options in groups.items()))
    if paste:
        shutil.copy(VENV / 'etc' / service / paste, ETC / service / paste)


def uwsgi(name, module, processes=1, threads=6, env='', more_env='',
          pyargv=''):
    service = name.removesuffix('-api')
    (ETC / 'uwsgi').mkdir(exist_ok=True)
    options = {
        'http-socket': f'{IP}:{PORTS[service]}',
        'module': f'{module}:application', 'need-app': 'true',
        'master': 'true', 'processes': processes, 'threads': threads,
        'enable-threads': 'true', 'lazy-apps': 'true', 'die-on-term': 'true',
        'thunder-lock': 'true', 'buffer-size': 65535, 'listen': 100,
        'add-header': 'Connection: close', 'disable-logging': 'true',
        'log-5xx': 'true', 'wsgi-manual-chunked-input': 'true'}
    text = '[uwsgi]\n' + lines(options)
    text += ''.join(f'env = {e}\n' for e in (env, more_env) if e)
    text += f'pyargv = {pyargv}\n' if pyargv else ''
    (ETC / 'uwsgi' / f'{name}.ini').write_text(text)
