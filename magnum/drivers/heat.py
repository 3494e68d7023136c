# SPDX-License-Identifier: Apache-2.0
"""Stacks: all that this service knows of Heat.

A cluster's stack is found by a name made of the cluster's, and marked with
tags, so that who comes back after a crash finds what was made before it.

Many clusters may wait for their stacks at the same time.  `look` answers all
of a project's askers from one list call, at most `FRESH_SECONDS` old; outputs
are fetched once a stack came to rest.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re
import threading
import time
from typing import Any

from oslo_log import log

from magnum import errors
from magnum import openstack

LOG = log.getLogger(__name__)

FRESH_SECONDS = 0.7

# A request line must fit the 8 KiB of common web servers.
IDS_PER_LIST = 150

# Who has not asked for so long does not wait any more.
FORGET_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Stack:
    """A stack as Heat shows it; parameters and outputs when asked for."""

    id: str
    name: str
    action: str
    status: str
    reason: str
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_gone(self) -> bool:
        return (self.action, self.status) == ('DELETE', 'COMPLETE')

    @property
    def path(self) -> str:
        """How to address it without being sent on to another URL."""
        return f'{self.name}/{self.id}'


@dataclasses.dataclass(frozen=True)
class Member:
    """One node of a group; `is_ready` when its wait condition is met."""

    group: str
    index: str
    is_failed: bool
    is_ready: bool


def stack_name(cluster_name: str, cluster_uuid: str) -> str:
    """The same for the same cluster, legal in Heat and as a host name."""
    slug = re.sub('[^a-z0-9-]', '', re.sub('[_.]', '-', cluster_name.lower()))
    slug = slug[:30].strip('-')
    if not slug[:1].isalpha():
        slug = f'k{slug}'[:30]
    return f'{slug}-{cluster_uuid.replace("-", "")[:12]}'


def tags(cluster_uuid: str) -> tuple[str, ...]:
    return ('magnum', f'magnum-cluster-{cluster_uuid}')


def home(cloud: openstack.Cloud, project_id: str) -> openstack.Cloud:
    """The cloud to use for a cluster of this project.

    An administrator of another project acts through the service's own user,
    since Heat shows stacks within their project only.
    """
    if cloud.project_id == project_id:
        return cloud
    return openstack.service_cloud(project_id)


def create(cloud: openstack.Cloud, name: str, mark: Iterable[str],
           timeout_minutes: int, template: str, files: Mapping[str, str],
           parameters: Mapping[str, Any]) -> str:
    """Begin a stack, or adopt the one that was begun before; its id.

    :raises Conflict: the name is taken by a stack without our tags.
    """
    mark = tuple(mark)
    try:
        with openstack.translated('Heat'):
            answer = cloud.heat.stacks.create(
                stack_name=name, template=template, files=dict(files),
                parameters=dict(parameters), tags=','.join(mark),
                timeout_mins=timeout_minutes, disable_rollback=True)
    except errors.Conflict:
        return _adopt(cloud, name, mark)
    return answer['stack']['id']


def _adopt(cloud: openstack.Cloud, name: str, mark: tuple[str, ...]) -> str:
    stack = find(cloud, name)
    if stack is None:
        raise errors.Temporary(f'Heat refuses stack {name}, but has none of '
                               f'that name.')
    if not set(mark) <= set(stack.tags):
        raise errors.Conflict(
            f'The name {name} is taken by stack {stack.id}, which does not '
            f'belong to this cluster; rename or delete it.')
    LOG.info('Adopted stack %s', stack.id)
    return stack.id


def find(cloud: openstack.Cloud, ident: str,
         outputs: bool = False) -> Stack | None:
    """A stack by name, `name/id` or id; None when there is none."""
    try:
        with openstack.translated('Heat'):
            found = cloud.heat.stacks.get(ident, resolve_outputs=outputs)
    except errors.NotFound:
        return None
    stack = _stack(found)
    return None if stack.is_gone else stack


def patch(cloud: openstack.Cloud, stack: Stack, template: str,
          files: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
    """Change some parameters; all others keep their values."""
    with openstack.translated('Heat'):
        cloud.heat.stacks.update(
            stack.path, existing=True, template=template, files=dict(files),
            parameters=dict(parameters), disable_rollback=True)
    forget(stack.id)


def delete(cloud: openstack.Cloud, stack: Stack) -> None:
    """Set a stack's removal in motion; absent is success."""
    try:
        with openstack.translated('Heat'):
            cloud.heat.stacks.delete(stack.path)
    except errors.NotFound:
        pass
    forget(stack.id)


def members(cloud: openstack.Cloud, stack: Stack,
            groups: tuple[str, ...]) -> list[Member]:
    """The nodes in these groups of a stack, as far as Heat got."""
    with openstack.translated('Heat'):
        rows = list(cloud.heat.resources.list(stack.path, nested_depth=2))
    inside: dict[str, list[Any]] = {}
    for row in rows:
        inside.setdefault(_owner(row), []).append(row)
    found = []
    for group in inside.get(stack.id, []):
        if group.resource_name not in groups:
            continue
        for member in inside.get(group.physical_resource_id, []):
            ready = any(
                row.resource_name == 'node_config_deployment'
                and row.resource_status.endswith('_COMPLETE')
                for row in inside.get(member.physical_resource_id, []))
            found.append(Member(
                group.resource_name, member.resource_name,
                member.resource_status.endswith('_FAILED'), ready))
    return found


def _owner(row: Any) -> str:
    """The id of the stack that a resource is in."""
    for link in row.links:
        if link['rel'] == 'stack':
            return link['href'].rpartition('/')[2]
    return ''


class _Project:
    """What is known of one project's stacks, and who asked for which."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked: dict[str, float] = {}
        self.rows: dict[str, Stack | None] = {}
        self.taken = 0.0


_projects_lock = threading.Lock()
_projects: dict[str, _Project] = {}


def look(cloud: openstack.Cloud, stack_id: str) -> Stack | None:
    """A stack's state, from one list call for all who ask at this time.

    Without parameters and outputs; None when Heat does not know it.
    """
    with _projects_lock:
        project = _projects.setdefault(cloud.project_id, _Project())
    now = time.monotonic()
    with project.lock:
        project.asked[stack_id] = now
        # Whoever waited for the lock finds what was fetched meanwhile.
        stale = now - project.taken > FRESH_SECONDS
        if stale or stack_id not in project.rows:
            _refresh(cloud, project)
        stack = project.rows[stack_id]
        if stack is None or stack.status != 'IN_PROGRESS':
            # A result is given out once: what is asked next is about a later
            # change, which may have been made by another process.
            del project.rows[stack_id], project.asked[stack_id]
        return stack


def forget(stack_id: str) -> None:
    """Drop what is known of a stack that has just been changed."""
    with _projects_lock:
        projects = list(_projects.values())
    for project in projects:
        with project.lock:
            project.rows.pop(stack_id, None)


def _refresh(cloud: openstack.Cloud, project: _Project) -> None:
    taken = time.monotonic()
    project.asked = {ident: when for ident, when in project.asked.items()
                     if taken - when < FORGET_SECONDS}
    wanted = sorted(project.asked)
    rows: dict[str, Stack | None] = dict.fromkeys(wanted)
    for start in range(0, len(wanted), IDS_PER_LIST):
        with openstack.translated('Heat'):
            found = list(cloud.heat.stacks.list(
                filters={'id': wanted[start:start + IDS_PER_LIST]},
                show_deleted=True))
        rows.update({row.id: _stack(row) for row in found})
    project.rows, project.taken = rows, taken


def _stack(row: Any) -> Stack:
    action, _, status = row.stack_status.partition('_')
    return Stack(
        id=row.id, name=row.stack_name, action=action, status=status,
        reason=row.stack_status_reason or '',
        tags=tuple(getattr(row, 'tags', None) or ()),
        parameters=getattr(row, 'parameters', None) or {},
        outputs={output['output_key']: output.get('output_value')
                 for output in getattr(row, 'outputs', None) or ()})
