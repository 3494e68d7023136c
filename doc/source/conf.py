# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documentation."""

import pathlib

from magnum.drivers.k8s_kubeadm_v1 import labels

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


def _write_labels(app):
    """A page of the driver's labels, from the table that the driver reads."""
    lines = ['.. list-table::', '   :header-rows: 1', '',
             '   * - Label', '     - Type', '     - Default', '     - Meaning']
    for label in labels.LABELS.values():
        default = '' if label.default in (None, '', ()) else label.default
        mutable = ' May change later.' if label.mutable else ''
        lines += [f'   * - ``{label.name}``', f'     - {label.type}',
                  f'     - {default}', f'     - {label.help}{mutable}']
    path = pathlib.Path(app.srcdir) / 'user/k8s_kubeadm_v1_labels.inc'
    path.write_text('\n'.join(lines) + '\n')


def setup(app):
    app.connect('builder-inited', _write_labels)
