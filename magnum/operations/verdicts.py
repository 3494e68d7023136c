# SPDX-License-Identifier: Apache-2.0
"""Whether the quotas of other services are enough for a plan.

They are asked side by side, with the caller's own token and the time limits
of any request.  One that does not answer leaves a verdict open, and refuses
nothing: it may answer when the work is done.
"""

from collections.abc import Mapping
from concurrent import futures
import contextlib
import dataclasses

from magnum import errors
from magnum import openstack
from magnum.operations import plans
from magnum import specs

SUFFICIENT, EXCEEDED, UNKNOWN = 'sufficient', 'exceeded', 'unknown'

# Kind of a plan's resources: whose quota it takes of, and its name there.
_QUOTAS = {'server': ('nova', 'instances'), 'volume': ('cinder', 'volumes'),
           'port': ('neutron', 'port'), 'network': ('neutron', 'network'),
           'subnet': ('neutron', 'subnet'), 'router': ('neutron', 'router'),
           'floating_ip': ('neutron', 'floatingip'),
           'security_group': ('neutron', 'security_group')}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One quota; `limit` None: none, or not known, as `verdict` says."""

    service: str
    resource: str
    needed: int
    used: int | None
    limit: int | None
    verdict: str


def verdict(service: str, resource: str, needed: int, used: int,
            limit: int | None) -> Verdict:
    is_enough = limit is None or used + needed <= limit
    return Verdict(service, resource, needed, used, limit,
                   SUFFICIENT if is_enough else EXCEEDED)


def of(cloud: openstack.Cloud, plan: plans.Plan) -> list[Verdict]:
    """A verdict for each quota that the plan takes of."""
    needs: dict[str, dict[str, int]] = {}
    for kind, count in plan.resources.items():
        if kind in _QUOTAS and count > 0:
            service, resource = _QUOTAS[kind]
            needs.setdefault(service, {})[resource] = count
    # Quotas of other projects are shown to nobody but these.
    is_ours = plan.after.project_id == cloud.project_id
    if not needs:
        return []
    with futures.ThreadPoolExecutor(max_workers=len(needs) + 1) as pool:
        asked = {service: pool.submit(cloud.allowances, service)
                 for service in needs if is_ours}
        if 'nova' in needs:
            needs['nova'] |= pool.submit(_sizes, cloud, plan.before,
                                         plan.after).result()
    return [one for service, wanted in needs.items()
            for one in _verdicts(service, wanted, asked.get(service))]


def _verdicts(service: str, needs: Mapping[str, int],
              asked: futures.Future | None) -> list[Verdict]:
    allowed = {}
    if asked is not None:
        with contextlib.suppress(errors.MagnumError):
            allowed = asked.result()
    return [verdict(service, resource, needed, allowed[resource].used,
                    allowed[resource].limit)
            if resource in allowed else
            Verdict(service, resource, needed, None, None, UNKNOWN)
            for resource, needed in needs.items()]


def _sizes(cloud: openstack.Cloud, before: specs.ClusterSpec | None,
           after: specs.ClusterSpec) -> dict[str, int]:
    """What the new servers take; nothing if a flavor cannot be read."""
    sizes = {'cores': 0, 'ram': 0}
    for group in after.nodegroups:
        old = before.group(group.uuid) if before else None
        more = group.node_count - (old.node_count if old else 0)
        if more <= 0:
            continue
        try:
            flavor = cloud.flavor(group.flavor_id or '')
        except errors.MagnumError:
            return {}
        sizes['cores'] += more * flavor.vcpus
        sizes['ram'] += more * flavor.ram
    return sizes
