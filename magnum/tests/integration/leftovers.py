# SPDX-License-Identifier: Apache-2.0
"""What clusters have in other services and in our own tables."""

import sqlalchemy as sa


def look(service, tenant, operator):
    """Everything that must be gone when the last cluster is."""
    domain = operator.identity.find_domain('magnum')
    engine = sa.create_engine(service, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = {table: connection.scalar(
                    sa.text(f'SELECT count(*) FROM {table}'))
                for table in ('cluster', 'nodegroup', 'x509keypair')}
        active = connection.scalar(sa.text(
            "SELECT count(*) FROM operation WHERE state = 'ACTIVE'"))
    return {
        'stacks': {s.id for s in tenant.heat.stacks.list()},
        'servers': {s.id for s in tenant.cloud.compute.servers()},
        'ports': {p.id for p in tenant.cloud.network.ports(
                      project_id=tenant.cloud.current_project_id)},
        'load balancers': {b.id for b in
                           tenant.cloud.load_balancer.load_balancers()},
        'trustees': {u.name for u in operator.identity.users(
                         domain_id=domain.id)
                     if not u.name.endswith('_domain_admin')},
        'rows': rows, 'active operations': active}
