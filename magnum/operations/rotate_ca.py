# SPDX-License-Identifier: Apache-2.0
"""Replace a cluster's authorities, and the service's own certificate.

The row names the old ones until the nodes have the new ones, so that what is
signed meanwhile, or after a failure, is of use.
"""

import dataclasses
import types

from magnum.certificates import authority
from magnum import context
from magnum.db import models
from magnum import errors
from magnum.operations import kinds
from magnum.operations import steps
from magnum.operations import submit
from magnum.operations import work as working


def request(context: context.RequestContext,
            cluster: models.Cluster,
            statuses: frozenset[str] | None = None) -> models.Operation:
    """Write down that a cluster's authorities are to be replaced.

    :param statuses: what the cluster's may be, if others than usual.
    :raises Invalid: the cluster has none, is not settled, or its driver
        cannot do it.
    """
    if cluster.template is not None and cluster.template.tls_disabled:
        raise errors.NotSupported(f'Cluster {cluster.uuid} does not use TLS: '
                                  f'there is no CA to replace.')
    return submit.submit(context, submit.Wish(
        KIND, cluster, statuses=statuses, options={'old_refs': {
            column: getattr(cluster, column)
            for column in authority.KINDS}}))


def issue_new_certificates(work: working.Work) -> None:
    """Make the new ones, beside those that are in use."""
    _new_refs(work)


def apply(work: working.Work) -> kinds.Facts:
    """Set the nodes moving towards the new authorities."""
    issued = types.SimpleNamespace(uuid=work.cluster.uuid, **_new_refs(work))
    spec = dataclasses.replace(work.full_spec(),
                               authorities=authority.authorities(issued))
    return kinds.Facts(cluster={'stack_id': work.apply(spec).stack_id})


def settle(work: working.Work) -> kinds.Facts | kinds.Again:
    """Wait for the nodes; then the new authorities are the cluster's."""
    found = steps.settle(work)
    if isinstance(found, kinds.Again):
        return found
    return dataclasses.replace(
        found, cluster={**found.cluster, **_new_refs(work)})


def retire_old_certificates(work: working.Work) -> None:
    """Remove those that nobody uses any more from the store."""
    authority.discard(work.operation.args['old_refs'].values())


def discard_new_certificates(work: working.Work) -> None:
    """Remove what nothing refers to; keys of CAs are not for keeping."""
    authority.discard_generation(work.cluster.uuid, work.operation.id)


def _new_refs(work: working.Work) -> dict[str, str]:
    cluster = work.cluster
    # The operation's number tells its generation from all others.
    return authority.issue(cluster.uuid, cluster.name, cluster.project_id,
                           cluster.user_id, generation=work.operation.id)


KIND = kinds.Kind(
    name='rotate_ca', action='UPDATE', nodegroups=kinds.no_group,
    steps=(kinds.Step('issue_new_certificates', 'making new certificates',
                      issue_new_certificates,
                      abandon=discard_new_certificates),
           kinds.Step('apply', 'changing the stack', apply, on_stack=True,
                      abandon=discard_new_certificates),
           kinds.Step('settle', 'waiting for the stack', settle,
                      on_stack=True, abandon=discard_new_certificates),
           kinds.Step('retire_old_certificates',
                      'deleting the old certificates',
                      retire_old_certificates)),
    terms=kinds.Terms(doing='Rotating the CA of', statuses=models.SETTLED,
                      wrong_status_is_invalid=True, power='rotate_ca',
                      ability='replace CAs'))
