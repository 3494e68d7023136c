# SPDX-License-Identifier: Apache-2.0
"""magnum-driver-manage: which cluster drivers this installation has.

Reads the configuration files of the usual places only.
"""

import pathlib
import sys

from cliff import app
from cliff import commandmanager
from cliff import lister

from magnum import config
from magnum import drivers
from magnum import version


class ListDrivers(lister.Lister):
    """List the cluster drivers that are installed and not disabled."""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument('-d', '--details', action='store_true',
                            help='show the kinds of clusters they serve')
        parser.add_argument('-p', '--paths', action='store_true',
                            help='show where their Heat templates are')
        return parser

    def take_action(self, parsed_args):
        columns = ['Name']
        if parsed_args.details:
            columns += ['Server_Type', 'OS', 'COE']
        if parsed_args.paths:
            columns.append('Template Path')
        return columns, list(self._rows(parsed_args))

    def _rows(self, parsed_args):
        for name, driver in drivers.loaded().items():
            path = [template_path(driver)] if parsed_args.paths else []
            if not parsed_args.details:
                yield [name, *path]
                continue
            for kind in driver.provides:
                yield [name, kind.server_type, kind.os, kind.coe, *path]


def template_path(driver):
    """The folder of the driver's Heat templates, beside its module."""
    module = sys.modules[type(driver).__module__]
    path = pathlib.Path(module.__file__).parent / 'templates'
    return str(path) if path.is_dir() else 'n/a'


class App(app.App):
    """The commands; there are no entry points of commands to look for."""

    def __init__(self):
        commands = commandmanager.CommandManager('magnum.driver_manage')
        commands.add_command('list-drivers', ListDrivers)
        super().__init__(
            description='Show the cluster drivers of Magnum.',
            version=version.text(), command_manager=commands,
            deferred_help=True)

    def initialize_app(self, argv):
        config.parse([], prog='magnum-driver-manage')


def main(argv=None):
    return App().run(sys.argv[1:] if argv is None else argv)
