# SPDX-License-Identifier: Apache-2.0
"""What magnum-driver-manage prints."""

import json
import sys

from cliff import app
import pytest

from magnum.cmd import driver_manage
from magnum import drivers
from magnum.drivers import base


class Kubernetes:
    provides = (base.ClusterType('vm', 'ubuntu', 'kubernetes'),
                base.ClusterType('bm', 'ubuntu', 'kubernetes'))
    beta = True


@pytest.fixture
def installed(monkeypatch):
    """The drivers that are installed, by name."""
    by_name = {}
    monkeypatch.setattr(drivers, '_installed', lambda: by_name)
    # The framework takes it from the command line when it is imported.
    monkeypatch.setattr(app.App, 'NAME', 'magnum-driver-manage')
    return by_name


def listed(capsys, *options):
    assert driver_manage.main(['list-drivers', *options]) == 0
    return capsys.readouterr().out


def test_names_alone_by_default(installed, capsys):
    installed['k8s_x'] = Kubernetes()
    assert listed(capsys) == ('+-------+\n'
                              '| Name  |\n'
                              '+-------+\n'
                              '| k8s_x |\n'
                              '+-------+\n')


def test_details_have_a_row_for_each_kind_of_cluster(installed, capsys):
    installed['k8s_x'] = Kubernetes()
    assert json.loads(listed(capsys, '-d', '-f', 'json')) == [
        {'Name': 'k8s_x', 'Server_Type': 'vm', 'OS': 'ubuntu',
         'COE': 'kubernetes'},
        {'Name': 'k8s_x', 'Server_Type': 'bm', 'OS': 'ubuntu',
         'COE': 'kubernetes'}]


def test_a_driver_without_heat_templates_has_no_path(installed, capsys):
    installed['k8s_x'] = Kubernetes()
    assert json.loads(listed(capsys, '-p', '-f', 'json')) == [
        {'Name': 'k8s_x', 'Template Path': 'n/a'}]


def test_heat_templates_are_beside_the_driver(installed, capsys, tmp_path,
                                              monkeypatch):
    (tmp_path / 'templates').mkdir()
    monkeypatch.setattr(sys.modules[__name__], '__file__',
                        str(tmp_path / 'driver.py'))
    installed['k8s_x'] = Kubernetes()
    rows = json.loads(listed(capsys, '-d', '-p', '-f', 'json'))
    assert {row['Template Path'] for row in rows} == {
        str(tmp_path / 'templates')}


def test_no_driver_is_no_error(installed, capsys):
    assert listed(capsys) == '\n'
    assert json.loads(listed(capsys, '-f', 'json')) == []


def test_it_says_which_release_it_is(installed, capsys):
    with pytest.raises(SystemExit) as end:
        driver_manage.main(['--version'])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith('magnum-driver-manage ')
