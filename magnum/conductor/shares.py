# SPDX-License-Identifier: Apache-2.0
"""Who of those that wait gets a slot, so that no project keeps others out.

A slot may be taken for 30 seconds, by a call to a service that hangs, and one
project may have hundreds of operations under way.  So the last slots are only
for projects that have none, and among all that wait a project's first
operation comes before another's second.
"""

from collections.abc import Sequence

from magnum.operations import journal


def kept_free(slots: int) -> int:
    """How many slots are for projects that have none."""
    return max(1, slots // 8)


def choose(waiting: Sequence[journal.Candidate], held: Sequence[str | None],
           slots: int) -> list[journal.Candidate]:
    """Those that are to be claimed now, in this order.

    :param waiting: as `journal.candidates` gives them.
    :param held: the project of each operation that has a slot.
    """
    has = {project: held.count(project) for project in set(held)}
    free = slots - len(held)
    chosen = []
    for one in sorted(waiting, key=lambda one: has.get(one.project_id, 0)
                      + one.place):
        enough = 0 if not has.get(one.project_id) else kept_free(slots)
        if free > enough:
            chosen.append(one)
            has[one.project_id] = has.get(one.project_id, 0) + 1
            free -= 1
    return chosen
