# SPDX-License-Identifier: Apache-2.0
"""Steps that several kinds of operation take.

A step is a plain function of the work at hand that may be repeated at any
time: it looks for its effect by a name derived from the cluster's uuid, makes
it if absent, and returns facts for the runner to write, or a time to look
again (`outcome`).  It writes no row itself.
"""

from typing import Any

from magnum.certificates import authority
from magnum.drivers import base
from magnum import identity
from magnum.operations import outcome
from magnum.operations import work as working

# How often the infrastructure is looked at while it changes.  Who looks in
# the same round shares one look.
SETTLE_SECONDS = 0.5

Work = working.Work


def delegate(work: Work) -> outcome.Facts:
    """Make the cluster's own user, and the trust that it acts by."""
    made = identity.delegate(work.cloud, work.cluster.uuid,
                             work.cluster.project_id)
    return outcome.Facts(cluster=made)


def issue_certificates(work: Work) -> outcome.Facts:
    """Make the cluster's authorities and the service's own certificate."""
    cluster = work.cluster
    return outcome.Facts(cluster=authority.issue(
        cluster.uuid, cluster.name, cluster.project_id, cluster.user_id))


def apply(work: Work) -> outcome.Facts:
    """Set the infrastructure moving towards what is wanted."""
    handle = work.driver.apply(work.cloud, work.full_spec())
    return outcome.Facts(
        cluster={'stack_id': handle},
        nodegroups={group.uuid: {'stack_id': handle}
                    for group in work.nodegroups if group.is_default})


def settle(work: Work) -> outcome.Facts | outcome.Again:
    """Wait until the infrastructure is as wanted."""
    observed = work.observe()
    facts = facts_of(observed)
    if observed.state is base.State.IN_PROGRESS:
        return outcome.Again(SETTLE_SECONDS, observed.reason, facts)
    if observed.state is base.State.COMPLETE:
        return facts
    raise outcome.StepFailed(
        observed.reason or f'Stack with id {work.cluster.stack_id} not found '
                           f'in Heat.', facts)


def facts_of(observed: base.Observed) -> outcome.Facts:
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
    return outcome.Facts(cluster=cluster, nodegroups=nodegroups)
