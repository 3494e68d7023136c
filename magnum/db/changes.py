# SPDX-License-Identifier: Apache-2.0
"""What operations read and write of a cluster's rows.

Changing a status is an UPDATE with the old value in its WHERE.  Whoever
changes a cluster touches its row first: the row's lock, held until the
transaction ends, puts requests and closing operations in one order, and what
is read after it is what was committed before it.
"""

from collections.abc import Collection
from collections.abc import Mapping
from typing import Any
from typing import cast

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum import errors

Cluster = models.Cluster
NodeGroup = models.NodeGroup


def load_cluster(session: orm.Session, uuid: str) -> Cluster | None:
    """A cluster with its groups and its template, whoever asks."""
    return session.scalar(
        sa.select(Cluster).where(Cluster.uuid == uuid)
        .options(orm.selectinload(Cluster.nodegroups),
                 orm.joinedload(Cluster.template))
        .execution_options(populate_existing=True))


def touch_cluster(session: orm.Session, uuid: str) -> bool:
    """Hold the cluster's row until the transaction ends; False: no row."""
    return bool(_execute(session, sa.update(Cluster)
                         .where(Cluster.uuid == uuid)
                         .values(updated_at=models.utcnow())))


def begin_cluster(session: orm.Session, uuid: str, allowed: Collection[str],
                  status: str) -> bool:
    """Give the cluster a new status if it has one of `allowed`."""
    return bool(_execute(session, sa.update(Cluster)
                         .where(Cluster.uuid == uuid,
                                Cluster.status.in_(allowed))
                         .values(status=status, status_reason=None)))


def close_cluster(session: orm.Session, uuid: str, expected: str, status: str,
                  reason: str | None) -> None:
    """Give the cluster its final status, unless another change is on."""
    _execute(session, sa.update(Cluster)
             .where(Cluster.uuid == uuid, Cluster.status == expected)
             .values(status=status, status_reason=reason))


def close_nodegroups(session: orm.Session, uuids: Collection[str],
                     expected: str, status: str,
                     reason: str | None) -> None:
    """The same for groups; without a reason the one they have stays."""
    values = {'status': status}
    if reason is not None:
        values['status_reason'] = reason
    _execute(session, sa.update(NodeGroup)
             .where(NodeGroup.uuid.in_(uuids), NodeGroup.status == expected)
             .values(**values))


def mark_for_deletion(session: orm.Session, uuid: str) -> bool:
    """The cluster and its groups are on their way out; False: no cluster."""
    going = {'status': 'DELETE_IN_PROGRESS', 'status_reason': None}
    _execute(session, sa.update(NodeGroup)
             .where(NodeGroup.cluster_id == uuid).values(**going))
    return bool(_execute(session, sa.update(Cluster)
                         .where(Cluster.uuid == uuid).values(**going)))


def count_nodegroup(session: orm.Session, uuid: str, node_count: int,
                    status: str) -> int:
    """Give the group its new size and status; the size it had."""
    old = session.scalar(sa.select(NodeGroup.node_count)
                         .where(NodeGroup.uuid == uuid))
    _execute(session, sa.update(NodeGroup).where(NodeGroup.uuid == uuid)
             .values(node_count=node_count, status=status,
                     status_reason=None))
    return old


def load_nodegroup(session: orm.Session, uuid: str) -> NodeGroup | None:
    """A group as it is now."""
    return session.scalar(sa.select(NodeGroup).where(NodeGroup.uuid == uuid)
                          .execution_options(populate_existing=True))


def add_nodegroup(session: orm.Session, nodegroup: NodeGroup) -> None:
    """Store a new group.

    :raises AlreadyExists: the cluster has one of that name.
    """
    try:
        session.add(nodegroup)
        session.flush()
    except db_exc.DBDuplicateEntry:
        raise errors.AlreadyExists('Nodegroup', nodegroup.name) from None


def begin_nodegroup(session: orm.Session, uuid: str,
                    allowed: Collection[str] | None, status: str,
                    columns: Mapping[str, Any] | None = None) -> bool:
    """Give the group a new status, and other columns with it.

    :param allowed: the statuses that it may have now; None: any.
    :returns: whether there is such a group.
    """
    query = sa.update(NodeGroup).where(NodeGroup.uuid == uuid)
    if allowed is not None:
        query = query.where(NodeGroup.status.in_(allowed))
    return bool(_execute(session, query.values(
        status=status, status_reason=None, **(columns or {}))))


def write_cluster(session: orm.Session, cluster: Cluster,
                  columns: Mapping[str, Any]) -> None:
    """Write what of `columns` differs from `cluster`, a row read before."""
    _write(session, cluster, columns)


def write_health(session: orm.Session, uuid: str, status: str | None,
                 reason: Mapping[str, str] | None) -> None:
    """Store what was reported of the cluster's health; the status stays."""
    _execute(session, sa.update(Cluster).where(Cluster.uuid == uuid)
             .values(health_status=status,
                     health_status_reason=dict(reason or {})))


def write_nodegroup(session: orm.Session, nodegroup: NodeGroup,
                    columns: Mapping[str, Any]) -> None:
    """Write what of `columns` differs from `nodegroup`, a row read before."""
    _write(session, nodegroup, columns)


def delete_nodegroups(session: orm.Session, uuids: Collection[str]) -> None:
    """Remove the rows of groups of which nothing else is left."""
    if uuids:
        _execute(session, sa.delete(NodeGroup)
                 .where(NodeGroup.uuid.in_(uuids)))


def delete_cluster(session: orm.Session, uuid: str) -> None:
    """Remove the rows of a cluster of which nothing else is left."""
    _execute(session, sa.delete(NodeGroup).where(NodeGroup.cluster_id == uuid))
    _execute(session, sa.delete(Cluster).where(Cluster.uuid == uuid))


def ensure_project(session: orm.Session, project_id: str) -> None:
    """Insert the row that `hold_project` holds, if it is not there."""
    if session.get(models.QuotaLock, project_id) is None:
        session.add(models.QuotaLock(project_id=project_id))


def hold_project(session: orm.Session, project_id: str) -> None:
    """Be the only one to count the project's clusters, until the end."""
    _execute(session, sa.update(models.QuotaLock)
             .where(models.QuotaLock.project_id == project_id)
             .values(taken=models.QuotaLock.taken + 1))


def hard_limit(session: orm.Session, project_id: str,
               resource: str) -> int | None:
    """The project's own quota; None: it has none."""
    return session.scalar(
        sa.select(models.Quota.hard_limit)
        .where(models.Quota.project_id == project_id,
               models.Quota.resource == resource))


def count_clusters(session: orm.Session, project_id: str) -> int:
    """How many clusters the project has, in any status."""
    return session.scalar(sa.select(sa.func.count(Cluster.id))
                          .where(Cluster.project_id == project_id))


def beat(session: orm.Session, host: str, binary: str) -> None:
    """Note that a service is alive; its row is made at the first beat."""
    now = models.utcnow()
    service = models.MagnumService
    if not _execute(session, sa.update(service)
                    .where(service.host == host, service.binary == binary)
                    .values(report_count=service.report_count + 1,
                            last_seen_up=now, updated_at=now)):
        session.add(service(host=host, binary=binary, report_count=1,
                            last_seen_up=now))


def _write(session: orm.Session, row: Cluster | NodeGroup,
           columns: Mapping[str, Any]) -> None:
    changed = {key: value for key, value in columns.items()
               if getattr(row, key) != value}
    if changed:
        table: Any = type(row)
        _execute(session, sa.update(table).where(table.uuid == row.uuid)
                 .values(**changed))


def _execute(session: orm.Session, statement) -> int:
    result = session.execute(
        statement.execution_options(synchronize_session=False))
    return cast(sa.CursorResult, result).rowcount
