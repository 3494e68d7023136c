# SPDX-License-Identifier: Apache-2.0
"""What people read is written in the words of the glossary.

The table in doc/source/contributor/style.rst says which words not to use.
Looked for are they in all texts of the product - errors, help of options and
labels, log lines - and in the documentation of users and operators.
"""

import ast
import functools
import pathlib
import re

import pytest

import magnum
from magnum import opts

PACKAGE = pathlib.Path(magnum.__file__).parent
ROOT = PACKAGE.parent
STYLE = ROOT / 'doc/source/contributor/style.rst'
DOCS = [ROOT / 'README.rst', *(
    path for folder in ('user', 'admin', 'install')
    for path in sorted((ROOT / 'doc/source' / folder).iterdir()))]
MODULES = [path for path in sorted(PACKAGE.rglob('*.py'))
           if PACKAGE / 'tests' not in path.parents]

# At least so many texts are looked at.
TEXTS = 700


@functools.cache
def glossary():
    """What not to write, row by row."""
    table = STYLE.read_text().split('Do not write')[1]
    rows = re.findall(r'^(\S.*?) {2,}\S', table, re.MULTILINE)
    return [phrase for row in rows[1:] if not row.startswith('=')
            for phrase in row.split(', ')]


def found(text):
    """The words in the text that are not to be used."""
    return [phrase for phrase in glossary() if _pattern(phrase).search(text)]


@functools.cache
def _pattern(phrase):
    """Any number stands for any other, any space for a new line."""
    words = [r'(\d+|\{.*?\})' if word.isdigit() else re.escape(word)
             for word in phrase.split()]
    return re.compile(r'(?<![\w-])' + r'\s+'.join(words) + r'(?![\w-])',
                      re.IGNORECASE)


def texts(path):
    """(line, text) of what a module says; a placeholder for each value."""
    tree = ast.parse(path.read_text())
    apart = {id(part) for node in ast.walk(tree) for part in _apart(node)}
    for node in ast.walk(tree):
        if id(node) in apart:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, ''.join(
                part.value if isinstance(part, ast.Constant) else '{}'
                for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _apart(node):
    """Docstrings, and the parts of what is looked at as a whole."""
    if isinstance(node, ast.JoinedStr):
        return [part for part in ast.walk(node) if part is not node]
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr):
            return [first.value]
    return []


def test_the_glossary_has_fifteen_rows_that_are_found_in_a_text():
    phrases = glossary()
    assert len(phrases) >= 15
    for phrase in phrases:
        assert phrase in found(f'Of this,\n{phrase}.')
    assert found('this project may\nhave {} of clusters') == ['may have 20 of']
    assert not found('It is official, and serves-not a thing.')


def test_messages_and_helps_use_the_words_of_the_glossary():
    seen, wrong = 0, []
    for path in MODULES:
        for line, text in texts(path):
            if ' ' not in text.strip():
                continue
            seen += 1
            wrong += [f'{path.relative_to(ROOT)}:{line}: {phrase}'
                      for phrase in found(text)]
    assert seen > TEXTS
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('path', DOCS, ids=lambda path: path.name)
def test_the_documentation_uses_the_words_of_the_glossary(path):
    assert not found(path.read_text())


def test_the_help_of_each_option_stands_alone():
    """In the documentation each is shown by itself."""
    # Options of the login belong to a library.
    helps = {f'[{group or "DEFAULT"}] {option.name}': option.help
             for group, options in opts.list_opts()
             if str(group) != 'keystone_auth' for option in options}
    assert len(helps) > 100
    for name, text in helps.items():
        assert text and text.endswith('.'), name
        assert len(text.split()) > 3, name
        assert not re.match('(The same|Its?|Ditto|As above)\\b', text), name
