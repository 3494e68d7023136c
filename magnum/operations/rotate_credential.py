# SPDX-License-Identifier: Apache-2.0
"""Renew the credential by which a cluster's nodes act in the cloud.

The cluster's status tells nothing of it: clusters do not change by it.
"""

from magnum import context
from magnum.db import models
from magnum.operations import kinds
from magnum.operations import steps
from magnum.operations import submit

# The cluster's user gets a new password, which then goes to the nodes.
KIND = kinds.Kind(
    name='rotate_credential', action='UPDATE', nodegroups=kinds.no_group,
    steps=(steps.DELEGATE, steps.APPLY, steps.SETTLE),
    terms=kinds.Terms(doing='Rotating the credential of',
                      statuses=kinds.RESIZABLE, wrong_status_is_invalid=True,
                      is_seen=False, power='rotate_credential',
                      ability='renew credentials'))


def request(context: context.RequestContext,
            cluster: models.Cluster) -> models.Operation:
    """Write down that a cluster's credential is to be renewed.

    :raises Invalid: the cluster's status does not allow it, or its driver
        cannot do it.
    """
    return submit.submit(context, submit.Wish(KIND, cluster))
