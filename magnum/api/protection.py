# SPDX-License-Identifier: Apache-2.0
"""Whether a cluster may be deleted.

A resource of its own and no attribute of clusters, because what is answered of
those is the same for all services of this API.
"""

from magnum.api import clusters
from magnum.api import expose
from magnum.api import patch as patches
from magnum.api import types
from magnum.db import clusters as rows
from magnum.db import session as db
from magnum.policies import cluster as rules


class Protection(types.Resource):
    protected = types.Attribute(types.BOOLEAN, never_null=True,
                                removable=False)


@expose.method(result=Protection)
def get_one(call, cluster_ident):
    """Show whether a cluster is protected against deletion."""
    row = clusters.find(call, cluster_ident, rules.GET_PROTECTION,
                        rules.GET_PROTECTION_ALL_PROJECTS)
    return types.show(Protection, row)


@expose.method(patch=Protection, result=Protection)
def patch(call, cluster_ident):
    """Protect a cluster against deletion, or do so no longer."""
    row = clusters.find(call, cluster_ident, rules.PROTECT,
                        rules.PROTECT_ALL_PROJECTS)
    after = patches.apply(Protection, call.changes,
                          {'protected': row.protected})
    db.write(rows.protect, row.uuid, after['protected'])
    return after
