# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the API reference."""

project = 'Container Infrastructure Management API Reference'
copyright = 'OpenStack contributors'
extensions = ['openstackdocstheme']
master_doc = 'index'
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc'}
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
