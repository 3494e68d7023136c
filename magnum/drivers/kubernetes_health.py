# SPDX-License-Identifier: Apache-2.0
"""How a Kubernetes cluster is, in its own words.

Whatever it says is text of a tenant's, of any length and shape: what is kept
of it is short, and of known characters.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import re
from typing import Any

from magnum.drivers import base
from magnum.drivers import kubernetes_api
from magnum import specs

# For all questions together; the first that gets no answer is the last.
SECONDS = 30

# How many nodes and pods are named, those that are not ready first: the
# column takes 64 KiB.
NAMED = 200

VERSION = re.compile(r'v?[0-9]{1,4}(\.[0-9]{1,4}){1,3}[0-9A-Za-z.+~-]{0,40}')

PODS = '/api/v1/namespaces/kube-system/pods'


def ask(access: specs.Access) -> base.Health:
    """Look at the API, the nodes, and the pods of the control plane."""
    try:
        with kubernetes_api.Api(access, SECONDS) as api:
            _check_ready(api)
            nodes = api.items('/api/v1/nodes')
            # Masters that kubeadm made have them; others run it as services.
            pods = api.items(PODS, labelSelector='tier=control-plane')
    except (kubernetes_api.NoAnswer, kubernetes_api.Refused) as e:
        code = ('API_UNREACHABLE' if isinstance(e, kubernetes_api.NoAnswer)
                else 'API_FAILED')
        return base.Health('UNHEALTHY', {'api': str(e)},
                           base.Failure(code, str(e)))
    ready = {_name(node): _is_ready(node) for node in nodes}
    failing = {_name(pod): False for pod in pods if not _is_ready(pod)}
    info = [_part(node, 'status', 'nodeInfo') for node in nodes]
    return base.Health(
        'UNHEALTHY' if failing or not all(ready.values()) else 'HEALTHY',
        {'api': 'ok', **_conditions(failing), **_conditions(ready)},
        nodes=ready,
        coe_version=lowest(fact.get('kubeletVersion') for fact in info),
        container_version=lowest(
            str(fact.get('containerRuntimeVersion')).rpartition('//')[2]
            for fact in info))


def _check_ready(api: kubernetes_api.Api) -> None:
    for path in ('/readyz', '/healthz'):
        status, text = api.text(path)
        # The first one is younger than some clusters.
        if status != 404 or path == '/healthz':
            break
    if status in (401, 403):
        raise kubernetes_api.Refused(
            status, f"The API does not accept this service's certificate "
                    f'(HTTP status {status}).')
    if status != 200 or text.strip() != 'ok':
        failed = sorted(set(re.findall(r'(?m)^\[-\]([\w./-]{1,60})', text)))
        raise kubernetes_api.Refused(
            status, f'{path} of the API answers with HTTP status {status}'
                    + (f'; failing: {", ".join(failed[:10])}.' if failed
                       else '.'))


def _conditions(ready: Mapping[str, bool]) -> dict[str, str]:
    """The words of release 22.0.0 for what is ready and what is not."""
    names = sorted(ready, key=lambda name: (ready[name], name))[:NAMED]
    return {f'{name}.Ready': str(ready[name]) for name in names}


def _is_ready(thing: Mapping[str, Any]) -> bool:
    conditions = _part(thing, 'status').get('conditions')
    return any(isinstance(one, dict) and one.get('type') == 'Ready'
               and one.get('status') == 'True'
               for one in (conditions if isinstance(conditions, list) else ()))


def _name(thing: Mapping[str, Any]) -> str:
    return re.sub(r'[^\w.-]', '?',
                  str(_part(thing, 'metadata').get('name')))[:253]


def _part(thing: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        inner = thing.get(key)
        thing = inner if isinstance(inner, dict) else {}
    return thing


def lowest(versions: Iterable[Any]) -> str | None:
    """The lowest of what are versions, if any is one."""
    known = [text for text in versions
             if isinstance(text, str) and VERSION.fullmatch(text)]
    return min(known, default=None, key=lambda text: [
        int(number) for number in re.findall('[0-9]{1,9}', text)])
