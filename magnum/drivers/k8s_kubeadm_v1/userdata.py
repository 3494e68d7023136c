# SPDX-License-Identifier: Apache-2.0
"""The user data of a node, as Heat will assemble it.

The templates say what goes into it; Heat puts it together.  To refuse what
would be too long before anything is built, the same expression is worked out
here, with the functions of HOT that our node templates use.
"""

import base64
from collections.abc import Mapping
import functools
import gzip
import json
import pathlib
from typing import Any

import yaml

_FOLDER = pathlib.Path(__file__).parent

# Nova takes 65535 bytes of base64, which are 49149 of text.  What is assumed
# here of names and addresses may be a little short.
LIMIT = 48 * 1024

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
    return yaml.load((_FOLDER / 'templates' / name).read_text(), _Loader)


@functools.cache
def files() -> Mapping[str, str]:
    """All that the templates refer to, by the names that they use."""
    script = (_FOLDER / 'scripts' / 'magnum-node').read_text()
    texts = {path.name: path.read_text()
             for path in sorted((_FOLDER / 'templates').iterdir())
             if path.name != 'cluster.yaml'}
    return {**texts,
            'node.env': (_FOLDER / 'scripts' / 'node.env').read_text(),
            'magnum-node.gz.b64': packed(script)}


@functools.cache
def cluster_template() -> str:
    return (_FOLDER / 'templates' / 'cluster.yaml').read_text()


def packed(text: str) -> str:
    """As cloud-init's encoding gz+b64; the same for the same text."""
    return base64.b64encode(
        gzip.compress(text.encode(), 9, mtime=0)).decode()


def render(group: str, parameters: Mapping[str, Any], index: str = '0') -> str:
    """User data of a member of `kube_masters` or `kube_minions`.

    :param parameters: of the cluster's template.
    """
    cluster = template('cluster.yaml')
    definition = cluster['resources'][group]['properties']['resource_def']
    properties = {
        name: value.replace('%index%', index) if name in ('name', 'index')
        else value
        for name, value in _Resolver(cluster, parameters).resolve(
            definition['properties']).items()}
    member = template(definition['type'])
    server = {'kube_masters': 'kube-master', 'kube_minions': 'kube-minion'}
    return _Resolver(member, properties).resolve(
        member['resources'][server[group]]['properties']['user_data'])


class _Resolver:
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
        return files()[name]

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
        text = self.resolve(arguments['template'])
        for word, value in self.resolve(arguments['params']).items():
            text = text.replace(word, str(value))
        return text

    def _str_replace_strict(self, arguments: dict[str, Any]) -> str:
        text = self.resolve(arguments['template'])
        for word in arguments['params']:
            if word not in text:
                raise ValueError(f'{word} is not in the text')
        return self._str_replace(arguments)
