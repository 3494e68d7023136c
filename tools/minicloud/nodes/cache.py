# SPDX-License-Identifier: Apache-2.0
"""Where what real nodes are made of is kept, and how it gets there whole.

A thing in the cache is made under another name and then renamed, so that a run
that was killed leaves nothing half done; the lock keeps a second run waiting.
Beside each lies a stamp of what it was made from: another stamp, made anew.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

FOLDER = pathlib.Path(
    os.environ.get('MAGNUM_NODE_CACHE')
    or pathlib.Path.home() / '.cache' / 'magnum-nodes').absolute()
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
# What is made here serves tests: the machine's other work comes first.  What
# works for us ends when we are ended, however that was.
NICE = ('setpriv', '--pdeathsig', 'KILL', 'nice', '-n', '10')


def say(*words):
    print(*words, file=sys.stderr, flush=True)


@contextlib.contextmanager
def lock(name):
    """Keep other runs from making what is in this folder of the cache."""
    path = FOLDER / name / '.lock'
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w') as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f'Another run works on {path.parent}: waiting for it.')
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def stamp(*parts):
    """Of texts, and of the content of files."""
    total = hashlib.sha256()
    for part in parts:
        content = (part.read_bytes() if isinstance(part, pathlib.Path)
                   else str(part).encode())
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def is_made(path, wanted):
    try:
        return path.exists() and _stamp_of(path).read_text() == wanted
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def making(path, wanted):
    """Yield the path to make it under; it takes its place if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.partial')
    remove(partial)
    started = time.monotonic()
    say(f'Making {path.relative_to(FOLDER)} ...')
    try:
        yield partial
        _stamp_of(path).unlink(missing_ok=True)
        _put_aside(path)
        os.rename(partial, path)
        _stamp_of(path).write_text(wanted)
    finally:
        remove(partial)
    say(f'Made {path.relative_to(FOLDER)} in '
        f'{time.monotonic() - started:.0f} s')


def _put_aside(path):
    """Make room for a successor.

    Nodes may run on a folder: it stays until there is another successor.
    """
    if path.is_dir():
        old = path.with_name(f'.{path.name}.old')
        remove(old)
        os.rename(path, old)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run(*command, seconds=600, text_in='', **more):
    """What a command prints; the end of it if it fails or takes too long."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(
            command, input=text_in, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=seconds, text=True,
            errors='replace', **more)
    except FileNotFoundError:
        sys.exit(f'{command[0]} is not installed: '
                 'bash tools/packages.sh nodes')
    except subprocess.TimeoutExpired:
        sys.exit(f'{" ".join(command)} was not done after {seconds} s')
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        sys.exit(f'{" ".join(command)} failed: ' + ' / '.join(lines[-3:]))
    return done.stdout


def _stamp_of(path):
    return path.with_name(f'.{path.name}.stamp')
