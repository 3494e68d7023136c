# SPDX-License-Identifier: Apache-2.0
"""The command `openstack`, as installed beside this Python, many times over.

Each call of `Shell` is what a person types, with the same entry point, in a
process that has it imported already: a process for each of two hundred would
take minutes.  What was run is remembered, and `missed` tells what was not.
"""

import contextlib
import functools
import importlib.metadata
import io
import json
import logging
import types

from cliff import command
from cliff import lister
from cliff import show
from openstackclient import shell
from osc_lib import clientmanager

from expect import Failed

PACKAGE, GROUP = 'python-magnumclient', 'openstack.container_infra.v1'


class Shell:

    def __init__(self, cloud, *options):
        self.options = ('--os-cloud', cloud, *options)
        # Command -> all the words that followed, and those that ended well.
        self.used = {}
        self.done = set()
        self.runs = 0

    def __call__(self, *words):
        """The command ends with 0; its output."""
        code, output, errors = self.run(*words)
        # Some only print what went wrong.
        if code or '(HTTP ' in output:
            raise Failed(f'{said(words)} ended with {code}: {output} '
                         f'{errors}')
        self.done.add(named(words))
        return output

    def json(self, *words):
        # Some print a sentence before it.
        lines = self(*words, '-f', 'json').splitlines(keepends=True)
        while lines and lines[0][0] not in '[{':
            del lines[0]
        return json.loads(''.join(lines))

    def table(self, *words):
        """The first two columns of a table that knows no format."""
        lines = [line.split('|') for line in self(*words).splitlines()
                 if line.startswith('|')]
        return {line[1].strip(): line[2].strip() for line in lines[1:]}

    def refused(self, text, *words, ends=1):
        """The command says so, and ends with 1; some end with 0 all the same.
        """
        code, output, errors = self.run(*words)
        if code != ends or text not in output + errors:
            raise Failed(f'{said(words)} ended with {code}, not {ends}, or '
                         f'did not say "{text}": {output} {errors}')

    def run(self, *words):
        """(exit status, output, errors) of any command."""
        self.used.setdefault(named(words), set()).update(
            str(word).partition('=')[0] for word in words)
        output, errors = io.StringIO(), io.StringIO()
        forget()
        self.runs += 1
        with (contextlib.redirect_stdout(output),
              contextlib.redirect_stderr(errors)):
            try:
                code = shell.main([*self.options, *map(str, words)])
            except SystemExit as stopped:
                code = stopped.code
        return code, output.getvalue(), errors.getvalue()


def forget():
    """Undo what a command leaves behind in its process."""
    # Each adds its own, to the streams of the moment.
    logging.getLogger().handlers.clear()
    # Clients of the one who was logged in.
    for client in vars(clientmanager.ClientManager).values():
        if hasattr(client, '_handle'):
            client._handle = None


def said(words):
    return ' '.join(map(str, words))


def named(words):
    """The command that these words call, or None."""
    return next((name for name in commands()
                 if said(words).startswith(f'{name} ')
                 or said(words) == name), None)


@functools.cache
def commands():
    """{command: class} of all that the client offers, longest name first."""
    found = {}
    for entry in importlib.metadata.distribution(PACKAGE).entry_points:
        if entry.group == GROUP:
            words = entry.name.replace('coe_cluster_template',
                                       'coe cluster template')
            found[words.replace('_', ' ')] = entry.load()
    if not found:
        raise Failed(f'{PACKAGE} offers no commands')
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def missed(*shells):
    """Commands that ended well in none of these, and options never given."""
    for name, class_ in commands().items():
        if not any(name in one.done for one in shells):
            yield name
        used = set().union(*(one.used.get(name, ()) for one in shells))
        for option in choices(class_):
            if not option & used:
                yield f'{name} ... {max(option, key=len)}'


def choices(class_):
    """What can be chosen with a command: each a set of its spellings.

    What every command offers, such as a format, is not among it.
    """
    of_all = {option
              for base in (command.Command, lister.Lister, show.ShowOne)
              for option in spellings(type('Any', (base,), {
                  'take_action': None, 'columns': ()}))}
    return spellings(class_) - of_all


def spellings(class_):
    parser = class_(types.SimpleNamespace(client_manager=None),
                    None).get_parser('openstack')
    found = set()
    for action in parser._actions:
        if action.option_strings:
            found.add(frozenset(action.option_strings))
        else:
            # Such as the operations of a patch.
            found.update(frozenset([word]) for word in action.choices or ())
    return found
