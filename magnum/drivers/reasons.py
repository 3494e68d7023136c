# SPDX-License-Identifier: Apache-2.0
"""Heat's reasons of a failure, as users can read them.

Heat tells on the way from the stack to what failed: kinds of exceptions, the
resources passed, files of the template.  A user wants to know which node it
was, and what happened to it, in this order.
"""

from collections.abc import Mapping
import re

# resources.kube_masters<nested_stack>.resources.0<master.yaml>
# resources.kube_minions.resources[1].resources.kube_minion_eth0
_STEP = r'resources(?:\.([\w-]+)|\[([\w-]+)\])(?:<[^<>]*>)?'
_PATH = re.compile(rf'{_STEP}(?:\.{_STEP})*(?:\.properties[\w.-]*)?')
_STEPS = re.compile(_STEP)

_NOISE = re.compile(r'\s*(?:Neutron server returns request_ids: \[[^]]*\]'
                    r'|\(HTTP \d+\)|\(Request-ID: [\w-]+\))')


def plain(reason: str, groups: Mapping[str, str],
          hidden: tuple[str, ...] = ()) -> str:
    """What failed and why; the reason as it is where it names nothing.

    :param groups: what members of a group are called: {resource: word}.
    :param hidden: resources that stand for their node as a whole.
    """
    paths = list(_PATH.finditer(reason))
    if not paths:
        return reason
    steps = [name or index for path in paths
             for name, index in _STEPS.findall(path[0])]
    sentence = reason[paths[-1].end():].lstrip(': ')
    sentence = _NOISE.sub('', sentence).strip()
    if not sentence:
        return reason
    return f'{_place(steps, groups, hidden)}: {sentence}'


def _place(steps: list[str], groups: Mapping[str, str],
           hidden: tuple[str, ...]) -> str:
    if steps[0] in groups and len(steps) > 1:
        place, inside = f'{groups[steps[0]]} {steps[1]}', steps[2:]
    else:
        place, inside = steps[0], steps[1:]
    shown = [step for step in inside if step not in hidden]
    return f'{place} ({", ".join(shown)})' if shown else place
