# SPDX-License-Identifier: Apache-2.0
"""An orchestration service in memory.

It keeps stacks, not resources: names are unique among a project's live
stacks, deleted ones stay visible by id, a PATCH merges parameters and drops
those that the template does not know, and refusals are heatclient's own
exceptions.  It stands still until told, unless `auto` is set:

    heat = FakeHeat()
    stack_id = heat.client('p1').stacks.create(...)['stack']['id']
    heat.complete(stack_id)                     # or heat.fail(stack_id, why)

With `auto` a stack in progress is complete when somebody next looks at it.
`faults` makes calls go wrong: `heat.faults['create'] = [error]` raises the
error once before any effect; `heat.lost['create'] = [error]` once after it,
as when the connection breaks before the answer.
"""

import collections
import copy
import json
import time
import uuid

from heatclient import exc
import yaml

NAMESPACE = uuid.UUID('5d6c2a52-3d6e-4a0e-8b0f-1f6f0c3b0a55')


class Group:
    """A ResourceGroup: members by index; a removed index never returns."""

    def __init__(self, stack_id, name):
        self.stack_id, self.name = stack_id, name
        self.gone = set()
        self.members = []

    def server_id(self, index):
        return str(uuid.uuid5(NAMESPACE,
                              f'{self.stack_id} {self.name} {index}'))

    def resize(self, count, removals):
        for index in self.members:
            if index in removals or self.server_id(index) in removals:
                self.gone.add(index)
        indexes = (str(i) for i in range(count + len(self.gone)))
        self.members = [i for i in indexes if i not in self.gone][:count]

    def addresses(self, network):
        return [f'{network}.{10 + int(index)}' for index in self.members]


class FakeStack:
    """What the service stores of one stack; attributes as Heat shows them."""

    def __init__(self, project_id, wish):
        self.id = str(uuid.uuid4())
        self.stack_name = wish['stack_name']
        self.project_id = project_id
        self.action, self.status = 'CREATE', 'IN_PROGRESS'
        self.stack_status_reason = 'Stack CREATE started'
        self.tags = [t for t in wish.get('tags', '').split(',') if t]
        self.timeout_mins = wish.get('timeout_mins', 60)
        self.template, self.files = _parsed(wish), dict(wish.get('files', {}))
        self.parameters = _accepted(self.template, wish['parameters'])
        self.masters = Group(self.id, 'kube_masters')
        self.minions = Group(self.id, 'kube_minions')
        # Rows of `resources.list` that tests add, such as failed members.
        self.failed_members = []
        self.visible_at = 0
        self._resize()

    @property
    def stack_status(self):
        return f'{self.action}_{self.status}'

    @property
    def is_live(self):
        return self.stack_status != 'DELETE_COMPLETE'

    def begin(self, action):
        self.action, self.status = action, 'IN_PROGRESS'
        self.stack_status_reason = f'Stack {action} started'

    def update(self, wish):
        if 'template' in wish:
            self.template = _parsed(wish)
        self.files.update(wish.get('files', {}))
        self.parameters = _accepted(
            self.template, {**self.parameters, **wish.get('parameters', {})})
        self.begin('UPDATE')
        self._resize()

    def _resize(self):
        for group, what in ((self.masters, 'masters'),
                            (self.minions, 'minions')):
            count = self.parameters.get(f'number_of_{what}', 0)
            removals = self.parameters.get(f'{what}_to_remove') or []
            if isinstance(removals, str):
                removals = removals.split(',')
            group.resize(int(count), set(removals))
        left = {*((self.masters.name, i) for i in self.masters.members),
                *((self.minions.name, i) for i in self.minions.members)}
        self.failed_members = [m for m in self.failed_members if m in left]

    def is_set(self, name):
        return str(self.parameters.get(name)).lower() == 'true'

    def has(self, resource):
        """Whether a stack of the kubeadm driver has the resource."""
        balanced = self.is_set('lb_enabled')
        return self.is_set('is_cluster_stack') and {
            'api_lb': balanced, 'api_port': not balanced}.get(resource, True)

    def outputs(self):
        """The outputs of a Kubernetes cluster of this size."""
        with_lb = self.is_set('lb_enabled')
        masters = self.masters.addresses('172.24.1')
        return {
            'api_address': '172.24.0.9' if with_lb else (
                masters[0] if masters else ''),
            'kube_masters': masters,
            'kube_masters_private': self.masters.addresses('10.0.1'),
            'kube_minions': self.minions.addresses('172.24.2'),
            'kube_minions_private': self.minions.addresses('10.0.2'),
            'kube_masters_info': [_node_info(i) for i in self.masters.members],
            'kube_minions_info': [_node_info(i) for i in self.minions.members],
        }


class Row:
    """One answer: attributes of the moment, as heatclient gives them."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def to_dict(self):
        return dict(self.__dict__)


class FakeHeat:
    """The whole service, all projects."""

    def __init__(self, auto=False, delay=0):
        self.auto = auto
        # Seconds that every call takes.
        self.delay = delay
        # Seconds for which `auto` leaves a stack in progress.
        self.build_time = 0
        self.stacks = {}
        self.calls = collections.Counter()
        self.faults = collections.defaultdict(list)
        self.lost = collections.defaultdict(list)

    def client(self, project_id):
        return Client(self, project_id)

    def live(self, project_id=None):
        """The stacks that are not deleted."""
        return [s for s in self.stacks.values() if s.is_live
                and project_id in (None, s.project_id)]

    def complete(self, stack_id):
        stack = self.stacks[stack_id]
        stack.status = 'COMPLETE'
        stack.stack_status_reason = (
            f'Stack {stack.action} completed successfully')

    def fail(self, stack_id, reason, members=()):
        """Fail the last action; `members` as ('kube_minions', '2')."""
        stack = self.stacks[stack_id]
        stack.status, stack.stack_status_reason = 'FAILED', reason
        stack.failed_members = list(members)

    def answer(self, call, effect):
        """Run one call with its delay and its faults."""
        self.calls[call] += 1
        time.sleep(self.delay)
        if self.faults[call]:
            raise self.faults[call].pop(0)
        answer = effect()
        if self.lost[call]:
            raise self.lost[call].pop(0)
        return answer

    def look(self, stack):
        """Let time pass for a stack that somebody looks at."""
        if (self.auto and stack.status == 'IN_PROGRESS'
                and time.monotonic() >= stack.visible_at):
            self.complete(stack.id)


class Client:
    """The part of heatclient's v1 client that drivers use."""

    def __init__(self, service, project_id):
        self.service, self.project_id = service, project_id
        self.stacks = Stacks(self)
        self.resources = Resources(self)

    def find(self, ident, deleted=False):
        """A stack by `id`, `name` or `name/id`; deleted ones by id only."""
        last = ident.rpartition('/')[2]
        for stack in self.service.stacks.values():
            if stack.project_id != self.project_id:
                continue
            by_name = stack.stack_name == last and stack.is_live
            by_id = stack.id == last and (deleted or stack.is_live)
            if by_name or by_id:
                return stack
        raise exc.HTTPNotFound(f'The Stack ({ident}) could not be found.')


class Stacks:
    def __init__(self, client):
        self.client, self.service = client, client.service

    def create(self, **wish):
        return self.service.answer('create', lambda: self._create(wish))

    def _create(self, wish):
        name = wish['stack_name']
        if not name[:1].isalpha() or len(name) > 255:
            raise exc.HTTPBadRequest(f'Invalid stack name {name}')
        if any(s.stack_name == name
               for s in self.service.live(self.client.project_id)):
            raise exc.HTTPConflict(f'The Stack ({name}) already exists.')
        stack = FakeStack(self.client.project_id, wish)
        stack.visible_at = time.monotonic() + self.service.build_time
        self.service.stacks[stack.id] = stack
        return {'stack': {'id': stack.id, 'links': []}}

    def get(self, stack_id, resolve_outputs=True):
        def effect():
            stack = self.client.find(stack_id, deleted=True)
            self.service.look(stack)
            row = _row(stack)
            row.parameters = _shown(stack)
            if resolve_outputs:
                row.outputs = [
                    {'output_key': key, 'output_value': value}
                    for key, value in stack.outputs().items()]
            return row
        return self.service.answer('get', effect)

    def list(self, filters=None, tags=None, show_deleted=False, **ignored):
        def effect():
            rows = []
            for stack in list(self.service.stacks.values()):
                if (stack.project_id != self.client.project_id
                        or not (stack.is_live or show_deleted)):
                    continue
                if not _matches(stack, filters or {}, tags):
                    continue
                self.service.look(stack)
                if stack.is_live or show_deleted:
                    rows.append(_row(stack))
            return rows
        # As in heatclient, the call is made when the first row is taken.
        yield from self.service.answer('list', effect)

    def update(self, stack_id, existing=False, **wish):
        def effect():
            stack = self.client.find(stack_id)
            if not existing:
                raise AssertionError('only PATCH keeps what was not sent')
            if stack.action == 'DELETE':
                raise exc.HTTPConflict('Stack is being deleted.')
            stack.update(wish)
            stack.visible_at = time.monotonic() + self.service.build_time
        return self.service.answer('update', effect)

    def delete(self, stack_id):
        def effect():
            stack = self.client.find(stack_id)
            stack.begin('DELETE')
            stack.visible_at = time.monotonic() + self.service.build_time
        return self.service.answer('delete', effect)


class Resources:
    def __init__(self, client):
        self.client, self.service = client, client.service

    def get(self, stack_id, name):
        """One of those that workers of other stacks depend on."""
        def effect():
            stack = self.client.find(stack_id, deleted=True)
            if not stack.has(name):
                raise exc.HTTPNotFound(f'The Resource ({name}) could not be '
                                       f'found in Stack {stack.stack_name}.')
            return Row(resource_name=name, attributes=ATTRIBUTES[name],
                       physical_resource_id=f'{name}-of-{stack.id}')
        return self.service.answer('resource', effect)

    def list(self, stack_id, nested_depth=0, **ignored):
        """The members of both groups, and in each its wait condition."""
        def effect():
            stack = self.client.find(stack_id, deleted=True)
            rows = []
            for group in (stack.masters, stack.minions):
                rows.append(_resource(group.name, stack.id,
                                      f'{stack.id}-{group.name}'))
                for index in group.members:
                    failed = (group.name, index) in stack.failed_members
                    status = 'CREATE_FAILED' if failed else 'CREATE_COMPLETE'
                    inside = f'{stack.id}-{group.name}-{index}'
                    rows.append(_resource(
                        index, f'{stack.id}-{group.name}', inside, status))
                    rows.append(_resource(
                        'node_config_deployment', inside, '', status))
                    rows.append(_resource(
                        'server', inside, group.server_id(index), status,
                        'OS::Nova::Server'))
            return rows
        return self.service.answer('resources', effect)


# What other resources of a cluster's stack show to those who ask.
ATTRIBUTES = {
    'network': {'fixed_network': 'network-of-nodes',
                'fixed_subnet': 'subnet-of-nodes'},
    'secgroup_kube_minion': {},
    'api_lb': {'address': '10.0.0.8'},
    'api_port': {'fixed_ips': [{'ip_address': '10.0.0.7'}]}}


def _parsed(wish):
    template = wish['template']
    return yaml.safe_load(template) if isinstance(
        template, str) else copy.deepcopy(template)


def _accepted(template, parameters):
    declared = template.get('parameters', {})
    for name, rule in declared.items():
        if name not in parameters and 'default' not in rule:
            raise exc.HTTPBadRequest(
                f'The Parameter ({name}) was not provided.')
    return {name: value for name, value in parameters.items()
            if name in declared}


def _shown(stack):
    declared = stack.template.get('parameters', {})
    shown = {}
    for name, rule in declared.items():
        value = stack.parameters.get(name, rule.get('default'))
        if rule.get('hidden'):
            value = '******'
        elif isinstance(value, list | dict):
            value = json.dumps(value)
        shown[name] = str(value)
    return shown


def _row(stack):
    return Row(id=stack.id, stack_name=stack.stack_name,
               stack_status=stack.stack_status,
               stack_status_reason=stack.stack_status_reason,
               tags=list(stack.tags), project=stack.project_id,
               deletion_time=None if stack.is_live else 'some time')


def _resource(name, stack_id, physical_id, status='CREATE_COMPLETE',
              kind='OS::Heat::Stack'):
    return Row(resource_name=name, physical_resource_id=physical_id,
               resource_type=kind,
               resource_status=status, resource_status_reason='',
               links=[{'rel': 'stack',
                       'href': f'http://heat/v1/p/stacks/name/{stack_id}'}])


def _matches(stack, filters, tags):
    facts = {'id': stack.id, 'name': stack.stack_name,
             'stack_name': stack.stack_name, 'status': stack.status}
    for key, wanted in filters.items():
        if facts[key] not in (
                wanted if isinstance(wanted, list | tuple) else [wanted]):
            return False
    return not tags or set(tags.split(',')) <= set(stack.tags)


def _node_info(index):
    return json.dumps({f'node-{index}': json.dumps(
        {'version': 'v1.31.4', 'runtime': 'containerd://1.7.24',
         'os': 'Ubuntu 22.04', 'kernel': '5.15.0'})})
