# SPDX-License-Identifier: Apache-2.0
"""The nodegroups of a cluster."""

import functools

from magnum.api import clusters
from magnum.api import etags
from magnum.api import expose
from magnum.api import paging
from magnum.api import patch as patches
from magnum.api import plans
from magnum.api import types
from magnum.api import versions
from magnum.db import clusters as cluster_rows
from magnum.db import nodegroups
from magnum.db import session as db
from magnum.operations import create_nodegroup
from magnum.operations import delete_nodegroup
from magnum.operations import desired
from magnum.operations import submit
from magnum.operations import update_nodegroup
from magnum.policies import nodegroup as rules
from magnum import policy


def _readonly(kind, **options):
    return types.Attribute(kind, write=types.READONLY, patchable=False,
                           **options)


def _ignored(kind, **options):
    return types.Attribute(kind, write=types.IGNORED, patchable=False,
                           **options)


def _fixed(kind, **options):
    return types.Attribute(kind, patchable=False, **options)


class NodeGroup(types.Resource):
    id = _ignored(types.COUNT, never_null=True)
    uuid = _ignored(types.UUID, never_null=True)
    name = _fixed(types.SHORT, required=True)
    cluster_id = _ignored(types.UUID, never_null=True)
    project_id = _readonly(types.STRING, never_null=True)
    role = _fixed(types.SHORT, default='worker')
    node_count = _fixed(types.COUNT, default=1)
    min_node_count = types.Attribute(types.COUNT, default=0)
    max_node_count = types.Attribute(types.COUNT)
    flavor_id = _fixed(types.SHORT)
    image_id = _fixed(types.SHORT, never_null=True)
    docker_volume_size = _fixed(types.SIZE)
    labels = _fixed(types.LABELS, never_null=True)
    merge_labels = types.Attribute(types.BOOLEAN, default=False)
    node_labels = types.Attribute(types.STRING_MAP, default=dict,
                                  accepts_text=True)
    node_taints = types.Attribute(types.MapList(), default=list,
                                  accepts_text=True)
    is_default = _ignored(types.BOOLEAN, never_null=True)
    node_addresses = _readonly(types.STRINGS, never_null=True)
    stack_id = _readonly(types.STRING)
    status = _ignored(clusters.STATUS)
    status_reason = _ignored(types.STRING)
    version = _ignored(types.STRING)
    labels_overridden = _ignored(types.LABELS, never_null=True)
    labels_added = _ignored(types.LABELS, never_null=True)
    labels_skipped = _ignored(types.LABELS, never_null=True)
    links = _readonly(types.LINKS, never_null=True)
    created_at = _readonly(types.TIME, never_null=True)
    updated_at = _readonly(types.TIME)


SHORT = frozenset({
    'uuid', 'name', 'flavor_id', 'image_id', 'node_count', 'role',
    'is_default', 'status', 'stack_id', 'min_node_count', 'max_node_count',
    'merge_labels', 'project_id', 'status_reason', 'created_at',
    'updated_at'})

SORT_KEYS = set(types.attributes(NodeGroup)) - {
    'merge_labels', 'labels_overridden', 'labels_added', 'labels_skipped',
    'links'}

_method = functools.partial(expose.method, since=versions.NODEGROUPS,
                            unversioned=versions.NODEGROUPS)


@_method(result=[NodeGroup], only=SHORT,
         query=(*paging.parameters(SORT_KEYS),
                expose.Parameter('role', types.STRING)))
def get_all(call, cluster_ident):
    """List the nodegroups of a cluster."""
    policy.authorize(call.context, rules.GET_ALL)
    page = paging.page(call)
    all_projects = expose.all_projects(call, rules.GET_ALL_ALL_PROJECTS)
    cluster, rows = db.read(_page, call, cluster_ident, all_projects, page)
    return paging.body(call, page, 'nodegroups',
                       f'clusters/{cluster.uuid}/nodegroups',
                       [types.show(NodeGroup, row, SHORT, merge_labels=False)
                        for row in rows])


@_method(result=NodeGroup, tagged=True)
def get_one(call, cluster_ident, nodegroup_ident):
    """Show a nodegroup."""
    policy.authorize(call.context, rules.GET)
    cluster, row = _find(call, cluster_ident, nodegroup_ident,
                         rules.GET_ONE_ALL_PROJECTS)
    return _show(call, cluster, row)


@_method(body=NodeGroup, answers=202, result=NodeGroup, keyed=True,
         begins=True, warns=True, query=(plans.DRY_RUN,),
         also={200: plans.RESULT})
def post(call, cluster_ident):
    """Add a nodegroup to a cluster."""
    policy.authorize(call.context, rules.CREATE)
    cluster = _cluster(call, cluster_ident, rules.CREATE_ALL_PROJECTS)
    call.shown = functools.partial(_begun, call, cluster)
    wish = create_nodegroup.wish(call.context, cluster, call.body, call.warn)
    if call.query['dry_run']:
        return plans.show(call, wish)
    submit.submit(call.context, wish)
    return _show(call, cluster, wish.nodegroup)


@_method(patch=NodeGroup, answers=202, result=NodeGroup, keyed=True,
         tagged=True, begins=True)
def patch(call, cluster_ident, nodegroup_ident):
    """Change the limits, labels or taints of a nodegroup."""
    cluster = _cluster(call, cluster_ident, rules.UPDATE_ALL_PROJECTS)
    policy.authorize(call.context, rules.UPDATE)
    row = _nodegroup(cluster, nodegroup_ident)
    _require_seen(call, cluster, row)
    before = {name: getattr(row, name)
              for name in ('min_node_count', 'max_node_count', 'node_labels',
                           'node_taints')}
    after = patches.apply(NodeGroup, call.changes, before)
    changed = patches.differences(before, after)
    if changed:
        call.shown = functools.partial(_begun, call, cluster)
        update_nodegroup.request(call.context, cluster, row,
                                 {name: after[name] for name in changed})
        row = db.read(nodegroups.find, cluster, row.uuid)
    return _show(call, cluster, row)


@_method(answers=204, keyed=True, tagged=True, begins=True)
def delete(call, cluster_ident, nodegroup_ident):
    """Delete a nodegroup, and its nodes."""
    policy.authorize(call.context, rules.DELETE)
    cluster, row = _find(call, cluster_ident, nodegroup_ident,
                         rules.DELETE_ALL_PROJECTS)
    _require_seen(call, cluster, row)
    delete_nodegroup.request(call.context, cluster, row)


def _page(session, call, ident, all_projects, page):
    cluster = cluster_rows.find(session, call.context, ident, all_projects)
    return cluster, nodegroups.page(session, cluster, page,
                                    call.query['role'] or None)


def _cluster(call, ident, rule):
    all_projects = expose.all_projects(call, rule)
    return db.read(cluster_rows.find, call.context, ident, all_projects,
                   template=True)


def _find(call, cluster_ident, nodegroup_ident, rule):
    cluster = _cluster(call, cluster_ident, rule)
    return cluster, _nodegroup(cluster, nodegroup_ident)


def _nodegroup(cluster, ident):
    return db.read(nodegroups.find, cluster, ident)


def _require_seen(call, cluster, row):
    etags.require(call, functools.partial(_show, call, cluster), row,
                  lambda session: nodegroups.load(session, row.uuid))


def _begun(call, cluster, session, operation):
    return _show(call, cluster,
                 nodegroups.load(session, operation.nodegroup_uuid))


def _show(call, cluster, row):
    overridden, added, skipped = desired.label_differences(cluster.labels,
                                                           row.labels)
    return types.show(
        NodeGroup, row, merge_labels=False, labels_overridden=overridden,
        labels_added=added, labels_skipped=skipped,
        links=call.links(f'clusters/{cluster.uuid}/nodegroups', row.uuid))
