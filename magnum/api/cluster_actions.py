# SPDX-License-Identifier: Apache-2.0
"""What can be done to a cluster besides changing its attributes."""

from magnum.api import clusters
from magnum.api import expose
from magnum.api import plans
from magnum.api import types
from magnum.api import versions
from magnum.db import nodegroups
from magnum.db import session as db
from magnum.db import templates
from magnum import errors
from magnum.operations import resize_cluster
from magnum.operations import submit
from magnum.operations import upgrade_cluster
from magnum.policies import cluster as rules


class Resize(types.Resource):
    node_count = types.Attribute(types.COUNT, required=True)
    nodes_to_remove = types.Attribute(types.STRINGS, default=list)
    nodegroup = types.Attribute(types.SHORT)


class Upgrade(types.Resource):
    # Null is no template that could be found.
    cluster_template = types.Attribute(types.SHORT, required=True,
                                       keeps_null=True)
    max_batch_size = types.Attribute(types.SIZE)
    nodegroup = types.Attribute(types.SHORT)


@expose.method(body=Resize, answers=202, since=versions.RESIZE,
               unversioned=versions.RESIZE, result=types.Identity, keyed=True,
               tagged=True, begins=True, query=(plans.DRY_RUN,),
               also={200: plans.RESULT})
def resize(call, cluster_ident):
    """Change the number of nodes of a group, or replace some of them."""
    clusters.check_node_count(call, call.body['node_count'])
    cluster = clusters.find(call, cluster_ident, rules.RESIZE,
                            rules.RESIZE_ALL_PROJECTS)
    clusters.require_seen(call, cluster)
    return _done(call, resize_cluster.wish(
        call.context, cluster, _nodegroup(call, cluster),
        call.body['node_count'], call.body['nodes_to_remove']))


@expose.method(body=Upgrade, answers=202, since=versions.ACTIONS,
               unversioned=versions.UPGRADE, result=types.Identity, keyed=True,
               tagged=True, begins=True, query=(plans.DRY_RUN,),
               also={200: plans.RESULT})
def upgrade(call, cluster_ident):
    """Bring the nodes of a cluster to what another template says."""
    if call.version < versions.UPGRADE:
        raise errors.Invalid(f'Upgrades need microversion {versions.UPGRADE}; '
                             f'the request uses {call.version}.')
    cluster = clusters.find(call, cluster_ident, rules.UPGRADE,
                            rules.UPGRADE_ALL_PROJECTS)
    clusters.require_seen(call, cluster)
    template = _new_template(call)
    return _done(call, upgrade_cluster.wish(
        call.context, cluster, template, _nodegroup(call, cluster),
        call.body['max_batch_size']))


def _done(call, wish):
    if call.query['dry_run']:
        return plans.show(call, wish)
    submit.submit(call.context, wish)
    return {'uuid': wish.cluster.uuid}


def _new_template(call):
    ident = call.body['cluster_template']
    if ident is None:
        raise errors.NotFound('ClusterTemplate', 'null')
    return db.read(templates.find, call.context, ident, call.context.is_admin)


def _nodegroup(call, cluster):
    """The group that is meant; the default workers when none is named."""
    ident = call.body['nodegroup']
    if ident is not None:
        return db.read(nodegroups.find, cluster, ident)
    if cluster.default_workers is None:
        raise errors.NotFound('Nodegroup', 'default-worker')
    return cluster.default_workers
