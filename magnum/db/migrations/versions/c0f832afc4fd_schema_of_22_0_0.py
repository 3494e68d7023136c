# SPDX-License-Identifier: Apache-2.0
"""Schema of release 22.0.0

The whole of it in one step, for an empty database.  Order of the columns,
NULLs and names of the constraints are those that a database has in the field
after the 75 steps that led there; `bay` and `baymodel` are what clusters and
templates were called until 2016.
"""

import sqlalchemy as sa

from magnum.db.migrations import repeatable

revision = 'c0f832afc4fd'
down_revision = None


def upgrade():
    repeatable.create_table(
        'cluster',
        *times(), key(),
        sa.Column('uuid', sa.String(36)),
        *texts('name', 'cluster_template_id', 'api_address', 'stack_id',
               'project_id', 'user_id'),
        sa.Column('status', sa.String(20)),
        *texts('discovery_url'),
        sa.Column('status_reason', sa.Text),
        sa.Column('ca_cert_ref', sa.String(512)),
        sa.Column('magnum_cert_ref', sa.String(512)),
        sa.Column('create_timeout', sa.Integer),
        *texts('trust_id', 'trustee_username', 'trustee_user_id',
               'trustee_password', 'coe_version', 'container_version',
               'keypair'),
        sa.Column('docker_volume_size', sa.Integer),
        sa.Column('labels', sa.Text),
        *texts('master_flavor_id', 'flavor_id'),
        sa.Column('health_status', sa.String(20)),
        sa.Column('health_status_reason', sa.Text),
        *texts('fixed_network', 'fixed_subnet'),
        *flags('floating_ip_enabled', 'master_lb_enabled'),
        sa.Column('etcd_ca_cert_ref', sa.String(512)),
        sa.Column('front_proxy_ca_cert_ref', sa.String(512)),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_bay0uuid'))
    repeatable.create_table(
        'cluster_template',
        *times(), key(),
        sa.Column('uuid', sa.String(36)),
        *texts('name', 'flavor_id', 'keypair_id', 'image_id',
               'external_network_id', 'dns_nameserver'),
        sa.Column('apiserver_port', sa.Integer),
        *texts('project_id', 'user_id'),
        sa.Column('docker_volume_size', sa.Integer),
        *texts('fixed_network', 'master_flavor_id', 'cluster_distro', 'coe',
               'http_proxy', 'https_proxy', 'no_proxy'),
        *flags('registry_enabled'),
        *texts('network_driver'),
        sa.Column('labels', sa.Text),
        *flags('tls_disabled', 'public'),
        sa.Column('server_type', sa.String(255), server_default='vm'),
        *texts('volume_driver', 'insecure_registry'),
        sa.Column('docker_storage_driver', sa.String(512)),
        *flags('master_lb_enabled'),
        *texts('fixed_subnet'),
        *flags('floating_ip_enabled', 'hidden'),
        *texts('tags', 'driver'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_baymodel0uuid'))
    repeatable.create_table(
        'federation',
        *times(), key(),
        *texts('project_id'),
        sa.Column('uuid', sa.String(36)),
        *texts('name', 'hostcluster_id'),
        sa.Column('member_ids', sa.Text),
        sa.Column('status', sa.String(20)),
        sa.Column('status_reason', sa.Text),
        sa.Column('properties', sa.Text),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_federation0uuid'))
    repeatable.create_table(
        'magnum_service',
        *times(), key(),
        sa.Column('report_count', sa.Integer, nullable=False),
        *texts('host', 'binary'),
        *flags('disabled'),
        *texts('disabled_reason'),
        sa.Column('last_seen_up', sa.DateTime),
        *flags('forced_down'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('host', 'binary',
                            name='uniq_magnum_service0host0binary'))
    repeatable.create_table(
        'nodegroup',
        *times(), key(),
        sa.Column('uuid', sa.String(36), nullable=False),
        *texts('name', 'cluster_id', 'project_id', nullable=False),
        sa.Column('docker_volume_size', sa.Integer),
        sa.Column('labels', sa.Text),
        *texts('flavor_id', 'image_id'),
        sa.Column('node_addresses', sa.Text),
        sa.Column('node_count', sa.Integer),
        sa.Column('max_node_count', sa.Integer),
        sa.Column('min_node_count', sa.Integer),
        *texts('role'),
        *flags('is_default'),
        *texts('stack_id'),
        sa.Column('status', sa.String(20)),
        sa.Column('status_reason', sa.Text),
        sa.Column('version', sa.String(20)),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_nodegroup0uuid'),
        sa.UniqueConstraint('cluster_id', 'name',
                            name='uniq_nodegroup0cluster_id0name'))
    repeatable.create_table(
        'quotas',
        key(), *times(),
        *texts('project_id', 'resource'),
        sa.Column('hard_limit', sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('project_id', 'resource',
                            name='uniq_quotas0project_id0resource'))
    repeatable.create_table(
        'x509keypair',
        key(), *times(),
        sa.Column('uuid', sa.String(36)),
        sa.Column('certificate', sa.Text),
        sa.Column('private_key', sa.Text),
        *texts('project_id', 'user_id'),
        sa.Column('intermediates', sa.Text),
        sa.Column('private_key_passphrase', sa.Text),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('uuid', name='uniq_x509keypair0uuid'))


def key():
    return sa.Column('id', sa.Integer, nullable=False)


def times():
    return [sa.Column('created_at', sa.DateTime),
            sa.Column('updated_at', sa.DateTime)]


def texts(*names, nullable=True):
    return [sa.Column(n, sa.String(255), nullable=nullable) for n in names]


def flags(*names):
    return [sa.Column(n, sa.Boolean) for n in names]
