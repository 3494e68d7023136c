# SPDX-License-Identifier: Apache-2.0
"""What is added to the root of the mini cloud's nodes."""

import os
import re

import pytest
import yaml

from tools.minicloud.nodes import programs
from tools.minicloud.nodes import root


@pytest.fixture
def tree(tmp_path):
    """A root as Debian's, as far as it matters."""
    for name in ('etc/systemd/system', 'dev/pts', 'etc/sysctl.d'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'etc/resolv.conf').symlink_to('/run/resolv.conf')
    (tmp_path / 'dev/null').touch()
    root.add_what_containers_need(tmp_path)
    return tmp_path


def test_a_root_is_marked(tree):
    assert (tree / 'etc/this-is-a-node').is_file()


def test_links_do_not_lead_out(tree):
    assert not (tree / 'etc/resolv.conf').is_symlink()
    assert '127.' not in (tree / 'etc/resolv.conf').read_text()


def test_cloud_init_takes_what_it_is_given(tree):
    wanted = yaml.safe_load(
        (tree / 'etc/cloud/cloud.cfg.d/90-container.cfg').read_text())
    assert wanted['datasource_list'] == ['NoCloud']
    assert wanted['network'] == {'config': 'disabled'}


def test_the_kernel_and_devices_are_left_alone(tree):
    assert [path.name for path in (tree / 'dev').iterdir()] == ['pts']
    for name in ('modprobe', 'swapoff'):
        assert os.access(tree / 'usr/local/sbin' / name, os.X_OK)
    units = tree / 'etc/systemd/system'
    assert os.readlink(units / 'systemd-udevd.service') == '/dev/null'
    assert os.readlink(units / 'default.target').endswith('multi-user.target')


def test_it_can_be_added_twice(tree):
    root.add_what_containers_need(tree)


def test_the_base_depends_on_packages_only():
    names = root.packages().split()
    assert {'cloud-init', 'runc', 'systemd-sysv', 'conntrack'} <= set(names)
    assert all(re.fullmatch('[a-z0-9-]+', name) for name in names)


def test_an_image_gets_all_that_root_gives():
    text = root.PREPARE.read_text()
    wanted = set(root.IN_BIN) | set(root.FROM_COMMON)
    for word in ('PROGRAMS', 'PLUGINS'):
        wanted -= set(re.search(f'^{word}="(.*)"', text, re.MULTILINE)[1]
                      .split())
    assert not wanted
    assert {program.name for program in programs.CNI} == set(
        re.search('^PLUGINS="(.*)"', text, re.MULTILINE)[1].split())


@pytest.mark.parametrize('lines, found', [
    (['https://some.where/ubuntu/ main Ubuntu Ubuntu'], None),
    (['https://a.b/security main Debian Debian-Security',
      'https://a.b/debian main Debian Debian'], 'https://a.b/debian'),
])
def test_the_mirror_is_the_machines(lines, found, tmp_path, monkeypatch):
    command = tmp_path / 'apt-get'
    command.write_text('#!/bin/sh\n' + ''.join(
        f'echo {line}\n' for line in lines))
    command.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    if found:
        assert root.mirror() == found
    else:
        with pytest.raises(SystemExit, match='no mirror of Debian'):
            root.mirror()


