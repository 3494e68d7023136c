# SPDX-License-Identifier: Apache-2.0
"""Clusters whose stacks vanish or fail while nobody is changing them.

What is looked at are projects, since all stacks of one are listed together.
A settled cluster becomes UPDATE_FAILED with the reason, and what it was before
when its stacks are well again; whatever an operation does meanwhile stays.
"""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses

from oslo_config import cfg
from oslo_log import log

from magnum.conductor import polls
from magnum.db import clusters
from magnum.db import conditions
from magnum.db import models
from magnum.db import polls as claims
from magnum.db import session as db
from magnum.db import statements
from magnum import drivers
from magnum.drivers import base
from magnum import errors
from magnum import openstack
from magnum.operations import desired

LOG = log.getLogger(__name__)
CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('drift_interval', default=300,
               help='Seconds between two looks at the stacks of clusters '
                    'that nobody is changing. Negative: never look.'),
]

CONF.register_opts(OPTS, group='conductor')

# How many projects are looked at at once.
THREADS = 4

FAILED = 'UPDATE_FAILED'
STATUSES = models.SETTLED | {FAILED}


@dataclasses.dataclass(frozen=True)
class Task:
    """The clusters of a project, with what was found of each before."""

    project_id: str
    clusters: tuple[models.Cluster, ...]
    known: Mapping[str, models.Condition | None]


# By cluster and node group.
Failures = Mapping[str, Mapping[str, base.Failure]]


class Stacks(polls.Errand):
    """Has drivers list the stacks of each project."""

    kind = claims.STACKS
    seconds = 120

    def interval(self) -> float:
        return max(CONF.conductor.drift_interval, 1)

    def wanted(self) -> set[str]:
        with db.reader() as session:
            return clusters.projects(session, STATUSES)

    @db.undeadlocked
    def load(self, subjects: Collection[str]) -> Mapping[str, Task]:
        with db.reader() as session:
            rows = clusters.of_projects(session, subjects, STATUSES)
            known = conditions.of(session, [row.uuid for row in rows])
        return {project_id: Task(
            project_id,
            tuple(row for row in rows if row.project_id == project_id),
            {row.uuid: known[row.uuid].get(conditions.INFRASTRUCTURE)
             for row in rows if row.project_id == project_id})
            for project_id in subjects}

    def ask(self, task: Task) -> Failures:
        cloud = openstack.service_cloud(task.project_id)
        found: dict[str, Mapping[str, base.Failure]] = {}
        for driver, rows in _by_driver(task.clusters):
            found |= driver.survey(cloud, [
                desired.spec(row, row.template, row.nodegroups)
                for row in rows])
        return found

    def write(self, task: Task, found: Failures, owner: str) -> None:
        for cluster in task.clusters:
            known = task.known[cluster.uuid]
            if cluster.uuid not in found:
                continue
            finding = _finding(cluster, known, found[cluster.uuid])
            if not finding.is_known(known):
                _store(task.project_id, cluster, known, finding,
                       found[cluster.uuid], owner)


def _by_driver(rows: Collection[models.Cluster]
               ) -> list[tuple[base.Driver, list[models.Cluster]]]:
    groups: dict[str, list[models.Cluster]] = {}
    for row in rows:
        if row.template is None:
            continue
        try:
            name = drivers.name_for(row.template)
        except errors.DriverNotFound:
            continue
        groups.setdefault(name, []).append(row)
    return [(drivers.by_name(name), members)
            for name, members in groups.items() if name in drivers.names()]


def _finding(cluster: models.Cluster, known: models.Condition | None,
             failures: Mapping[str, base.Failure]) -> conditions.Finding:
    if not failures:
        return conditions.Finding('True', 'OK')
    first = next(failures[group.uuid] for group in cluster.nodegroups
                 if group.uuid in failures)
    names = ', '.join(f'{group.name} failed' for group in cluster.nodegroups
                      if group.uuid in failures)
    previous = {}
    if cluster.status in models.SETTLED:
        previous = {row.uuid: row.status for row in (
            cluster, *(group for group in cluster.nodegroups
                       if group.uuid in failures))}
    elif known is not None and known.status == 'False':
        previous = known.previous
    return conditions.Finding('False', first.code, f'{names}: {first.text}',
                              previous)


@db.undeadlocked
def _store(project_id: str, cluster: models.Cluster,
           known: models.Condition | None, finding: conditions.Finding,
           failures: Mapping[str, base.Failure], owner: str) -> None:
    """Write what was found, and the statuses that tell of it."""
    with db.writer() as session:
        if not claims.hold(session, claims.STACKS, project_id, owner):
            return
        status, reason = _told(cluster, known, finding)
        if not statements.restate(session, cluster, status, reason):
            return
        for group in cluster.nodegroups:
            _restate_group(session, group, known, finding, failures)
        conditions.write(session, cluster.uuid,
                         {conditions.INFRASTRUCTURE: finding})
        if known is not None or finding.status == 'False':
            claims.hasten(session, claims.HEALTH, cluster.uuid)
    if finding.status == 'False':
        LOG.warning('Cluster %s: %s', cluster.uuid, finding.message)
    elif known is not None:
        LOG.info('The stacks of cluster %s are well again.', cluster.uuid)


def _told(cluster: models.Cluster, known: models.Condition | None,
          finding: conditions.Finding) -> tuple[str, str | None]:
    """The status and the reason that the cluster should have."""
    is_ours = (known is not None and known.status == 'False'
               and cluster.status == FAILED
               and cluster.status_reason == known.message)
    if finding.status == 'False' and (is_ours
                                      or cluster.status in models.SETTLED):
        return FAILED, finding.message
    if is_ours and finding.status == 'True':
        return known.previous.get(cluster.uuid, FAILED), None
    return cluster.status, cluster.status_reason


def _restate_group(session, group: models.NodeGroup,
                   known: models.Condition | None,
                   finding: conditions.Finding,
                   failures: Mapping[str, base.Failure]) -> None:
    failure = failures.get(group.uuid)
    before = known.previous.get(group.uuid) if known is not None else None
    if failure is not None and group.uuid in finding.previous:
        statements.restate(session, group, FAILED, failure.text)
    elif failure is None and before and group.status == FAILED:
        statements.restate(session, group, before, None)
