# SPDX-License-Identifier: Apache-2.0
"""Renew the credential by which a cluster's nodes act in the cloud.

The cluster's status tells nothing of it: clusters do not change by it.
"""

import dataclasses

from magnum import accounts
from magnum import context
from magnum.db import models
from magnum.drivers import base
from magnum import errors
from magnum import identity
from magnum.operations import kinds
from magnum.operations import steps
from magnum.operations import submit
from magnum.operations import work as working

def renew(work: working.Work) -> kinds.Facts:
    """Give the cluster's user a new password, which then goes to the nodes.

    Where clusters get a trust, one that is missing is made.
    """
    if not _is_renewable(work.cluster):
        raise _nothing_to_renew(work.cluster)
    return steps.delegate(work)


KIND = kinds.Kind(
    name='rotate_credential', action='UPDATE', nodegroups=kinds.no_group,
    steps=(dataclasses.replace(steps.DELEGATE, run=renew), steps.APPLY,
           steps.SETTLE),
    terms=kinds.Terms(doing='Rotating the credential of',
                      statuses=kinds.RESIZABLE, wrong_status_is_invalid=True,
                      is_seen=False, power='rotate_credential',
                      ability='renew credentials'))


def request(context: context.RequestContext,
            cluster: models.Cluster) -> models.Operation:
    """Write down that a cluster's credential is to be renewed.

    :raises Invalid: the cluster's status does not allow it, its driver
        cannot do it, or its nodes have no credential.
    """
    def check(driver: base.Driver) -> None:
        if not _is_renewable(cluster):
            raise _nothing_to_renew(cluster)

    return submit.submit(context, submit.Wish(KIND, cluster, check=check))


def _is_renewable(cluster: models.Cluster) -> bool:
    return accounts.has(cluster) or identity.is_delegating()


def _nothing_to_renew(cluster: models.Cluster) -> errors.NotSupported:
    return errors.NotSupported(
        f'Cluster {cluster.uuid} has no credential to renew: this cloud gives '
        f'the nodes of clusters none ([trust] cluster_user_trust is off).')
