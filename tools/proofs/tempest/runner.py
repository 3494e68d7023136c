# SPDX-License-Identifier: Apache-2.0
"""Run magnum-tempest-plugin on a mini cloud that is up; `run` says more."""

import argparse
import collections
from concurrent import futures
import contextlib
import csv
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tools.minicloud import daemons
from tools.minicloud import processes
from tools.minicloud import released
from tools.minicloud import services
from tools.minicloud import settings
from tools.proofs.tempest import accounts
from tools.proofs.tempest import configuration

HERE = pathlib.Path(__file__).resolve().parent
VENV = released.folder('tempest')
LOCK = HERE / 'requirements.lock'
EXPECTED = HERE / 'expected.csv'
# Where the plugin writes what it learns about nodes.
NODES = pathlib.Path('/tmp/magnum-nodes')
PREFIX = 'magnum_tempest_plugin.tests.api.v1.'
MINUTE = 60


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--unhurried', action='store_true')
    parser.add_argument('--only', default='')
    args = parser.parse_args()
    os.environ['OS_CLIENT_CONFIG_FILE'] = str(settings.CLOUDS)
    released.install('tempest', LOCK)
    with contextlib.ExitStack() as stack:
        if not processes.running(daemons.API):
            stack.enter_context(daemons.on_a_fresh_database())
        stack.enter_context(kubernetes())
        stack.enter_context(accounts.left_tidy())
        suites = configuration.suites(
            VENV, stack.enter_context(accounts.of_roles()))
        tests = shared_out(suites, args.only)
        pool = stack.enter_context(futures.ThreadPoolExecutor())
        # Before the pool waits for them: also when somebody interrupts.
        stack.callback(processes.stop, [suite.process for suite in suites])
        results = list(itertools.chain(*pool.map(
            lambda suite: run(suite, tests[suite], args.unhurried), suites)))
    sys.exit(report(results, complete=not args.only))


@contextlib.contextmanager
def kubernetes():
    """What stands for the API of the clusters that are made."""
    if not processes.running('kubernetes'):
        services.refuse_taken_port('kubernetes', settings.PORTS['kubernetes'])
    processes.start('kubernetes', [
        settings.VENV / 'bin/python', '-m', 'tools.minicloud.kubernetesd'],
        **settings.OURS)
    processes.wait('kubernetes', lambda: processes.port_answers(
        settings.PORTS['kubernetes']))
    there_before = NODES.exists()
    try:
        yield
    finally:
        processes.stop(['kubernetes'])
        if not there_before:
            shutil.rmtree(NODES, ignore_errors=True)


def shared_out(suites, only):
    """{suite: names of its tests}: each goes to the first that wants it."""
    names = [line for line in processes.run(
        [VENV / 'bin/tempest', 'run', '--config-file', suites[0].config,
         '--list-tests'], 'tempest', cwd=suites[0].folder).splitlines()
        if line.startswith(PREFIX) and re.search(only, line)]
    if not names:
        sys.exit('There are no such tests.')
    shared = {suite: [] for suite in suites}
    for name in names:
        shared[next(s for s in suites if re.search(s.regex, name))].append(
            name)
    return shared


def run(suite, names, unhurried):
    """What results.py tells of each of these tests."""
    if not names:
        return []
    chosen = suite.folder / 'tests'
    chosen.write_text('\n'.join(names) + '\n')
    processes.say(f'{len(names)} tests {suite.what}')
    # Nobody but Tempest goes to clusters by this proxy.
    environment = settings.environment(
        HTTPS_PROXY=f'http://{settings.IP}:{settings.PORTS["kubernetes"]}')
    if not unhurried:
        environment |= {'PYTHONPATH': str(HERE / 'pace'),
                        'PATH': f'{HERE}/pace:{environment["PATH"]}'}
    log = settings.LOG / f'{suite.process}.log'
    with open(log, 'wb') as stderr:
        stream = output(
            suite.process,
            [VENV / 'bin/tempest', 'run', '--config-file', suite.config,
             '--load-list', chosen, '--serial', '--subunit'],
            (40 if unhurried else 10) * MINUTE, cwd=suite.folder,
            env=environment, stderr=stderr)
    done = json.loads(subprocess.run(
        [VENV / 'bin/python', HERE / 'results.py'], input=stream, check=True,
        stdout=subprocess.PIPE).stdout)
    told = {test['name'] for test in done}
    return done + [
        {'name': name, 'status': 'lost', 'seconds': 0,
         'said': f'Nothing was heard of it; {log} may know why.'}
        for name in names if name not in told]


def output(name, command, seconds, **more):
    """What it wrote, if only until its time was over."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        umask=0o077, start_new_session=True, **more)
    processes.record(name, process.pid)
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        processes.say(f'{name} is not done after {seconds} s: ended')
        processes.stop([name])
        return process.communicate()[0]


def report(results, complete):
    """Print it; what is wrong, as text, or None."""
    with open(EXPECTED, newline='') as file:
        expected = {row['Test']: row for row in csv.DictReader(file)}
    count, wrong = collections.Counter(), []
    for test in sorted(results, key=lambda test: test['name']):
        name = re.sub(r'\[.*', '', test['name']).removeprefix(PREFIX)
        row = expected.pop(name, None)
        if row and test['status'] != 'success' and row['Says'] in test['said']:
            count['expected not to'] += 1
            print(f'  expected   {name}\n             {row["Why"]}')
        elif row or test['status'] != 'success':
            count['wrong'] += 1
            wrong.append(name)
            print(f'  WRONG      {name}: {test["status"]}\n{test["said"]}')
        else:
            count['passed'] += 1
    if complete:
        wrong += [f'{name} (there is no such test)' for name in expected]
    slowest = max(results, key=lambda test: test['seconds'], default=None)
    if slowest:
        print(f'Slowest: {slowest["name"]}, {slowest["seconds"]:.0f} s')
    print(f'Tempest: {count["passed"]} passed, {count["expected not to"]} '
          f'expected not to, {count["wrong"]} wrong')
    return 'Wrong: ' + ', '.join(wrong) if wrong else None


if __name__ == '__main__':
    main()
