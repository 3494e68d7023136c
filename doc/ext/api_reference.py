# SPDX-License-Identifier: Apache-2.0
"""Pages about the API, made from what the API says of itself.

    .. api-operations::     every method: parameters, bodies, answers, rules
    .. api-schemas::        every body, attribute by attribute
    .. api-history::        the microversions
    .. api-errors::         what the statuses of errors mean

and a file `openapi.json` beside the pages.
"""

import json
import pathlib

import api_text
from docutils import nodes
from docutils import statemachine
from sphinx.util import docutils
from sphinx.util import nodes as parsing


def _directive(lines):
    """A directive that stands for what `lines` gives."""

    class Generated(docutils.SphinxDirective):

        def run(self):
            parent = nodes.section()
            parent.document = self.state.document
            parsing.nested_parse_with_titles(
                self.state, statemachine.StringList(list(lines())), parent)
            return parent.children

    return Generated


def _write(app, exception):
    if exception is None:
        target = pathlib.Path(app.outdir) / 'openapi.json'
        target.write_text(json.dumps(api_text.document(), indent=2) + '\n')


def setup(app):
    for name, lines in (('api-operations', api_text.operations),
                        ('api-schemas', api_text.schemas),
                        ('api-history', api_text.history),
                        ('api-errors', api_text.errors)):
        app.add_directive(name, _directive(lines))
    app.connect('build-finished', _write)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
