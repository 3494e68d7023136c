# SPDX-License-Identifier: Apache-2.0
"""Stacks: all that this service knows of Heat.

A cluster's stack is found by a name made of the cluster's, and marked with
tags, so that who comes back after a crash finds what was made before it.

Many clusters may wait for their stacks at the same time.  `look` answers all
of a project's askers from one list call, at most `FRESH_SECONDS` old; outputs
are fetched once a stack came to rest.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import re
import threading
import time
from typing import Any

from oslo_log import log

from magnum.drivers import heat_trusts
from magnum.drivers import reasons
from magnum import errors
from magnum import openstack

LOG = log.getLogger(__name__)

FRESH_SECONDS = 0.7

# What members of the groups in our templates are called.
GROUP_TITLES = {'kube_masters': 'Master', 'kube_minions': 'Node'}

# A request line must fit the 8 KiB of common web servers.
IDS_PER_LIST = 150

# Who has not asked for so long does not wait any more.
FORGET_SECONDS = 60

# How long to wait for the answer to another one's question.
PATIENCE_SECONDS = 2


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
    server_id: str | None = None


def stack_name(cluster_name: str, cluster_uuid: str) -> str:
    """The same for the same cluster, legal in Heat and as a host name."""
    return f'{_cluster_slug(cluster_name, 30)}-{_short(cluster_uuid)}'


def group_stack_name(cluster_name: str, group_name: str,
                     group_uuid: str) -> str:
    """Likewise for a node group with a stack of its own."""
    parts = (_cluster_slug(cluster_name, 20).rstrip('-'),
             _slug(group_name, 9),
             _short(group_uuid))
    return '-'.join(filter(None, parts))


def _cluster_slug(name: str, length: int) -> str:
    slug = _slug(name, length)
    return slug if slug[:1].isalpha() else f'k{slug}'[:length]


def _slug(name: str, length: int) -> str:
    slug = re.sub('[^a-z0-9-]', '', re.sub('[_.]', '-', name.lower()))
    return slug[:length].strip('-')


def _short(uuid: str) -> str:
    return uuid.replace('-', '')[:12]


def tags(cluster_uuid: str) -> tuple[str, ...]:
    return ('magnum', f'magnum-cluster-{cluster_uuid}')


def group_tags(cluster_uuid: str, group_uuid: str) -> tuple[str, ...]:
    return (*tags(cluster_uuid), f'magnum-ng-{group_uuid}')


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
        with _refusals_in_plain_words():
            answer = cloud.heat.stacks.create(
                stack_name=name, template=template, files=dict(files),
                parameters=dict(parameters), tags=','.join(mark),
                timeout_mins=timeout_minutes, disable_rollback=True)
    except errors.Conflict:
        return _adopt(cloud, name, mark)
    return answer['stack']['id']


@contextlib.contextmanager
def _refusals_in_plain_words() -> Iterator[None]:
    try:
        with openstack.translated('Heat'):
            yield
    except errors.InfrastructureFailed as e:
        raise errors.InfrastructureFailed(
            reasons.plain(str(e), GROUP_TITLES), e.code) from e


def _adopt(cloud: openstack.Cloud, name: str, mark: tuple[str, ...]) -> str:
    stack = find(cloud, name)
    if stack is None:
        raise errors.Temporary(f'Heat rejected stack {name} as a duplicate, '
                               'but has no stack with that name.')
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


def tagged(cloud: openstack.Cloud, cluster_uuid: str) -> list[Stack]:
    """The stacks that have the tag of a cluster."""
    with openstack.translated('Heat'):
        return [_stack(row) for row in cloud.heat.stacks.list(
            tags=tags(cluster_uuid)[-1])]


def nested(cloud: openstack.Cloud, prefix: str) -> list[Stack]:
    """The stacks within others whose names begin so."""
    with openstack.translated('Heat'):
        rows = list(cloud.heat.stacks.list(show_nested=True))
    return [_stack(row) for row in rows if row.stack_name.startswith(prefix)]


def patch(cloud: openstack.Cloud, stack: Stack, template: str,
          files: Mapping[str, str], parameters: Mapping[str, Any],
          owner_id: str = '', project_id: str = '') -> None:
    """Change some parameters; all others keep their values.

    :param owner_id: the user who made the stack, in this project.
    """
    def change() -> None:
        with _refusals_in_plain_words():
            cloud.heat.stacks.update(
                stack.path, existing=True, template=template,
                files=dict(files), parameters=dict(parameters),
                disable_rollback=True)
    heat_trusts.changed(cloud, owner_id, project_id, change)
    forget(stack.id)


def delete(cloud: openstack.Cloud, stack: Stack, owner_id: str = '',
           project_id: str = '') -> None:
    """Set a stack's removal in motion; absent is success."""
    def change() -> None:
        with openstack.translated('Heat'):
            cloud.heat.stacks.delete(stack.path)
    try:
        heat_trusts.changed(cloud, owner_id, project_id, change)
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
            parts = inside.get(member.physical_resource_id, [])
            ready = any(row.resource_name == 'node_config_deployment'
                        and row.resource_status.endswith('_COMPLETE')
                        for row in parts)
            server_id = next((row.physical_resource_id for row in parts
                              if row.resource_type == 'OS::Nova::Server'),
                             None)
            found.append(Member(
                group.resource_name, member.resource_name,
                member.resource_status.endswith('_FAILED'), ready, server_id))
    return found


def unfinished(stack: Stack, members: Iterable[Member]) -> list[Member]:
    """The members that a failed stack could not finish."""
    return [member for member in members if stack.status == 'FAILED'
            and member.is_failed and not member.is_ready]


def resource(cloud: openstack.Cloud, stack: Stack, name: str) -> Any:
    """A resource of a stack, with its `attributes`.

    :raises InfrastructureFailed: the stack has none of that name.
    """
    try:
        with openstack.translated('Heat'):
            return cloud.heat.resources.get(stack.path, name)
    except errors.NotFound:
        raise errors.InfrastructureFailed(
            f'Stack {stack.name} has no resource {name}.') from None


def pool_member(cloud: openstack.Cloud, stack: Stack, group: str,
                index: str) -> tuple[str, str] | None:
    """(pool, member): where a load balancer has this node, if it has."""
    with openstack.translated('Heat'):
        rows = list(cloud.heat.resources.list(stack.path, nested_depth=2))
    groups = {row.physical_resource_id for row in rows
              if row.resource_name == group and _owner(row) == stack.id}
    nodes = {row.physical_resource_id for row in rows
             if row.resource_name == index and _owner(row) in groups}
    pool = next((row.physical_resource_id for row in rows
                 if row.resource_type == 'OS::Octavia::Pool'), None)
    member = next((row.physical_resource_id for row in rows
                   if row.resource_type == 'OS::Octavia::PoolMember'
                   and _owner(row) in nodes), None)
    return (pool, member) if pool and member else None


def lost(cloud: openstack.Cloud, stack: Stack,
         members: Iterable[Member]) -> list[Member]:
    """The members whose servers somebody deleted, which Heat does not see."""
    living = {server.id for server in cloud.servers(f'{stack.name}-')}
    # Of those not in the list some may have been given another name.
    return [member for member in members
            if member.server_id and member.server_id not in living
            and not cloud.has_server(member.server_id)]


def _owner(row: Any) -> str:
    """The id of the stack that a resource is in."""
    for link in row.links:
        if link['rel'] == 'stack':
            return link['href'].rpartition('/')[2]
    return ''


class _Project:
    """What is known of one project's stacks, and who asked for which.

    `changed` guards all of it, and is never held during a call to Heat.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.asked: dict[str, float] = {}
        self.rows: dict[str, Stack | None] = {}
        self.taken = 0.0
        self.is_asking = False
        # Stacks that were changed while Heat was being asked.
        self.forgotten: set[str] = set()

    def knows(self, stack_id: str, now: float) -> bool:
        return stack_id in self.rows and now - self.taken <= FRESH_SECONDS

    def take(self, stack_id: str) -> Stack | None:
        """What is known of the stack; a result is given out once."""
        stack = self.rows[stack_id]
        if stack is None or stack.status != 'IN_PROGRESS':
            # What is asked next is about a later change, which may have been
            # made by another process.
            del self.rows[stack_id]
            self.asked.pop(stack_id, None)
        return stack

    def wanted(self, now: float) -> list[str]:
        """The stacks that somebody waits for; the others are dropped."""
        self.asked = {ident: when for ident, when in self.asked.items()
                      if now - when < FORGET_SECONDS}
        return sorted(self.asked)


_projects_lock = threading.Lock()
_projects: dict[str, _Project] = {}


def look(cloud: openstack.Cloud, stack_id: str) -> Stack | None:
    """A stack's state, from one list call for all who ask at this time.

    Without parameters and outputs; None when Heat does not know it.  While
    Heat is slow to answer one of them, the others get what was known before.

    :raises Temporary: nothing was known before: ask again.
    """
    with _projects_lock:
        project = _projects.setdefault(cloud.project_id, _Project())
    now = time.monotonic()
    while True:
        with project.changed:
            project.asked[stack_id] = now
            # Whoever waited finds what was fetched meanwhile.
            if project.knows(stack_id, now):
                return project.take(stack_id)
            if project.is_asking:
                if project.changed.wait(PATIENCE_SECONDS):
                    continue
                return _known_before(project, stack_id)
            project.is_asking = True
            project.forgotten.clear()
            wanted = project.wanted(time.monotonic())
        _refresh(cloud, project, wanted)


def expect(cloud: openstack.Cloud, stack_ids: Iterable[str]) -> None:
    """Have the next `look` ask for all of these at once."""
    with _projects_lock:
        project = _projects.setdefault(cloud.project_id, _Project())
    now = time.monotonic()
    with project.changed:
        project.asked.update(dict.fromkeys(stack_ids, now))


def _known_before(project: _Project, stack_id: str) -> Stack:
    stack = project.rows.get(stack_id)
    # Only this may still be so: a result belongs to the change before.
    if stack is not None and stack.status == 'IN_PROGRESS':
        return stack
    raise errors.ServiceUnavailable(
        'Heat has not reported the state of the stack yet; asking again.')


def forget(stack_id: str) -> None:
    """Drop what is known of a stack that has just been changed."""
    with _projects_lock:
        projects = list(_projects.values())
    for project in projects:
        with project.changed:
            project.rows.pop(stack_id, None)
            project.forgotten.add(stack_id)


def _refresh(cloud: openstack.Cloud, project: _Project,
             wanted: list[str]) -> None:
    """Ask Heat for these stacks of the project, without holding its lock."""
    taken, rows = time.monotonic(), None
    try:
        rows = listed(cloud, wanted)
    finally:
        with project.changed:
            project.is_asking = False
            if rows is not None:
                project.taken = taken
                project.rows = {ident: stack for ident, stack in rows.items()
                                if ident not in project.forgotten}
            project.changed.notify_all()


def listed(cloud: openstack.Cloud,
           wanted: list[str]) -> dict[str, Stack | None]:
    """The stacks of these ids, deleted ones too, by few calls."""
    rows: dict[str, Stack | None] = dict.fromkeys(wanted)
    for start in range(0, len(wanted), IDS_PER_LIST):
        with openstack.translated('Heat'):
            found = list(cloud.heat.stacks.list(
                filters={'id': wanted[start:start + IDS_PER_LIST]},
                show_deleted=True))
        rows.update({row.id: _stack(row) for row in found})
    return rows


def _stack(row: Any) -> Stack:
    action, _, status = row.stack_status.partition('_')
    return Stack(
        id=row.id, name=row.stack_name, action=action, status=status,
        reason=row.stack_status_reason or '',
        tags=tuple(getattr(row, 'tags', None) or ()),
        parameters=getattr(row, 'parameters', None) or {},
        outputs={output['output_key']: output.get('output_value')
                 for output in getattr(row, 'outputs', None) or ()})
