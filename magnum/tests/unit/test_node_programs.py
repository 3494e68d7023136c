# SPDX-License-Identifier: Apache-2.0
"""The modules that real nodes' programs come from must fit together."""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import pytest

from tools.minicloud.nodes import cache
from tools.minicloud.nodes import programs

MINORS = sorted(programs.MODULES.glob('kubernetes-*'))


def replaced(module):
    """{module: version} of the replace lines of a go.mod."""
    return {name: version for name, other, version in re.findall(
        r'^\s*(\S+) => (\S+) (v\S+)$', (module / 'go.mod').read_text(),
        re.MULTILINE) if name == other}


def tools(module):
    text = (module / 'go.mod').read_text()
    block = re.search(r'^tool \(\n(.*?)^\)', text, re.MULTILINE | re.DOTALL)
    lines = block[1].splitlines() if block else re.findall(
        r'^tool (\S+)', text, re.MULTILINE)
    return {line.strip() for line in lines}


def test_two_adjacent_minors():
    older, newer = (int(path.name.rpartition('.')[2]) for path in MINORS)
    assert newer == older + 1


@pytest.mark.parametrize('module', MINORS, ids=lambda path: path.name)
def test_staging_modules_are_of_their_kubernetes(module):
    version = programs.required(module, 'k8s.io/kubernetes')
    assert version.startswith('v' + module.name.partition('-')[2] + '.')
    staging = {name: found for name, found in replaced(module).items()
               if name.startswith('k8s.io/')}
    assert len(staging) > 25
    assert set(staging.values()) == {'v0' + version[2:]}


def test_addons_share_the_modules_of_the_older_kubernetes():
    ours = replaced(programs.MODULES / 'addons')
    version = programs.required(MINORS[0], 'k8s.io/kubernetes')
    assert ours.pop('k8s.io/kubernetes') == version
    theirs = replaced(MINORS[0])
    assert theirs.items() <= ours.items()
    for name in ours.keys() - theirs.keys():
        assert ours[name] == programs.required(MINORS[0], name)


@pytest.mark.parametrize('program', [
    *programs.COMMON, *programs.ETCD,
    *(program for version in programs.versions()
      for program in programs.kubernetes(version))],
    ids=lambda program: f'{program.module}-{program.name}')
def test_a_program_is_of_its_module(program):
    module = programs.MODULES / program.module
    if program.package.startswith('./'):
        assert (module / program.package / 'main.go').exists()
    else:
        assert program.package in tools(module)


def test_programs_say_their_version():
    kubelet, = (program for program in programs.kubernetes('v1.36.3')
                if program.name == 'kubelet')
    link = programs.flags(kubelet, 'v1.36.3')[-1]
    assert '-X k8s.io/component-base/version.gitVersion=v1.36.3' in link
    assert '-X k8s.io/component-base/version.gitMinor=36' in link


def test_another_version_is_another_stamp():
    kubelet, = (program for program in programs.kubernetes('v1.36.3')
                if program.name == 'kubelet')
    assert (programs.made_from(kubelet, 'v1.36.3')
            != programs.made_from(kubelet, 'v1.36.4'))


def test_ready_programs_are_taken_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv('MAGNUM_NODE_PROGRAMS', str(tmp_path))
    for version in ('v1.36.10', 'v1.36.2', 'common'):
        (tmp_path / version).mkdir()
    for name in (*programs.KUBERNETES, 'etcd'):
        (tmp_path / 'v1.36.2' / name).touch()
    assert programs.versions() == ['v1.36.2', 'v1.36.10']
    assert programs.folder('v1.36.2') == tmp_path / 'v1.36.2'
    with pytest.raises(SystemExit, match='v1.36.10 lacks kubeadm, kubelet'):
        programs.folder('v1.36.10')
    with pytest.raises(SystemExit, match='no Kubernetes v1.35.0 here, only'):
        programs.folder('v1.35.0')


def test_no_ready_programs_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv('MAGNUM_NODE_PROGRAMS', str(tmp_path / 'none'))
    with pytest.raises(SystemExit, match='is no folder'):
        programs.versions()
    monkeypatch.setenv('MAGNUM_NODE_PROGRAMS', str(tmp_path))
    with pytest.raises(SystemExit, match='named like a version'):
        programs.versions()


def test_what_is_half_made_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, 'FOLDER', tmp_path)
    thing = tmp_path / 'programs' / 'thing'
    with pytest.raises(KeyboardInterrupt):
        with cache.making(thing, 'one') as partial:
            partial.write_text('ha')
            raise KeyboardInterrupt
    assert not cache.is_made(thing, 'one')
    assert not list(thing.parent.iterdir())

    with cache.making(thing, 'one') as partial:
        partial.write_text('half and half')
    assert cache.is_made(thing, 'one')
    assert not cache.is_made(thing, 'two')

    # Its successor fails: the old one stays.
    with pytest.raises(OSError):
        with cache.making(thing, 'two') as partial:
            raise OSError
    assert cache.is_made(thing, 'one')


def test_nodes_keep_the_root_that_they_run_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, 'FOLDER', tmp_path)
    path = tmp_path / 'root' / 'v1.36.3'
    for wanted in ('one', 'two', 'three'):
        with cache.making(path, wanted) as partial:
            partial.mkdir()
            (partial / wanted).touch()
    assert [kept.name for kept in path.iterdir()] == ['three']
    old = path.with_name('.v1.36.3.old')
    assert [kept.name for kept in old.iterdir()] == ['two']


def test_commands_end_with_the_one_who_called_them(tmp_path):
    code = ('from tools.minicloud.nodes import cache\n'
            'cache.run(*cache.NICE, "sh", "-c",'
            ' "echo $$ > pid; exec sleep 60")')
    process = subprocess.Popen(
        [sys.executable, '-c', code], cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(cache.TOP)})
    pid = tmp_path / 'pid'
    deadline = time.monotonic() + 30
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    status = pathlib.Path('/proc') / pid.read_text().strip() / 'stat'
    while status.exists() and ' Z ' not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_that_fails_is_told_in_one_line():
    with pytest.raises(SystemExit, match='sh -c .* failed: a / b$'):
        cache.run('sh', '-c', 'echo a; echo; echo b; exit 3')
    with pytest.raises(SystemExit, match='not-there is not installed'):
        cache.run('not-there')
    assert json.loads(cache.run('echo', '[1]')) == [1]


def test_only_the_same_folder_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, 'FOLDER', tmp_path)
    entered = threading.Event()

    def second():
        with cache.lock('programs/v1.36.3'):
            entered.set()

    thread = threading.Thread(target=second)
    with cache.lock('programs/v1.36.3'):
        with cache.lock('root'):
            thread.start()
        assert not entered.wait(0.2)
    thread.join(10)
    assert entered.is_set()


def test_what_is_made_is_taken_beside_a_build(tmp_path, monkeypatch):
    """Nobody waits for a build of what is there already."""
    monkeypatch.setattr(cache, 'FOLDER', tmp_path)
    target = tmp_path / 'programs' / 'v1'
    program = programs.ETCD[0]
    path = target / program.name
    with cache.making(path, programs.made_from(program, '')) as partial:
        partial.touch()
    with cache.lock('programs/v1'):
        programs.build_all([program], target)
