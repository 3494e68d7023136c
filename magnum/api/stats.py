# SPDX-License-Identifier: Apache-2.0
"""How many clusters and nodes there are."""

from magnum.api import expose
from magnum.api import types
from magnum.db import clusters
from magnum.db import session as db
from magnum import errors
from magnum.policies import stats as rules
from magnum import policy


class Stats(types.Resource):
    clusters = types.Attribute(types.COUNT, write=types.READONLY,
                               never_null=True)
    nodes = types.Attribute(types.COUNT, write=types.READONLY, never_null=True)


@expose.method(query=(expose.Parameter('project_id', types.LONG),
                      expose.Parameter('type', types.STRING)), result=Stats)
def get_all(call):
    """Count the clusters and nodes of a project, or of all."""
    policy.authorize(call.context, rules.GET_ALL)
    kind, project_id = call.query['type'], call.query['project_id'] or None
    if kind is not None and kind.lower() != 'cluster':
        raise errors.InvalidParameter('type', 'it must be cluster.')
    if not call.context.is_admin:
        if project_id not in (None, call.context.project_id):
            raise errors.Forbidden('Only administrators can see the '
                                   'statistics of another project.')
        project_id = call.context.project_id or ''
    count, nodes = db.read(clusters.stats, project_id)
    return {'clusters': count, 'nodes': nodes}
