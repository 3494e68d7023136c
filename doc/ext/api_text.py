# SPDX-License-Identifier: Apache-2.0
"""What the API says of itself, as reStructuredText, line by line.

Apart from `api_reference`, so that it can be tested without Sphinx.
"""

import json

from magnum.api.description import answers
from magnum.api.description import openapi
from magnum.api import routes
from magnum.api import versions


def document():
    return openapi.document(routes.ROUTES, routes.PUBLIC)


def operations():
    """Every method of every path, by resource."""
    described = document()
    for tag in described['tags']:
        yield from _title(tag['name'], '-')
        yield from (tag['description'], '')
        for path, methods in described['paths'].items():
            for method, operation in methods.items():
                if tag['name'] in operation['tags']:
                    yield from _operation(path, method, operation)


def schemas():
    """Every body, attribute by attribute."""
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


def history():
    """The microversions."""
    return _table(('Version', 'Change'),
                  ((str(version), text) for version, text
                   in versions.HISTORY.items()))


def errors():
    """What each status of an error means."""
    return _table(('Status', 'Meaning'),
                  ((str(code), meaning) for code, meaning
                   in answers.MEANING.items()))


def _operation(path, method, operation):
    yield from _title(f'{method.upper()} {path}', '~')
    yield from (operation['summary'], '')
    own = operation.get('x-openstack', {})
    facts = [('Since', own.get('min-ver')), ('Until', own.get('max-ver')),
             ('Rules', ', '.join(f'``{rule}``'
                                 for rule in own.get('policies', ()))
              or ('none: for everybody' if not operation['security'] else
                  'none: for everybody who has a token')),
             ('Body', _body(operation.get('requestBody')))]
    for code, answer in operation['responses'].items():
        if code < '400':
            text = _body(answer) or 'no body'
            headers = set(answer['headers']) & {'Location'}
            facts.append((f'Answer {code}', ', '.join(
                [text, *(f'header ``{name}``' for name in headers)])))
    facts.append(('Errors', ', '.join(
        code for code in operation['responses'] if code >= '400')))
    for name, text in facts:
        if text:
            yield f':{name}: {text}'
    yield ''
    parameters = [parameter for parameter in operation['parameters']
                  if 'in' in parameter]
    if parameters:
        yield from _table(
            ('Parameter', 'In', 'Type', 'Since', 'Default'),
            ((f"``{parameter['name']}``", parameter['in'],
              _words(parameter['schema']),
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
    if 'const' in schema:
        return _literal(schema['const'])
    kind = schema.get('type', 'anything')
    if schema.get('maxItems') == 0:
        return 'empty array'
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
