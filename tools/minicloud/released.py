# SPDX-License-Identifier: Apache-2.0
"""Released packages in virtual environments of their own, made from locks.

They lie beside the mini cloud's own and stay when its data go.  One is made
anew when its lock changes.
"""

import shutil
import subprocess
import sys

from tools.minicloud import processes
from tools.minicloud import settings

FOLDER = settings.HOME / 'peers'


def folder(name):
    return FOLDER / name


def install(name, lock):
    """See that there is what `lock` says; the environment's folder."""
    venv, lock = folder(name), lock.resolve()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Two who want the same one make it one after the other.
    held = processes.lock(FOLDER / f'{name}.lock', wait=True)
    mark = venv / 'lock'
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        processes.say('installing', venv)
        uv = subprocess.run([settings.TOP / 'tools/venv', '--uv'], check=True,
                            text=True, stdout=subprocess.PIPE).stdout.strip()
        # The locks were made for this one; newer ones are likely to do.
        python = shutil.which('python3.11') or sys.executable
        processes.run([uv, 'venv', '--quiet', '--allow-existing',
                       '--python', python, venv], f'{name}-venv')
        processes.run([uv, 'pip', 'sync', '--quiet', '--compile-bytecode',
                       '--python', venv / 'bin/python', lock],
                      f'{name}-packages')
        mark.write_bytes(lock.read_bytes())
    held.close()
    return venv
