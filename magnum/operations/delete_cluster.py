# SPDX-License-Identifier: Apache-2.0
"""Delete a cluster, and all that it left anywhere.

Comes behind the step that is running, never beside it: what is idle or waits
is cancelled at once, what runs stops at its next step, and then the delete is
the oldest.
"""

from oslo_config import cfg
from oslo_utils import timeutils
from sqlalchemy import orm

from magnum.certificates import authority
from magnum import context
from magnum.db import clusters
from magnum.db import models
from magnum.db import operations
from magnum.drivers import base
from magnum.drivers import options  # noqa: F401  (registers [cluster_heat])
from magnum import errors
from magnum import identity
from magnum.operations import journal
from magnum.operations import kinds
from magnum.operations import steps
from magnum.operations import submit
from magnum.operations import work as working

CONF = cfg.CONF

# How often a removal that failed is begun again.
TRIES = 3

# How long to wait before the next look for a stack that may appear.
LOOK_SECONDS = 10


def request(context: context.RequestContext,
            cluster: models.Cluster, force: bool = False) -> models.Operation:
    """Write down that the cluster is to go; any status, and any number of
    times.

    :param force: in spite of its protection.
    :raises Conflict: it is protected.
    """
    wish = submit.Wish(KIND, cluster, timeout=submit.DELETE_SECONDS)
    wish.begin = lambda session: _begin(session, cluster, force)
    return submit.submit(context, wish)


def _begin(session: orm.Session, cluster: models.Cluster,
           force: bool) -> submit.Begun:
    uuid = cluster.uuid or ''
    going = journal.active(session, uuid, KIND.name)
    if going:
        return submit.Begun(instead=going[0])
    if not clusters.mark_for_deletion(session, uuid, force):
        if clusters.status(session, uuid) is None:
            raise errors.NotFound('Cluster', uuid)
        raise errors.Conflict(
            f'Cluster {uuid} is protected against deletion: end its '
            f'protection first.', code='PROTECTED')
    journal.cancel(session, uuid)
    return submit.Begun(options=_last_driver(session, cluster))


def _last_driver(session: orm.Session,
                 cluster: models.Cluster) -> dict[str, str]:
    """Whose cluster it was when its template was last seen."""
    if cluster.template is not None:
        return {}
    name = operations.last_option(session, cluster.uuid or '', 'driver')
    return {'driver': name} if name else {}


def destroy(work: working.Work) -> None:
    """Set the removal of the infrastructure in motion."""
    work.destroy()


def await_gone(work: working.Work) -> kinds.Facts | kinds.Again:
    """Wait until nothing of the infrastructure is left.

    Heat gives up where something that it forgot, or that comes and goes, is
    in the way: the removal is begun again a few times.
    """
    observed = work.observe()
    if observed.state is base.State.IN_PROGRESS:
        return kinds.Again(steps.SETTLE_SECONDS, observed.reason)
    if observed.state is base.State.GONE:
        # What the stack left behind goes, too.
        work.destroy()
        seconds = _seconds_for_a_late_stack(work)
        if seconds > 0:
            return kinds.Again(
                min(seconds, LOOK_SECONDS),
                'Heat gave no answer when it was asked for the stack; looking '
                'whether it appears.')
        return kinds.Facts()
    if observed.state is base.State.COMPLETE:
        # What had to go first has gone.
        work.destroy()
        return kinds.Again(steps.SETTLE_SECONDS)
    tries = (work.operation.progress or {}).get('tries', 0)
    reason = observed.reason or 'Deletion failed.'
    if tries == TRIES:
        raise kinds.StepFailed(reason, steps.facts_of(observed))
    work.destroy()
    return kinds.Again(steps.SETTLE_SECONDS, f'Trying again: {reason}',
                       kinds.Facts(progress={'tries': tries + 1}))


def _seconds_for_a_late_stack(work: working.Work) -> float:
    """How long a stack may still appear that Heat was asked for."""
    if work.unanswered is None:
        return 0
    return CONF.cluster_heat.late_stack_seconds - timeutils.delta_seconds(
        work.unanswered, timeutils.utcnow())


def retire_certificates(work: working.Work) -> None:
    """Remove the cluster's certificates from the store."""
    authority.retire(work.cluster.uuid,
                     {kind: getattr(work.cluster, kind)
                      for kind in authority.KINDS})


def retire_trust(work: working.Work) -> None:
    """Remove the cluster's own user and its trust from Keystone."""
    identity.retire(work.cluster.uuid, work.cluster.project_id,
                    work.cluster.trustee_user_id, work.cluster.trust_id)


def forget(work: working.Work) -> kinds.Facts:
    """Let the rows go, now that nothing else is left."""
    return kinds.Facts(forget=True)


KIND = kinds.Kind(
    name='delete_cluster', action='DELETE', nodegroups=kinds.every_group,
    steps=(kinds.Step('destroy', 'starting to delete the stack', destroy,
                      on_stack=True),
           kinds.Step('await_gone', 'deleting the stack', await_gone,
                      on_stack=True),
           kinds.Step('retire_certificates', 'deleting the certificates',
                      retire_certificates),
           kinds.Step('retire_trust', "deleting the cluster's own user",
                      retire_trust),
           kinds.Step('forget', "deleting the cluster's record", forget)),
    terms=kinds.Terms(is_abortable=False))
