# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the release notes."""

from docutils import nodes

project = 'Magnum Release Notes'
copyright = 'OpenStack contributors'
extensions = ['openstackdocstheme', 'reno.sphinxext']
master_doc = 'index'
pygments_style = 'native'
html_theme = 'openstackdocs'
openstackdocs_repo_name = 'openstack/magnum'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False


def name_the_unreleased(app, doctree):
    """Say what reno calls 0.0.0 as long as git has no tag of a release.

    Then `earliest_version` of reno, which has to be a tag, can be 24.0.0.
    """
    for title in doctree.findall(nodes.title):
        if title.astext() == '0.0.0':
            title.children = [nodes.Text('24.0.0, in development')]


def setup(app):
    app.connect('doctree-read', name_the_unreleased)
