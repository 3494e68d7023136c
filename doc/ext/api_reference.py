# SPDX-License-Identifier: Apache-2.0
"""Pages about the API, made from what the API says of itself.

    .. api-operations::     every method: parameters, bodies, answers, rules
    .. api-schemas::        every body, attribute by attribute
    .. api-history::        the microversions

and a file `openapi.json` beside the pages.
"""

import json
import pathlib

from docutils import nodes
from docutils import statemachine
from sphinx.util import docutils
from sphinx.util import nodes as parsing

from magnum.api import openapi
from magnum.api import root
from magnum.api import versions


def document():
    return openapi.document(root.ROUTES, root.PUBLIC)


class _Generated(docutils.SphinxDirective):
    """What `lines` gives, read as reStructuredText."""

    def run(self):
        parent = nodes.section()
        parent.document = self.state.document
        parsing.nested_parse_with_titles(
            self.state, statemachine.StringList(list(self.lines())), parent)
        return parent.children


class Operations(_Generated):

    def lines(self):
        described = document()
        for tag in described['tags']:
            yield from _title(tag['name'], '-')
            yield from (tag['description'], '')
            for path, methods in described['paths'].items():
                for method, operation in methods.items():
                    if tag['name'] in operation['tags']:
                        yield from _operation(path, method, operation)


class Schemas(_Generated):

    def lines(self):
        for name, schema in document()['components']['schemas'].items():
            if 'properties' not in schema:
                continue
            yield from (f'.. _api-{name.lower()}:', '')
            yield from _title(name, '~')
            yield from _table(
                ('Attribute', 'Type', 'Required', 'Default'),
                ((f'``{attribute}``', _words(kind),
                  'yes' if attribute in schema.get('required', ()) else '',
                  _literal(kind.get('default')))
                 for attribute, kind in schema['properties'].items()))


class History(_Generated):

    def lines(self):
        return _table(('Version', 'Change'),
                      ((str(version), text) for version, text
                       in versions.HISTORY.items()))


def _operation(path, method, operation):
    yield from _title(f'{method.upper()} {path}', '~')
    yield from (operation['summary'], '')
    own = operation.get('x-openstack', {})
    facts = [('Since', own.get('min-ver')), ('Until', own.get('max-ver')),
             ('Rules', ', '.join(f'``{rule}``'
                                 for rule in own.get('policies', ()))),
             ('Body', _body(operation.get('requestBody')))]
    for code, answer in operation['responses'].items():
        if code < '400':
            facts.append((f'Answer {code}', _body(answer) or 'no body'))
    facts.append(('Errors', ', '.join(
        code for code in operation['responses'] if code >= '400')))
    for name, text in facts:
        if text:
            yield f':{name}: {text}'
    yield ''
    parameters = [parameter for parameter in operation['parameters']
                  if parameter.get('in') == 'query']
    if parameters:
        yield from _table(
            ('Parameter', 'Type', 'Since', 'Default'),
            ((f"``{parameter['name']}``", _words(parameter['schema']),
              parameter.get('x-openstack', {}).get('min-ver', ''),
              _literal(parameter['schema'].get('default')))
             for parameter in parameters))


def _body(holder):
    if not holder or 'content' not in holder:
        return None
    return _words(holder['content']['application/json']['schema'])


def _words(schema):
    """A schema, in few words."""
    if '$ref' in schema:
        name = schema['$ref'].rpartition('/')[2]
        if name.endswith('Patch'):
            return f'JSON patch of :ref:`{name} <api-{name[:-5].lower()}>`'
        return f':ref:`{name} <api-{name.lower()}>`'
    if 'anyOf' in schema:
        return ' or '.join(_words(choice) for choice in schema['anyOf'])
    if 'enum' in schema:
        return 'one of ' + ', '.join(
            _literal(word) for word in schema['enum'] if word != '')
    kind = schema.get('type', 'anything')
    if kind == 'array':
        return f"array of {_words(schema['items'])}"
    if kind == 'object' and 'properties' in schema:
        return ' and '.join(f'``{name}``: {_words(value)}' for name, value
                            in schema['properties'].items())
    text = ' or '.join(kind) if isinstance(kind, list) else kind
    if 'format' in schema:
        text += f" ({schema['format']})"
    limits = [f'{word} {schema[key]}' for key, word in (
        ('minimum', 'from'), ('maximum', 'to'), ('minLength', 'at least'),
        ('maxLength', 'at most')) if key in schema]
    # Longer ones are lists of words, which nobody needs to read.
    if len(schema.get('pattern', '')) in range(1, 50):
        limits.append(f"like ``{schema['pattern']}``")
    return ', '.join([text, *limits])


def _literal(value):
    return '' if value is None else f'``{json.dumps(value)}``'


def _title(text, mark):
    return text, mark * len(text), ''


def _table(heads, rows):
    yield from ('.. list-table::', '   :header-rows: 1', '')
    for row in (heads, *rows):
        for number, cell in enumerate(row):
            yield f"   {' ' if number else '*'} - {cell}"
    yield ''


def _write(app, exception):
    if exception is None:
        target = pathlib.Path(app.outdir) / 'openapi.json'
        target.write_text(json.dumps(document(), indent=2) + '\n')


def setup(app):
    for name, directive in (('api-operations', Operations),
                            ('api-schemas', Schemas),
                            ('api-history', History)):
        app.add_directive(name, directive)
    app.connect('build-finished', _write)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
