# SPDX-License-Identifier: Apache-2.0
"""What operations change in the rows, and the rows as each of them finds them.

A request writes what it asks for into the rows at once, so that everyone sees
what is wanted; its operation has its turn later.  It therefore records, for
each column, what was there before and what it wrote:

    operation.changes = {row uuid: {column: [before, after]}}

Taking back what comes later gives every operation the rows as they are in its
own turn (`rewound`).  Taking back one operation that was refused gives the
rows, and what comes later, as if it had never been asked for (`undo`).

A row that a request adds has a change of `uuid` from None.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from sqlalchemy import orm
from sqlalchemy.orm import attributes

from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.operations import journal

Changes = dict[str, dict[str, list[Any]]]
AnyRow = TypeVar('AnyRow', models.Cluster, models.NodeGroup)


# What of a row that a request adds is told of; labels may be long.
_TOLD = ('name', 'cluster_template_id', 'keypair', 'flavor_id',
         'master_flavor_id', 'image_id', 'node_count', 'min_node_count',
         'max_node_count', 'docker_volume_size', 'fixed_network',
         'fixed_subnet', 'floating_ip_enabled', 'master_lb_enabled',
         'create_timeout')


def made(*rows: models.Cluster | models.NodeGroup) -> Changes:
    """The changes of a request that adds the rows."""
    return {row.uuid or '': {'uuid': [None, row.uuid]} | {
        column: [None, getattr(row, column)] for column in _TOLD
        if getattr(row, column, None) is not None} for row in rows}


def of(operation: models.Operation) -> Changes:
    """What the operation changes, whichever release recorded it."""
    return operation.changes or _of_args(operation)


def nodegroup_of(operation: models.Operation) -> str | None:
    """The uuid of the group that it is about; None: of none, or several."""
    return (operation.nodegroup_uuid
            or (operation.args or {}).get('nodegroup'))


def later(operation: models.Operation,
          others: Iterable[models.Operation]) -> list[models.Operation]:
    """Those of `others` whose turn comes after it, in their order.

    What has begun is no longer to come: its changes hold already.
    """
    return [other for other in others
            if other.id > operation.id and other.started_at is None]


def rewound(rows: Iterable[AnyRow],
            later: Iterable[models.Operation]) -> list[AnyRow]:
    """The rows without what later operations will change.

    Rows that these will add are left out.  The rows must be detached, as
    they no longer are what is stored.
    """
    rows = list(rows)
    before: dict[str, dict[str, Any]] = {}
    for operation in sorted(later, key=lambda one: one.id, reverse=True):
        for uuid, columns in of(operation).items():
            for column, (old, _) in columns.items():
                before.setdefault(uuid, {})[column] = old
    for row in rows:
        for column, old in before.get(row.uuid or '', {}).items():
            if column != 'uuid':
                attributes.set_committed_value(row, column, old)
    return [row for row in rows if 'uuid' not in before.get(row.uuid or '',
                                                            {})]


def undo(session: orm.Session, operation: models.Operation) -> None:
    """Put back what the operation's request wrote, as nothing came of it.

    A column that a later operation changes has that one's value, and keeps
    it; what was before this one, is then before that one.  The caller holds
    the cluster's row, so that nobody records an operation meanwhile.
    """
    to_come = later(operation, journal.queued_behind(session, operation))
    for uuid, columns in of(operation).items():
        if 'uuid' in columns:
            # The row stays, and says what went wrong.
            continue
        back = {}
        for column, (before, _) in columns.items():
            heir = _first_to_change(to_come, uuid, column)
            if heir is None:
                back[column] = before
            else:
                _inherit(session, heir, uuid, column, before)
        if uuid == operation.cluster_uuid:
            clusters.set_columns(session, uuid, back)
        else:
            nodegroups.set_columns(session, uuid, back)


def _first_to_change(operations: Iterable[models.Operation], uuid: str,
                     column: str) -> models.Operation | None:
    return next((operation for operation in operations
                 if column in of(operation).get(uuid, {})), None)


def _inherit(session: orm.Session, heir: models.Operation, uuid: str,
             column: str, before: Any) -> None:
    columns = of(heir)
    after = columns[uuid][column][1]
    heir.changes = {**columns, uuid: {**columns[uuid],
                                      column: [before, after]}}
    journal.rewrite(session, heir)


def _of_args(operation: models.Operation) -> Changes:
    """As recorded by the release before, which told no `after`."""
    args: Mapping[str, Any] = operation.args or {}
    group = args.get('nodegroup', '')
    if args.get('is_new'):
        return {group: {'uuid': [None, group]}}
    if 'old_node_count' in args:
        return {group: {'node_count': [args['old_node_count'],
                                       args['node_count']]}}
    if 'old' in args:
        return {group: {column: [before, None]
                        for column, before in args['old'].items()}}
    if 'old_images' in args:
        return {operation.cluster_uuid: {'cluster_template_id': [
                    args['old_cluster_template'], None]},
                **{uuid: {'image_id': [before, None]}
                   for uuid, before in args['old_images'].items()}}
    return {}
