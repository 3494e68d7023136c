# SPDX-License-Identifier: Apache-2.0
"""Operations as they are looked back at: what was asked, and what came of it.

What is still to be done is in `magnum.operations.journal`, which writes them.
Whose an operation is follows its cluster, also when that has gone.
"""

from collections.abc import Sequence
import datetime
import types
from typing import Any
from typing import NamedTuple

from oslo_utils import uuidutils
import sqlalchemy as sa
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import clock
from magnum.db import clusters
from magnum.db import models
from magnum.db import pages
from magnum.db import statements
from magnum import errors

Operation = models.Operation

# Of the release before: whoever asked was of the cluster's project, or an
# administrator.
_PROJECT = sa.func.coalesce(Operation.cluster_project_id,
                            Operation.project_id)
_WHOSE = types.SimpleNamespace(project_id=_PROJECT,
                               user_id=Operation.user_id)
_WITHOUT_TOKEN = orm.defer(Operation.sealed_token)


class Found(NamedTuple):
    """An operation, and the stacks of its cluster and of its group."""

    operation: Operation
    stack_id: str | None
    group_stack_id: str | None


def find(session: orm.Session, context: contexts.RequestContext, uuid: str,
         all_projects: bool = False) -> Found:
    """One operation, if the caller may know of its cluster.

    :raises NotFound: there is none.
    """
    row = session.execute(
        sa.select(Operation, models.Cluster.stack_id,
                  models.NodeGroup.stack_id)
        .outerjoin(models.Cluster,
                   models.Cluster.uuid == Operation.cluster_uuid)
        .outerjoin(models.NodeGroup,
                   models.NodeGroup.uuid == Operation.nodegroup_uuid)
        .where(Operation.uuid == uuid,
               pages.visible(context, _WHOSE, all_projects))
        .options(_WITHOUT_TOKEN)
        .execution_options(populate_existing=True)).first()
    if row is None:
        raise errors.NotFound('Operation', uuid)
    return Found(*row)


def page(session: orm.Session, context: contexts.RequestContext, ident: str,
         page: pages.Page, all_projects: bool = False
         ) -> tuple[dict[str, Any], Sequence[Operation]]:
    """A page of a cluster's operations; and whose they are, for policies.

    A cluster that has gone is known by its uuid as long as one is kept.

    :raises NotFound: there is no such cluster, and there was none.
    """
    whose = _cluster(session, context, ident, all_projects)
    own = sa.and_(Operation.cluster_uuid == whose['uuid'],
                  pages.visible(context, _WHOSE, all_projects))
    query = sa.select(Operation).where(own).options(_WITHOUT_TOKEN)
    return whose, pages.page(session, query, Operation, page, own,
                             'Operation')


def whose(operation: Operation) -> dict[str, Any]:
    """Whose an operation is, for policies."""
    return {'uuid': operation.cluster_uuid, 'user_id': operation.user_id,
            'project_id': (operation.cluster_project_id
                           or operation.project_id)}


def _cluster(session: orm.Session, context: contexts.RequestContext,
             ident: str, all_projects: bool) -> dict[str, Any]:
    try:
        row = clusters.find(session, context, ident, all_projects)
    except errors.NotFound:
        last = _last_of(session, context, ident, all_projects)
        if last is None:
            raise
        return whose(last)
    return {'uuid': row.uuid, 'project_id': row.project_id,
            'user_id': row.user_id}


def _last_of(session: orm.Session, context: contexts.RequestContext,
             uuid: str, all_projects: bool) -> Operation | None:
    if not uuidutils.is_uuid_like(uuid):
        return None
    return session.scalars(
        sa.select(Operation)
        .where(Operation.cluster_uuid == uuid,
               pages.visible(context, _WHOSE, all_projects))
        .options(_WITHOUT_TOKEN)
        .order_by(Operation.id.desc()).limit(1)).first()


def load(session: orm.Session, uuid: str) -> Operation | None:
    """An operation as it is now, whoever asks."""
    return session.scalar(
        sa.select(Operation).where(Operation.uuid == uuid)
        .options(_WITHOUT_TOKEN).execution_options(populate_existing=True))


def worked_on(session: orm.Session, cluster_uuid: str) -> Sequence[Operation]:
    """Those of a cluster that were begun and ended, the last end first."""
    return session.scalars(
        sa.select(Operation)
        .where(Operation.cluster_uuid == cluster_uuid,
               Operation.state != 'ACTIVE', Operation.started_at.is_not(None))
        .options(_WITHOUT_TOKEN)
        .order_by(Operation.finished_at.desc(), Operation.id.desc())
        .limit(100)).all()


def after(session: orm.Session, operation: Operation) -> Sequence[Operation]:
    """The operations on the same cluster that were asked for later."""
    return session.scalars(
        sa.select(Operation)
        .where(Operation.cluster_uuid == operation.cluster_uuid,
               Operation.id > operation.id)
        .options(_WITHOUT_TOKEN).order_by(Operation.id.desc())
        .limit(1000)).all()


def ended(session: orm.Session, cluster_uuid: str,
          kind: str) -> list[Operation]:
    """The cluster's operations of a kind that have ended, oldest first."""
    return list(session.scalars(
        sa.select(Operation)
        .where(Operation.cluster_uuid == cluster_uuid,
               Operation.state != 'ACTIVE', Operation.kind == kind)
        .order_by(Operation.id)))


def last_option(session: orm.Session, cluster_uuid: str, name: str) -> Any:
    """What the cluster's newest operation with that option had; or None."""
    for args in session.scalars(
            sa.select(Operation.args)
            .where(Operation.cluster_uuid == cluster_uuid)
            .order_by(Operation.id.desc()).limit(100)):
        if args.get(name):
            return args[name]
    return None


def purge(session: orm.Session, days: int, limit: int) -> int:
    """Remove operations that ended so long ago, at most `limit`; how many.

    The newest of each cluster that still exists stays: it says how the
    cluster came to be as it is.
    """
    newer = orm.aliased(Operation)
    over = session.scalars(
        sa.select(Operation.id)
        .where(Operation.state != 'ACTIVE',
               Operation.finished_at
               < clock.now(session) - datetime.timedelta(days=days),
               sa.or_(~sa.exists().where(models.Cluster.uuid
                                         == Operation.cluster_uuid),
                      sa.exists().where(newer.cluster_uuid
                                        == Operation.cluster_uuid,
                                        newer.id > Operation.id)))
        .order_by(Operation.finished_at).limit(limit)).all()
    if not over:
        return 0
    return statements.execute(
        session, sa.delete(Operation).where(Operation.id.in_(over)))
