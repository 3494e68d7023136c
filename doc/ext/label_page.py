# SPDX-License-Identifier: Apache-2.0
"""The page about labels, made of the tables that the drivers read.

    python doc/ext/label_page.py >doc/source/user/labels.rst
"""

from magnum.drivers.k8s_kubeadm_v1 import labels as kubeadm

TABLES = {'k8s_kubeadm_v1': kubeadm.LABELS}

_TITLE = 'Labels'
_INTRODUCTION = '''\
What the labels of each driver mean; :doc:`index` describes how to set them.
The value of a label that the driver knows is checked when it is set, on a
template, a cluster or a node group. An empty value counts as not given. Labels
that the driver does not know are kept. A cluster keeps the defaults that it
was created with, even if a later release has others.

``GET /v1/drivers`` lists the drivers of a cloud, and
``GET /v1/drivers/{name}/labels`` returns a driver's labels as a JSON Schema.
'''


def page():
    """The page, line by line."""
    bar = '=' * len(_TITLE)
    yield from ('.. Made by python doc/ext/label_page.py.', '',
                bar, _TITLE, bar, '', *_INTRODUCTION.splitlines())
    for driver, table in TABLES.items():
        yield from ('', driver, '=' * len(driver), '', '.. list-table::',
                    '   :header-rows: 1', '', '   * - Label', '     - Values',
                    '     - Default', '     - Since', '     - Meaning')
        for label in table.values():
            yield from _row(label)


def _row(label):
    yield f'   * - ``{label.name}``'
    yield f'     - {_escaped(label.kind.expected)}'
    if label.otherwise or not label.default_text:
        yield f'     - {_escaped(label.otherwise) or "empty"}'
    else:
        yield f'     - ``{label.default_text}``'
    yield f'     - {label.since}'
    more = ' Can be changed.' if label.mutable else ''
    yield f'     - {_escaped(label.help)}{more}'


def _escaped(text):
    return ''.join(f'\\{letter}' if letter in '\\*`|' else letter
                   for letter in text)


if __name__ == '__main__':
    print('\n'.join(page()))
