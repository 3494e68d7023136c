# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the release notes."""

project = 'Magnum Release Notes'
copyright = 'OpenStack contributors'
extensions = ['openstackdocstheme', 'reno.sphinxext']
master_doc = 'index'
pygments_style = 'native'
html_theme = 'openstackdocs'
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
