# SPDX-License-Identifier: Apache-2.0
"""Processes that run on, known by pid and start time.

RUN/pid/NAME holds both.  A pid alone may by now be someone else's; nothing is
ever signalled but a process whose start time is the recorded one, and the
session that it leads.
"""

import fcntl
import grp
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from tools.minicloud import settings

BEGUN = time.monotonic()
USER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name


def say(*words):
    print(f'[{time.monotonic() - BEGUN:5.1f} s]', *words, file=sys.stderr,
          flush=True)


def lock(path=settings.RUN / 'lock', wait=False):
    """Keep others out until the file that is returned is closed."""
    settings.make_folders()
    handle = open(path, 'w')
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        sys.exit(f'another command is at work on {settings.RUN}')
    return handle


def start_time(pid):
    """Of a process that lives, in ticks since boot; else None."""
    try:
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    fields = stat.rpartition(')')[2].split()
    return None if fields[0] == 'Z' else fields[19]


def running(name):
    """The recorded process's pid if it still runs, else None."""
    try:
        pid, started = (settings.PID / name).read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(pid) == started else None


def recorded():
    return sorted(p.name for p in settings.PID.glob('*'))


def start(name, command, cwd=settings.RUN, **environment):
    """Start in a session of its own, unless it runs; log to LOG/NAME.log."""
    if running(name):
        return
    with open(settings.LOG / f'{name}.log', 'ab') as log:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
            cwd=cwd, env=settings.environment(**environment))
    record(name, process.pid)


def record(name, pid):
    (settings.PID / name).write_text(f'{pid} {start_time(pid)}\n')


def stop(names, seconds=10):
    """End the sessions of these processes; kill what does not heed TERM."""
    pids = {name: running(name) for name in names}
    for pid in filter(None, pids.values()):
        _signal(pid, signal.SIGTERM)
    end = time.monotonic() + seconds
    for name, pid in pids.items():
        while running(name) and time.monotonic() < end:
            time.sleep(0.05)
        # A leader can end before its children: its group is still ours.
        while pid and _group_lives(pid):
            if time.monotonic() >= end:
                say(f'{name} does not end: killed')
                _signal(pid, signal.SIGKILL)
                break
            time.sleep(0.05)
        (settings.PID / name).unlink(missing_ok=True)


def _signal(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def _group_lives(pid):
    return any(start_time(member) for member in session(pid))


def session(leader):
    """The pids of the session that this process leads, itself included."""
    found = []
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(stat.parent.name))
    return found


def memory(leader):
    """MiB in use by a session: RSS and PSS, added up over its processes."""
    total = {'Rss:': 0, 'Pss:': 0}
    for pid in session(leader):
        try:
            rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
        except OSError:
            continue
        for line in rollup.splitlines()[1:]:
            word, number = line.split()[:2]
            if word in total:
                total[word] += int(number)
    return total['Rss:'] / 1024, total['Pss:'] / 1024


def port_answers(port):
    with socket.socket() as s:
        s.settimeout(2)
        return s.connect_ex((settings.IP, port)) == 0


def http_answers(port, path='/'):
    """Any HTTP answer below 500 counts: 300 and 401 are signs of life too."""
    try:
        urllib.request.urlopen(f'http://{settings.IP}:{port}{path}',
                               timeout=10).close()
    except urllib.error.HTTPError as e:
        return e.code < 500
    except OSError:
        return False
    return True


def wait(name, ready, seconds=120):
    """Until `ready()`; ends the command when process `name` has ended."""
    end = time.monotonic() + seconds
    while True:
        if not running(name):
            _give_up(name, 'has ended')
        if ready():
            return
        if time.monotonic() > end:
            _give_up(name, f'does not answer after {seconds} s')
        time.sleep(0.2)


def _give_up(name, what):
    log = settings.LOG / f'{name}.log'
    lines = log.read_text(errors='replace').splitlines()[-20:]
    print(*lines, sep='\n', file=sys.stderr)
    sys.exit(f'{name} {what}; its log is {log}')


def run(command, log='commands', cwd=settings.RUN, **environment):
    """Run to its end; its output.  What went wrong is in LOG/`log`.log."""
    done = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
        env=settings.environment(**environment))
    if done.returncode:
        path = settings.LOG / f'{log}.log'
        path.write_text(done.stdout)
        print(*done.stdout.splitlines()[-20:], sep='\n', file=sys.stderr)
        sys.exit(f'{command[0]} failed; all it said is in {path}')
    return done.stdout
