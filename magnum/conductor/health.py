# SPDX-License-Identifier: Apache-2.0
"""The health of clusters, as they say themselves.

It is written when it has changed, and only over what was read before: a
controller within the cluster may report it at the same time.
"""

import collections
from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import datetime
import threading
from typing import Any

from oslo_config import cfg
from oslo_utils import strutils

from magnum.certificates import authority
from magnum.certificates import x509
from magnum.conductor import polls
from magnum.db import clusters
from magnum.db import conditions
from magnum.db import models
from magnum.db import polls as claims
from magnum.db import session as db
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum.operations import kinds
from magnum import specs

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('health_threads', default=32, min=1,
               help='How many clusters a conductor asks for their health at '
                    'once. A cluster that does not answer takes one of them '
                    'for five seconds.'),
]

CONF.register_opts(OPTS, group='conductor')

# How many clusters' certificates stay in memory.
REMEMBERED = 10000

# How many threads may get others at once, for each of them takes a connection
# to the database, and how long those wait that know no certificates yet: a
# store that hangs must not keep the threads from clusters that are known.
READERS = 4
READERS_SECONDS = 2

HEALER = 'magnum-auto-healer'

Finding = conditions.Finding


@dataclasses.dataclass(frozen=True)
class Task:
    """A cluster as it was read, with what was found before."""

    seen: clusters.Watched
    known: Mapping[str, models.Condition]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a look came to; `expires` is when the first certificate ends."""

    health: base.Health
    expires: datetime.datetime | None = None


class Health(polls.Errand):
    """Asks each cluster that is not on its way out."""

    kind = claims.HEALTH
    seconds = 35

    def __init__(self) -> None:
        self._keys = Keys()

    def interval(self) -> float:
        return max(CONF.kubernetes.health_polling_interval, 1)

    def wanted(self) -> set[str]:
        with db.reader() as session:
            return clusters.uuids(session, kinds.STANDING)

    @db.undeadlocked
    def load(self, subjects: Collection[str]) -> Mapping[str, Task]:
        with db.reader() as session:
            known = conditions.of(session, subjects)
            return {seen.cluster.uuid: Task(seen, known[seen.cluster.uuid])
                    for seen in clusters.watched(session, subjects)}

    def ask(self, task: Task) -> Found | None:
        cluster = task.seen.cluster
        if not cluster.api_address or reports_itself(cluster):
            return None
        try:
            driver = drivers.for_template(
                cluster.template or models.ClusterTemplate())
        except errors.DriverNotFound:
            return None
        if not is_reachable(cluster):
            text = f'The cluster {cluster.name} is not accessible.'
            return Found(base.Health('UNKNOWN', {'api': text}))
        access, expires = self._keys.access(cluster)
        health = driver.health(access)
        return None if health is None else Found(health, expires)

    def write(self, task: Task, found: Found, owner: str) -> None:
        findings = {
            kind: finding for kind, finding in findings_of(task, found).items()
            if not finding.is_known(task.known.get(kind))}
        columns = columns_of(task, found.health)
        cluster = task.seen.cluster
        if not findings and all(getattr(cluster, key) == value
                                for key, value in columns.items()):
            return
        _store(task, columns, findings, owner)


@db.undeadlocked
def _store(task: Task, columns: Mapping[str, Any],
           findings: Mapping[str, Finding], owner: str) -> None:
    uuid = task.seen.cluster.uuid
    with db.writer() as session:
        if (claims.hold(session, claims.HEALTH, uuid, owner)
                and clusters.report(session, task.seen, columns)):
            conditions.write(session, uuid, findings)


def reports_itself(cluster: models.Cluster) -> bool:
    """Whether a controller within the cluster reports its health."""
    labels = cluster.labels or {}
    return (strutils.bool_from_string(labels.get('auto_healing_enabled'))
            and labels.get('auto_healing_controller') == HEALER)


def is_reachable(cluster: models.Cluster) -> bool:
    """Whether its API has an address outside, as release 22.0.0 sees it."""
    given = (cluster.labels or {}).get('master_lb_floating_ip_enabled')
    if cluster.master_lb_enabled and given:
        return strutils.bool_from_string(given)
    return bool(cluster.floating_ip_enabled)


def columns_of(task: Task, health: base.Health) -> dict[str, Any]:
    """What the cluster's row should say."""
    cluster = task.seen.cluster
    status, reason = health.status, dict(health.reason)
    missing = _missing(cluster, health)
    if missing:
        status, reason['nodes'] = 'UNHEALTHY', missing
    lost = task.known.get(conditions.INFRASTRUCTURE)
    if lost is not None and lost.status == 'False':
        status, reason['infrastructure'] = 'UNHEALTHY', lost.message or ''
    columns = {'health_status': status, 'health_status_reason': reason}
    if cluster.status in models.SETTLED:
        columns |= {key: getattr(health, key)
                    for key in ('coe_version', 'container_version')
                    if getattr(health, key) is not None}
    return columns


def _missing(cluster: models.Cluster, health: base.Health) -> str | None:
    """How many nodes there are, of a cluster that should have more.

    One that is being changed has now more, now fewer of them.
    """
    wanted = sum(group.node_count for group in cluster.nodegroups)
    if (health.nodes is None or cluster.status not in models.SETTLED
            or len(health.nodes) >= wanted):
        return None
    return f'{len(health.nodes)} of {wanted}'


def findings_of(task: Task, found: Found) -> dict[str, Finding]:
    """The conditions that a look says something about."""
    health = found.health
    findings = {}
    if health.failure is not None:
        findings[conditions.CONTROL_PLANE] = Finding(
            'False', health.failure.code, health.failure.text)
    elif health.status == 'UNKNOWN':
        findings[conditions.CONTROL_PLANE] = Finding(
            'Unknown', 'NOT_ACCESSIBLE', health.reason.get('api'))
    else:
        findings[conditions.CONTROL_PLANE] = Finding('True', 'OK')
    findings[conditions.NODES] = _nodes(task.seen.cluster, health)
    if found.expires is not None:
        ended = found.expires <= models.utcnow()
        findings[conditions.CERTIFICATES] = Finding(
            *(('False', 'EXPIRED') if ended else ('True', 'OK')),
            f'{"Ended" if ended else "Valid until"} {found.expires} UTC.')
    return findings


def _nodes(cluster: models.Cluster, health: base.Health) -> Finding:
    if health.nodes is None:
        return Finding('Unknown', 'NOT_ASKED',
                       'The API of the cluster did not answer.')
    missing = _missing(cluster, health)
    if missing:
        return Finding('False', 'NODES_MISSING',
                       f'{missing} nodes are in the cluster.')
    broken = sorted(name for name, ready in health.nodes.items() if not ready)
    if broken:
        return Finding('False', 'NODES_NOT_READY',
                       f'Not ready: {", ".join(broken[:20])}'
                       + (f' and {len(broken) - 20} more.'
                          if len(broken) > 20 else '.'))
    return Finding('True', 'OK')


class Keys:
    """Certificates of clusters, kept as long as the clusters refer to them.

    From Barbican they are half a dozen requests for each cluster.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = threading.BoundedSemaphore(READERS)
        self._known: collections.OrderedDict = collections.OrderedDict()

    def access(self, cluster: models.Cluster
               ) -> tuple[specs.Access, datetime.datetime]:
        """The way to the cluster, and when its first certificate ends."""
        key = (cluster.uuid, cluster.ca_cert_ref, cluster.magnum_cert_ref)
        with self._lock:
            known = self._known.get(key)
            if known:
                self._known.move_to_end(key)
        if known is None:
            known = self._read(cluster)
            with self._lock:
                self._known[key] = known
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        access, expires = known
        return dataclasses.replace(
            access, address=cluster.api_address), expires

    def _read(self, cluster: models.Cluster
              ) -> tuple[specs.Access, datetime.datetime]:
        if not self._readers.acquire(timeout=READERS_SECONDS):
            raise errors.ServiceUnavailable(
                'The certificates of clusters are slow to come.')
        try:
            access = authority.access(cluster)
            return access, _first_end(access)
        except ValueError:
            raise errors.InfrastructureFailed(
                f'The certificates of cluster {cluster.uuid} cannot be '
                f'read.') from None
        finally:
            self._readers.release()


def _first_end(access: specs.Access) -> datetime.datetime:
    return min(x509.read_certificate(pem).not_valid_after_utc.replace(
        tzinfo=None) for pem in (access.ca, access.client.certificate))
