# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the API reference."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'doc/ext'))

project = 'Container Infrastructure Management API Reference'
copyright = 'OpenStack contributors'
extensions = ['openstackdocstheme', 'api_reference']
master_doc = 'index'
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc'}
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
