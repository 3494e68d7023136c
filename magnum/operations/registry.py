# SPDX-License-Identifier: Apache-2.0
"""All kinds of operation that this release knows, by name.

A conductor claims only these, so that during a rolling upgrade an old one
leaves alone what only a new one can do.
"""

from magnum.operations import change_labels
from magnum.operations import create_cluster
from magnum.operations import create_nodegroup
from magnum.operations import delete_cluster
from magnum.operations import delete_nodegroup
from magnum.operations import kinds
from magnum.operations import resize_cluster
from magnum.operations import rotate_ca
from magnum.operations import rotate_credential
from magnum.operations import update_nodegroup
from magnum.operations import upgrade_cluster

KINDS = kinds.table(create_cluster.KIND, resize_cluster.KIND,
                    resize_cluster.EARLIER, delete_cluster.KIND,
                    update_nodegroup.LIMITS, create_nodegroup.KIND,
                    update_nodegroup.KIND, delete_nodegroup.KIND,
                    change_labels.KIND, upgrade_cluster.KIND, rotate_ca.KIND,
                    rotate_credential.KIND)
