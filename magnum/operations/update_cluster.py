# SPDX-License-Identifier: Apache-2.0
"""Change what of a cluster may be patched: its size.

The size is that of the default workers, and is changed just as by a resize;
only the statuses in which it may be asked for are fewer.
"""

import dataclasses

from magnum import context
from magnum.db import models
from magnum import errors
from magnum.operations import kinds
from magnum.operations import requests
from magnum.operations import resize_cluster
from magnum.operations import steps
from magnum import rpc

KIND = kinds.Kind(
    name='update_cluster', action='UPDATE', nodegroups=kinds.named_group,
    steps=(dataclasses.replace(steps.APPLY, undo=kinds.uncounted),
           steps.SETTLE))


def request(context: context.RequestContext, cluster: models.Cluster,
            node_count: int) -> None:
    """Write down that the default workers are to be `node_count`.

    :raises WrongStatus: the cluster is not settled.
    :raises NotFound: it has no such workers.
    """
    nodegroup = cluster.default_workers
    if nodegroup is None:
        raise errors.NotFound('Nodegroup', 'of the default workers')
    resize_cluster.check_bounds(cluster, nodegroup, node_count)
    requests.driver_of(cluster, 'be resized')
    resize_cluster.store(context, KIND.name, models.SETTLED, cluster,
                         nodegroup, node_count, [])
    rpc.hint()
