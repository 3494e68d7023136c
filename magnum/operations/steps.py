# SPDX-License-Identifier: Apache-2.0
"""Steps that several kinds of operation take.

A step is a plain function of the work at hand that may be repeated at any
time: it looks for its effect by a name derived from the cluster's uuid, makes
it if absent, and returns facts for the runner to write, or a time to look
again (`kinds`).  It writes no row itself.
"""

from typing import Any

from oslo_utils import timeutils

from magnum import accounts
from magnum.certificates import authority
from magnum.drivers import base
from magnum import errors
from magnum import identity
from magnum.operations import kinds
from magnum.operations import work as working

# How often the infrastructure is looked at while it changes.  Who looks in
# the same round shares one look.
SETTLE_SECONDS = 0.5

Work = working.Work


def delegate(work: Work) -> kinds.Facts:
    """Make the cluster's own user, and what it acts by, if any."""
    if work.has_account:
        make = accounts.make
    elif identity.is_delegating():
        make = identity.delegate
    else:
        return kinds.Facts()
    return kinds.Facts(cluster=make(
        work.requester, work.cluster.uuid, work.cluster.project_id))


def issue_certificates(work: Work) -> kinds.Facts:
    """Make the cluster's authorities and the service's own certificate."""
    cluster = work.cluster
    return kinds.Facts(cluster=authority.issue(
        cluster.uuid, cluster.name, cluster.project_id, cluster.user_id))


def apply(work: Work) -> kinds.Facts:
    """Set the infrastructure moving towards what is wanted."""
    try:
        applied = work.apply()
    except errors.Temporary as e:
        if work.cluster.stack_id is not None:
            raise
        # The stack may appear later.  Who deletes the cluster meanwhile has
        # to know.
        raise kinds.NoAnswer(str(e), kinds.Facts(progress={
            'unanswered': timeutils.utcnow().isoformat()})) from e
    return kinds.Facts(
        cluster={'stack_id': applied.stack_id},
        nodegroups={uuid: {'stack_id': handle}
                    for uuid, handle in applied.nodegroups.items()})


def settle(work: Work) -> kinds.Facts | kinds.Again:
    """Wait until the infrastructure is as wanted."""
    observed = work.observe()
    facts = facts_of(observed)
    if observed.state is base.State.IN_PROGRESS:
        return kinds.Again(SETTLE_SECONDS, observed.reason, facts)
    if observed.state is base.State.COMPLETE:
        return facts
    raise kinds.StepFailed(
        observed.reason or f'Stack with id {work.cluster.stack_id} not found '
                           f'in Heat.', facts)


def facts_of(observed: base.Observed) -> kinds.Facts:
    """The columns that an observation fills; what is not known stays."""
    cluster = {key: getattr(observed, key)
               for key in ('stack_id', 'api_address', 'coe_version',
                           'container_version')
               if getattr(observed, key) is not None}
    nodegroups = {}
    for uuid, group in observed.nodegroups.items():
        columns: dict[str, Any] = {'status_reason': group.reason}
        if group.stack_id is not None:
            columns['stack_id'] = group.stack_id
        if group.node_addresses is not None:
            columns['node_addresses'] = list(group.node_addresses)
        nodegroups[uuid] = columns
    return kinds.Facts(cluster=cluster, nodegroups=nodegroups)


DELEGATE = kinds.Step('delegate', "making the cluster's own user", delegate)
ISSUE_CERTIFICATES = kinds.Step('issue_certificates', 'making certificates',
                                issue_certificates)
APPLY = kinds.Step('apply', 'changing the stack', apply, on_stack=True)
SETTLE = kinds.Step('settle', 'waiting for the stack', settle, on_stack=True)
