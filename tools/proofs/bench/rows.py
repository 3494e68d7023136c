# SPDX-License-Identifier: Apache-2.0
"""The rows that are read: the same in the database of each release.

101 clusters of 5 templates, with two nodegroups each and every tenth with a
third; so a page of 100 has a next one.  Everything follows from a number, so
that all runs read the same.
"""

import datetime
import json
import uuid

import pymysql

from tools.minicloud import settings

CLUSTERS, TEMPLATES = 101, 5
TABLES = ('nodegroup', 'cluster', 'cluster_template')
MADE = datetime.datetime(2026, 1, 1)

LABELS = {
    'kube_tag': 'v1.31.4', 'boot_volume_size': '40',
    'boot_volume_type': 'void', 'etcd_volume_size': '10',
    'etcd_volume_type': 'void', 'cloud_provider_enabled': 'true',
    'cinder_csi_enabled': 'true', 'auto_healing_enabled': 'false',
    'availability_zone': 'nova', 'calico_ipv4pool': '10.100.0.0/16'}


def uuid_of(kind, number):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f'bench:{kind}:{number}'))


def address(number):
    return f'10.{number // 65536}.{number // 256 % 256}.{number % 256}'


def templates(project_id, user_id):
    for number in range(TEMPLATES):
        yield {
            'uuid': uuid_of('template', number), 'created_at': MADE,
            'name': f'template-{number}', 'project_id': project_id,
            'user_id': user_id, 'coe': 'kubernetes', 'server_type': 'vm',
            'cluster_distro': 'fedora-coreos', 'image_id': 'kube-v1.31.4',
            'driver': 'k8s_fedora_coreos_v1', 'keypair_id': 'testkey',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.medium',
            'external_network_id': 'public', 'dns_nameserver': '192.0.2.53',
            'network_driver': 'calico', 'volume_driver': 'cinder',
            'docker_volume_size': 20, 'labels': json.dumps(LABELS),
            'public': 0, 'hidden': 0, 'registry_enabled': 0,
            'tls_disabled': 0, 'master_lb_enabled': 1,
            'floating_ip_enabled': 1, 'tags': 'bench,stable'}


def clusters(project_id, user_id):
    for number in range(CLUSTERS):
        yield {
            'uuid': uuid_of('cluster', number), 'created_at': MADE,
            'updated_at': MADE, 'name': f'cluster-{number}',
            'cluster_template_id': uuid_of('template', number % TEMPLATES),
            'api_address': f'https://{address(number)}:6443',
            'stack_id': uuid_of('stack', number), 'project_id': project_id,
            'user_id': user_id, 'status': 'CREATE_COMPLETE',
            'create_timeout': 60, 'coe_version': 'v1.31.4',
            'container_version': '2.0.1', 'keypair': 'testkey',
            'docker_volume_size': 20, 'flavor_id': 'm1.small',
            'master_flavor_id': 'm1.medium', 'health_status': 'HEALTHY',
            'labels': json.dumps(LABELS | {'kube_tag': 'v1.32.1',
                                           'number': str(number)}),
            'health_status_reason': json.dumps(
                {'api': 'ok'} | {f'cluster-{number}-node-{node}.Ready': 'True'
                                 for node in range(4)}),
            'fixed_network': 'net', 'fixed_subnet': 'subnet',
            'floating_ip_enabled': 1, 'master_lb_enabled': 1,
            'trust_id': uuid_of('trust', number)}


def nodegroups(project_id):
    for number in range(CLUSTERS):
        groups = [('default-master', 'master', 1),
                  ('default-worker', 'worker', 3)]
        if number % 10 == 0:
            groups.append(('big', 'worker', 2))
        for name, role, count in groups:
            yield {
                'uuid': uuid_of(name, number), 'name': name,
                'created_at': MADE, 'cluster_id': uuid_of('cluster', number),
                'project_id': project_id, 'role': role, 'node_count': count,
                'min_node_count': 0, 'docker_volume_size': 20,
                'is_default': name != 'big', 'flavor_id': 'm1.small',
                'image_id': 'kube-v1.31.4', 'status': 'CREATE_COMPLETE',
                'stack_id': uuid_of('stack', number),
                'labels': json.dumps(LABELS), 'node_addresses': json.dumps(
                    [address(1000 + 10 * number + n) for n in range(count)])}


def fill(database, project_id, user_id):
    """Put the rows into a migrated database, in place of all it holds."""
    connection = pymysql.connect(
        host=settings.IP, port=settings.PORTS['mariadb'], user='cloud',
        password=settings.PASSWORD, database=database, autocommit=False)
    with connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'DELETE FROM {table}')
        for table, rows in (
                ('cluster_template', templates(project_id, user_id)),
                ('cluster', clusters(project_id, user_id)),
                ('nodegroup', nodegroups(project_id))):
            _insert(cursor, table, list(rows))
        connection.commit()
        # Statistics as of a database that has been in use.
        cursor.execute('ANALYZE TABLE ' + ', '.join(TABLES))


def _insert(cursor, table, rows):
    cursor.execute(f'SHOW COLUMNS FROM {table}')
    # Releases differ in a few columns.
    names = [name for name, *_ in cursor.fetchall() if name in rows[0]]
    cursor.executemany(
        f'INSERT INTO {table} ({", ".join(names)}) '
        f'VALUES ({", ".join(["%s"] * len(names))})',
        [[row.get(name) for name in names] for row in rows])
