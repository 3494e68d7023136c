# SPDX-License-Identifier: Apache-2.0
"""The functions of HOT that our templates use, worked out in Python.

So user data can be read as a node would, without Heat.
"""

import base64
from collections.abc import Mapping
import functools
import gzip
import json
import re
from typing import Any

import yaml

from magnum.drivers.k8s_kubeadm_v1 import stack_templates

# What only Heat knows, in its usual length.
ATTRIBUTE = {'signal': {
    'alarm_url': 'https://heat.example.org:8004/v1/' + 'x' * 250,
    'auth_url': 'https://keystone.example.org:5000/v3',
    'domain_id': 'x' * 32, 'password': 'x' * 32, 'project_id': 'x' * 32,
    'region_name': 'x' * 16, 'user_id': 'x' * 32, 'username': 'x' * 64}}
REFERENCE = 'x' * 36

_ABSENT = object()

# The one in C is ten times as fast, where it was built.
_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


@functools.cache
def template(name: str) -> dict[str, Any]:
    """A template of ours, parsed."""
    text = (stack_templates.cluster() if name == 'cluster.yaml'
            else stack_templates.files()[name])
    return yaml.load(text, _Loader)




def render(group: str, parameters: Mapping[str, Any], index: str = '0') -> str:
    """User data of a member of `kube_masters` or `kube_minions`.

    :param parameters: of the cluster's template.
    """
    cluster = template('cluster.yaml')
    definition = cluster['resources'][group]['properties']['resource_def']
    properties = {
        name: value.replace('%index%', index) if name in ('name', 'index')
        else value
        for name, value in Resolver(cluster, parameters).resolve(
            definition['properties']).items()}
    member = template(definition['type'])
    server = {'kube_masters': 'kube-master', 'kube_minions': 'kube-minion'}
    return Resolver(member, properties).resolve(
        member['resources'][server[group]]['properties']['user_data'])


def files(group: str, parameters: Mapping[str, Any],
          index: str = '0') -> dict[str, str]:
    """The files of such a member as cloud-init writes them."""
    config = yaml.safe_load(render(group, parameters, index))
    return {entry['path']: entry['content'] if 'encoding' not in entry
            else gzip.decompress(base64.b64decode(entry['content'])).decode()
            for entry in config['write_files']}


class Resolver:
    def __init__(self, hot: Mapping[str, Any],
                 parameters: Mapping[str, Any]):
        self.parameters = {'OS::stack_name': 'x' * 43} | {
            name: parameters.get(name, rule.get('default'))
            for name, rule in hot['parameters'].items()}
        self.conditions = hot['conditions']

    def resolve(self, node: Any) -> Any:
        if isinstance(node, dict):
            if len(node) == 1:
                (name, argument), = node.items()
                function = getattr(self, f'_{name}', None)
                if function:
                    return function(argument)
            items = {key: self.resolve(value) for key, value in node.items()}
            return {key: value for key, value in items.items()
                    if value is not _ABSENT}
        if isinstance(node, list):
            found = (self.resolve(item) for item in node)
            return [item for item in found if item is not _ABSENT]
        return node

    def _get_param(self, path: Any) -> Any:
        path = self.resolve(path)
        if not isinstance(path, list):
            return self.parameters[path]
        value = self.parameters[path[0]]
        for step in path[1:]:
            value = value.get(step, '') if isinstance(value, dict) else ''
        return value

    def _get_file(self, name: str) -> str:
        return stack_templates.files()[name]

    def _get_attr(self, path: list[Any]) -> Any:
        return ATTRIBUTE.get(path[1], '255.255.255.255')

    def _get_resource(self, name: str) -> str:
        return REFERENCE

    def _if(self, arguments: list[Any]) -> Any:
        if self._holds(arguments[0]):
            return self.resolve(arguments[1])
        return self.resolve(arguments[2]) if arguments[2:] else _ABSENT

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self.conditions[condition])
        if not isinstance(condition, dict):
            return bool(condition)
        (name, argument), = condition.items()
        if name == 'not':
            return not self._holds(argument)
        if name == 'and':
            return all(map(self._holds, argument))
        if name == 'equals':
            one, other = self.resolve(argument)
            return one == other
        return bool(self.resolve(condition))

    def _list_join(self, arguments: list[Any]) -> str:
        delimiter, items = self.resolve(arguments)
        return delimiter.join(item if isinstance(item, str)
                              else json.dumps(item) for item in items)

    def _list_concat(self, arguments: list[Any]) -> list[Any]:
        return [item for items in self.resolve(arguments) for item in items]

    def _str_replace(self, arguments: dict[str, Any]) -> str:
        """All at once: what was put in is not looked at again."""
        text = self.resolve(arguments['template'])
        values = self.resolve(arguments['params'])
        words = sorted(values, key=len, reverse=True)
        return re.sub('|'.join(map(re.escape, words)),
                      lambda found: str(values[found[0]]), text)

    def _str_replace_strict(self, arguments: dict[str, Any]) -> str:
        text = self.resolve(arguments['template'])
        for word in arguments['params']:
            if word not in text:
                raise ValueError(f'{word} is not in the text')
        return self._str_replace(arguments)
