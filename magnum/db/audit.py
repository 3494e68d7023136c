# SPDX-License-Identifier: Apache-2.0
"""What `magnum-status` wants to know of the rows, before an upgrade too.

So only columns that every database has that can be upgraded are named, and
what newer steps add is looked for first.  Nothing is loaded as a model: old
rows may hold values that no model would write.
"""

import dataclasses

import sqlalchemy as sa

from magnum.db import models

Cluster, Template = models.Cluster, models.ClusterTemplate
Operation, Service = models.Operation, models.MagnumService


@dataclasses.dataclass(frozen=True)
class ClusterKind:
    """What decides about a cluster's driver; `template` is its uuid or None.

    The other fields are those of the template, and None without one.
    """

    uuid: str
    template: str | None
    driver: str | None
    server_type: str | None
    cluster_distro: str | None
    coe: str | None


def is_empty(engine: sa.Engine) -> bool:
    return not sa.inspect(engine).has_table('cluster')


def cluster_kinds(engine: sa.Engine) -> list[ClusterKind]:
    """All clusters with what their templates say of the driver."""
    query = sa.select(
        Cluster.uuid, Template.uuid, Template.driver, Template.server_type,
        Template.cluster_distro, Template.coe).select_from(
            sa.outerjoin(Cluster, Template,
                         Cluster.cluster_template_id == Template.uuid))
    return [ClusterKind(*row) for row in _rows(engine, query)]


def templates_of_other_coes(engine: sa.Engine, coe: str) -> list[str]:
    """The uuids of templates that are not of this COE."""
    return _first_column(engine, sa.select(Template.uuid)
                         .where(Template.coe != coe))


def has_trust_columns(engine: sa.Engine) -> bool:
    columns = {c['name'] for c in sa.inspect(engine).get_columns('cluster')}
    return 'trustee_user_id' in columns and 'trust_id' in columns


def clusters_with_trustee(engine: sa.Engine) -> list[str]:
    """The uuids of clusters with a user of their own in Keystone."""
    return _first_column(engine, sa.select(Cluster.uuid).where(
        sa.or_(Cluster.trustee_user_id.is_not(None),
               Cluster.trust_id.is_not(None))))


def clusters_in_progress_for_ever(engine: sa.Engine) -> list[str]:
    """The uuids of clusters that say to be worked on, by nobody."""
    query = sa.select(Cluster.uuid).where(Cluster.status.like('%_IN_PROGRESS'))
    if sa.inspect(engine).has_table(Operation.__tablename__):
        query = query.where(~sa.exists().where(
            Operation.cluster_uuid == Cluster.uuid,
            Operation.state == 'ACTIVE'))
    return _first_column(engine, query)


def services_without_host(engine: sa.Engine) -> int:
    """How many rows of heartbeats name no host."""
    return len(_first_column(engine, sa.select(Service.id)
                             .where(Service.host.is_(None))))


def _rows(engine, query):
    with engine.connect() as connection:
        return connection.execute(query).all()


def _first_column(engine, query):
    return [row[0] for row in _rows(engine, query)]
