# SPDX-License-Identifier: Apache-2.0
"""Leave nothing of the machines behind but their disks.

Everything is found by its name, so it does not matter what was forgotten or
killed before.
"""

from tools.minicloud.nodes import fabric
from tools.minicloud.nodes import machine
from tools.minicloud.nodes import names
from tools.minicloud.nodes import volumes
from tools.minicloud import processes


def remove_all():
    """Switch all machines off and take the networks apart."""
    if not names.STATE.exists():
        return
    for space in machine.all_spaces():
        machine.switch_off(space)
    processes.stop([name for name in processes.recorded()
                    if name.startswith(names.PREFIX)])
    fabric.remove_all()
    volumes.remove_all()
