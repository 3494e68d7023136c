# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documentation."""

project = 'Magnum'
copyright = 'OpenStack contributors'
extensions = ['openstackdocstheme', 'oslo_config.sphinxext',
              'oslo_policy.sphinxext']
master_doc = 'index'
exclude_patterns = []
pygments_style = 'native'
html_theme = 'openstackdocs'
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
