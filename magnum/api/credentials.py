# SPDX-License-Identifier: Apache-2.0
"""The credential that the nodes of a cluster use."""

from magnum.api import clusters
from magnum.api import expose
from magnum.api import types
from magnum.api import versions
from magnum.db import clusters as rows
from magnum.db import session as db
from magnum.operations import rotate_credential
from magnum.policies import credential as rules
from magnum import policy


@expose.method(since=versions.CREDENTIALS, answers=202,
               result=types.Identity, keyed=True, tagged=True,
               begins=True)
def patch(call, cluster_ident):
    """Renew the credential of a cluster."""
    policy.authorize(call.context, rules.ROTATE)
    all_projects = expose.all_projects(call, rules.ROTATE_ALL_PROJECTS)
    cluster = db.read(rows.find, call.context, cluster_ident, all_projects,
                      template=True)
    clusters.require_seen(call, cluster)
    rotate_credential.request(call.context, cluster)
    return {'uuid': cluster.uuid}
