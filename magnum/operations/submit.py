# SPDX-License-Identifier: Apache-2.0
"""The one door by which a wish becomes an operation.

Each operation's file says in a `Wish` what is asked for; here it is checked
against the status and the driver of the cluster, and written down together
with the work that fulfils it: one transaction, that may be repeated.  An
answer that the database sent at its end may be lost; so the operation has its
uuid before the first try, and a later one that meets it is done.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import itertools
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import orm

from magnum import context as contexts
from magnum.db import clusters
from magnum.db import models
from magnum.db import nodegroups
from magnum.db import session as db
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import identity
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import journal
from magnum.operations import kinds
from magnum import rpc
from magnum import specs

Changes = changes.Changes

# The infrastructure has its own time-out; ours is for what hangs beyond it.
GRACE_SECONDS = 600
DELETE_SECONDS = 2 * 3600

# How many operations of one cluster may wait for their end.
MAX_ACTIVE = 20


@dataclasses.dataclass
class Wish:
    """What is asked of a cluster.

    `changes` has the new values of columns, by the uuid of their row.
    `statuses` are those of the kind, unless others are given.  `check` is what
    else has to be asked before anything is written, of the driver or of the
    cloud.
    In the transaction `hold` makes others wait, and `begin` writes down all
    but the operation; what `begin` returns is an operation that is already
    there and does what is wished for.  `recheck` is given each group that is
    to change as it is then.
    `target` is the cluster as it is to be, for a plan of the wish; it is asked
    for after `check`, and `driver` is who is to build it.
    """

    kind: kinds.Kind
    cluster: models.Cluster
    changes: dict[str, dict[str, Any]] = dataclasses.field(
        default_factory=dict)
    nodegroup: models.NodeGroup | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    timeout: float | None = None
    statuses: frozenset[str] | None = None
    check: Callable[[base.Driver], object] | None = None
    recheck: Callable[[models.NodeGroup], None] | None = None
    hold: Callable[[orm.Session], object] | None = None
    begin: 'Callable[[orm.Session], Begun] | None' = None
    target: Callable[[], specs.ClusterSpec] | None = None
    driver: base.Driver | None = None


@dataclasses.dataclass(frozen=True)
class Begun:
    """What a transaction has written so far.

    `options` go before those of the wish.  `instead`: an operation that makes
    a new one needless.
    """

    changes: Changes = dataclasses.field(default_factory=dict)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    instead: models.Operation | None = None


def submit(context: contexts.RequestContext, wish: Wish) -> models.Operation:
    """Write the wish down with its operation; that operation.

    :raises WrongStatus: the cluster's status does not allow it; `Invalid`
        for some kinds.
    :raises NotSupported: the cluster's driver cannot do it.
    """
    permit(wish)
    wish.options.setdefault('driver', _driver(wish))
    if context.global_request_id:
        wish.options['global_request_id'] = context.global_request_id
    sealed = {'sealed_token': identity.seal(context.auth_token),
              'request_id': context.request_id, 'user_id': context.user_id,
              'project_id': context.project_id}
    operation = _store(context.conditions, wish, uuidutils.generate_uuid(),
                       sealed, itertools.count())
    rpc.hint()
    return operation


def _changed(before: Any, columns: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {column: [getattr(before, column), after]
            for column, after in columns.items()}


def permit(wish: Wish) -> None:
    """Ask for everything that can be known before a row is written.

    :raises WrongStatus, NotSupported: as `submit`.
    """
    terms = wish.kind.terms
    statuses = terms.statuses if wish.statuses is None else wish.statuses
    if (terms.is_early and statuses is not None
            and wish.cluster.status not in statuses):
        raise _wrong_status(wish, wish.cluster.status)
    if terms.ability is None:
        return
    driver = driver_of(wish.cluster, terms.ability)
    if terms.power:
        check_power(wish.cluster, driver, terms.power, terms.ability)
    if wish.check:
        wish.check(driver)


def _wrong_status(wish: Wish, status: str | None) -> errors.MagnumError:
    terms = wish.kind.terms
    refusal = errors.WrongStatus(terms.doing, 'cluster', wish.cluster.uuid,
                                 status)
    if terms.wrong_status_is_invalid:
        return errors.Invalid(str(refusal), code=refusal.code)
    return refusal


def driver_of(cluster: models.Cluster, ability: str) -> base.Driver:
    """The cluster's driver.

    :param ability: what it is wanted for, in words for the user.
    :raises NotSupported: its template is gone.
    :raises DriverNotFound: it is not installed, or not enabled, any more.
    """
    if cluster.template is None:
        raise errors.NotSupported(f'The template of cluster {cluster.uuid} no '
                                  'longer exists, so its driver is unknown: '
                                  f'it cannot {ability}.')
    return drivers.for_template(cluster.template)


def check_power(cluster: models.Cluster, driver: base.Driver, power: str,
                ability: str) -> None:
    """Refuse what the driver cannot do.

    :raises NotSupported: it has not that power.
    """
    if power not in driver.powers:
        name = drivers.name_for(cluster.template)
        raise errors.NotSupported(f"The cluster's driver, {name}, cannot "
                                  f'{ability}.')


@db.retried
def _store(conditions: contexts.Conditions, wish: Wish, uuid: str,
           sealed: Mapping[str, Any],
           tries: Iterator[int]) -> models.Operation:
    is_repeated = next(tries) > 0
    # The first statement of each `hold` is a write.
    with db.writer(begins_with_write=True) as session:
        (wish.hold or _hold(wish))(session)
        if is_repeated:
            found = journal.find(session, uuid)
            if found is not None:
                return found
        conditions.check(session)
        begun = (wish.begin or _begin(wish))(session)
        operation = begun.instead or journal.record(
            session, wish.kind.name, wish.cluster.uuid or '', uuid=uuid,
            cluster_project_id=wish.cluster.project_id,
            lane=wish.kind.lane(wish.cluster.uuid or '', wish.nodegroup),
            nodegroup_uuid=_group(wish), changes=begun.changes,
            args={**wish.options, **begun.options, **_before(wish)},
            timeout_seconds=timeout_seconds(wish), **sealed)
        conditions.keep(session, operation)
        return operation


def _hold(wish: Wish) -> Callable[[orm.Session], object]:
    return lambda session: clusters.touch(session, wish.cluster.uuid or '')


def _begin(wish: Wish) -> Callable[[orm.Session], Begun]:
    return lambda session: begin_change(session, wish)


def begin_change(session: orm.Session, wish: Wish) -> Begun:
    """Begin the change of a cluster that stays: statuses, and new values."""
    begin_status(session, wish)
    limit_queue(session, wish)
    return Begun(write_changes(session, wish))


def begin_status(session: orm.Session, wish: Wish) -> None:
    """Give the cluster its new status, if the one it has now allows it.

    :raises WrongStatus: it does not; nothing was changed.
    """
    terms, uuid = wish.kind.terms, wish.cluster.uuid or ''
    allowed = terms.statuses if wish.statuses is None else wish.statuses
    if terms.is_seen and clusters.begin(session, uuid, allowed or (),
                                        wish.kind.status('IN_PROGRESS')):
        return
    status = clusters.status(session, uuid)
    if status is None:
        raise errors.NotFound('Cluster', uuid)
    if terms.is_seen or status not in (allowed or ()):
        raise _wrong_status(wish, status)


def limit_queue(session: orm.Session, wish: Wish) -> None:
    """Refuse one operation more where too many wait.

    :raises Conflict: there are `MAX_ACTIVE`.
    """
    if journal.count_active(session, wish.cluster.uuid or '') >= MAX_ACTIVE:
        raise errors.Conflict(
            f'Cluster {wish.cluster.uuid} already has {MAX_ACTIVE} operations '
            'that have not ended: try again when some of them have '
            'ended.', code='TOO_MANY_OPERATIONS')


def write_changes(session: orm.Session, wish: Wish) -> Changes:
    """Write the new values; what they change.

    :raises NotFound: a group has gone.
    """
    written: Changes = {}
    for uuid, columns in wish.changes.items():
        before: Any
        if uuid == wish.cluster.uuid:
            before = clusters.load(session, uuid)
            clusters.set_columns(session, uuid, columns)
        else:
            before = _write_group(session, wish, uuid, columns)
        written[uuid] = _changed(before, columns)
    return written


def _write_group(session: orm.Session, wish: Wish, uuid: str,
                 columns: Mapping[str, Any]) -> models.NodeGroup:
    # What was checked may have changed until the cluster's row was ours.
    now = nodegroups.load(session, uuid)
    if now is None:
        raise errors.NotFound('Nodegroup', _name(wish, uuid))
    if wish.recheck:
        wish.recheck(now)
    nodegroups.begin(session, uuid, None,
                     wish.kind.nodegroup_status('IN_PROGRESS'), columns)
    return now


def _name(wish: Wish, uuid: str) -> str:
    groups = [*wish.cluster.nodegroups, wish.nodegroup]
    return next((group.name for group in groups
                 if group is not None and group.uuid == uuid), uuid)


def _group(wish: Wish) -> str | None:
    return wish.nodegroup.uuid if wish.nodegroup else None


def _before(wish: Wish) -> dict[str, Any]:
    """The statuses that an abort puts back; none while others are at work."""
    named = {*wish.changes, _group(wish)} - {wish.cluster.uuid, None}
    # A new cluster has none to be read yet.
    rows: list[Any] = [group for group in wish.cluster.nodegroups
                       if group.uuid in named] if named else []
    statuses = {row.uuid: [row.status, row.status_reason]
                for row in (wish.cluster, *rows)
                if row.status and not row.status.endswith('_IN_PROGRESS')}
    return {'statuses': statuses} if statuses else {}


def _driver(wish: Wish) -> str | None:
    """The driver's name, for the time when the template is gone."""
    template = wish.cluster.template
    if template is None:
        return None
    try:
        return drivers.name_for(template)
    except errors.DriverNotFound:
        return None


def timeout_seconds(wish: Wish) -> float:
    """How long the operation may take."""
    if wish.timeout is not None:
        return wish.timeout
    return desired.timeout_minutes(wish.cluster) * 60 + GRACE_SECONDS
