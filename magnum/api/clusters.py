# SPDX-License-Identifier: Apache-2.0
"""Clusters.

A request that changes one is written down by an operation's `request`, which
refuses what cannot be; reading never leaves the database.
"""

import functools

from magnum.api import etags
from magnum.api import expose
from magnum.api import paging
from magnum.api import patch as patches
from magnum.api import plans
from magnum.api import types
from magnum.api import versions
from magnum.db import clusters
from magnum.db import session as db
from magnum.db import templates
from magnum import errors
from magnum import node_text
from magnum.operations import change_labels
from magnum.operations import create_cluster
from magnum.operations import delete_cluster
from magnum.operations import desired
from magnum.operations import resize_cluster
from magnum.operations import submit
from magnum.policies import cluster as rules
from magnum import policy
from magnum import quota

STATUS = types.Enum(
    'CREATE_IN_PROGRESS', 'CREATE_FAILED', 'CREATE_COMPLETE',
    'UPDATE_IN_PROGRESS', 'UPDATE_FAILED', 'UPDATE_COMPLETE',
    'DELETE_IN_PROGRESS', 'DELETE_FAILED', 'DELETE_COMPLETE',
    'RESUME_COMPLETE', 'RESUME_FAILED', 'RESTORE_COMPLETE',
    'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED', 'ROLLBACK_COMPLETE',
    'SNAPSHOT_COMPLETE', 'CHECK_COMPLETE', 'ADOPT_COMPLETE')

HEALTH = {'health_status', 'health_status_reason'}
BY_AN_OPERATION = {'labels', 'node_count'}


def _readonly(kind, **options):
    return types.Attribute(kind, write=types.READONLY, **options)


def _ignored(kind, **options):
    return types.Attribute(kind, write=types.IGNORED, **options)


class Cluster(types.Resource):
    uuid = _ignored(types.UUID, never_null=True)
    name = types.Attribute(types.RESOURCE_NAME, empty_means_unset=True,
                           never_null=True)
    cluster_template_id = types.Attribute(types.STRING, required=True,
                                          removable=False)
    keypair = types.Attribute(types.SHORT)
    node_count = types.Attribute(types.COUNT, default=1)
    master_count = types.Attribute(types.SIZE, default=1)
    docker_volume_size = types.Attribute(types.SIZE)
    labels = types.Attribute(types.LABELS, default=dict, accepts_text=True)
    labels_overridden = _ignored(types.LABELS, never_null=True)
    labels_added = _ignored(types.LABELS, never_null=True)
    labels_skipped = _ignored(types.LABELS, never_null=True)
    merge_labels = types.Attribute(types.BOOLEAN, default=False)
    flavor_id = types.Attribute(types.SHORT)
    master_flavor_id = types.Attribute(types.SHORT)
    create_timeout = types.Attribute(types.MINUTES, default=60,
                                     never_null=False,
                                     keeps_null=True)
    links = _readonly(types.LINKS, never_null=True)
    stack_id = _readonly(types.STRING, patchable=False)
    cluster_id = _readonly(types.STRING, patchable=False, optional=True)
    status = _ignored(STATUS)
    status_reason = _ignored(types.STRING)
    health_status = _ignored(types.Enum('HEALTHY', 'UNHEALTHY', 'UNKNOWN'))
    health_status_reason = _ignored(types.STRING_MAP, default=dict,
                                    accepts_text=True)
    discovery_url = types.Attribute(
        types.NodeText(node_text.url, min_length=0), empty_means_unset=True)
    api_address = _readonly(types.STRING, patchable=False)
    coe_version = _readonly(types.STRING)
    container_version = _readonly(types.STRING)
    project_id = _readonly(types.STRING, never_null=True)
    user_id = _readonly(types.STRING, never_null=True)
    node_addresses = _readonly(types.STRINGS, patchable=False, never_null=True)
    master_addresses = _readonly(types.STRINGS, patchable=False,
                                 never_null=True)
    fixed_network = types.Attribute(types.SHORT)
    fixed_subnet = types.Attribute(types.SHORT)
    floating_ip_enabled = types.Attribute(types.BOOLEAN, never_null=True)
    master_lb_enabled = types.Attribute(types.BOOLEAN, never_null=True)
    created_at = _readonly(types.TIME, never_null=True)
    updated_at = _readonly(types.TIME)
    faults = _ignored(types.STRING_MAP, optional=True, never_null=True)


# A list tells all that takes no template and no addresses.
SHORT = frozenset(types.attributes(Cluster)) - {
    'labels_overridden', 'labels_added', 'labels_skipped', 'faults',
    'node_addresses', 'master_addresses', 'health_status_reason',
    'discovery_url', 'container_version', 'user_id'}

SORT_KEYS = {
    'id', 'uuid', 'name', 'project_id', 'user_id', 'cluster_template_id',
    'keypair', 'docker_volume_size', 'labels', 'master_flavor_id',
    'flavor_id', 'stack_id', 'api_address', 'status', 'status_reason',
    'health_status', 'health_status_reason', 'create_timeout',
    'discovery_url', 'coe_version', 'container_version', 'fixed_network',
    'fixed_subnet', 'floating_ip_enabled', 'master_lb_enabled', 'created_at',
    'updated_at'}

# What a patch may name; all but four may only be given their present value.
_STORED = ('name', 'cluster_template_id', 'keypair', 'docker_volume_size',
           'labels', 'flavor_id', 'master_flavor_id', 'create_timeout',
           'status', 'status_reason', 'health_status',
           'health_status_reason', 'discovery_url', 'coe_version',
           'container_version', 'fixed_network', 'fixed_subnet',
           'floating_ip_enabled', 'master_lb_enabled')


@expose.method(query=paging.parameters(SORT_KEYS), result=[Cluster],
               only=SHORT)
def get_all(call):
    """List clusters."""
    policy.authorize(call.context, rules.GET_ALL)
    all_projects = expose.all_projects(call, rules.GET_ALL_ALL_PROJECTS)
    page = paging.page(call)
    rows = db.read(clusters.page, call.context, page, all_projects)
    return paging.body(call, page, 'clusters', 'clusters',
                       [_show(call, row, SHORT) for row in rows])


@expose.method(query=paging.parameters(SORT_KEYS), result=[Cluster])
def detail(call):
    """List clusters with all their attributes."""
    policy.authorize(call.context, rules.DETAIL)
    all_projects = expose.all_projects(call, rules.DETAIL_ALL_PROJECTS)
    page = paging.page(call)
    rows = db.read(clusters.page, call.context, page, all_projects,
                   template=True)
    return paging.body(call, page, 'clusters', 'clusters/detail',
                       [_show(call, row, **_labels(row)) for row in rows])


@expose.method(result=Cluster, tagged=True)
def get_one(call, cluster_ident):
    """Show a cluster."""
    all_projects = expose.all_projects(call, rules.GET_ONE_ALL_PROJECTS)
    row = db.read(clusters.shown, call.context, cluster_ident, all_projects)
    policy.authorize(call.context, rules.GET, row)
    return _whole(call, row)


@expose.method(body=Cluster, answers=202, result=types.Identity, keyed=True,
               begins=True, warns=True, query=(plans.DRY_RUN,),
               also={200: plans.RESULT})
def post(call):
    """Create a cluster."""
    policy.authorize(call.context, rules.CREATE)
    chosen, room = template(call, call.body.pop('cluster_template_id'))
    check_node_count(call, call.body['node_count'])
    wish = create_cluster.wish(call.context, chosen, call.body, room=room,
                               warn=call.warn)
    if call.query['dry_run']:
        return plans.show(call, wish, room)
    submit.submit(call.context, wish)
    return {'uuid': wish.cluster.uuid}


@expose.method(
    patch=Cluster, answers=202, result=types.Identity, keyed=True, tagged=True,
    begins=True, warns=True, query=(
        expose.Parameter('rollback', types.BOOLEAN, since=versions.ROLLBACK),))
def patch(call, cluster_ident):
    """Change the number of workers or labels, or report the health."""
    row = find(call, cluster_ident, rules.UPDATE, rules.UPDATE_ALL_PROJECTS)
    require_seen(call, row)
    before = patchable(row)
    after = patches.apply(Cluster, call.changes, before)
    changed = patches.differences(before, after)
    if changed & HEALTH:
        # About the caller, so that it is no question of who made the cluster.
        policy.authorize(call.context, rules.UPDATE_HEALTH_STATUS, {
            'project_id': call.context.project_id,
            'user_id': call.context.user_id,
            'trustee_user_id': row.trustee_user_id})
    refused = changed - HEALTH - BY_AN_OPERATION
    if refused:
        raise errors.Invalid(
            f'Only labels, node_count, health_status and health_status_reason '
            f'of a cluster can be changed, not {", ".join(sorted(refused))}.')
    node_count = after['node_count'] if 'node_count' in changed else None
    check_node_count(call, node_count)
    if 'labels' in changed:
        change_labels.request(call.context, row, after['labels'], node_count,
                              call.warn)
    elif node_count is not None:
        resize_cluster.request_patch(call.context, row, node_count)
    if changed & HEALTH:
        db.write(_set_health, call, row, after, changed)
    return {'uuid': row.uuid}


def _set_health(session, call, row, after, changed):
    if not changed & BY_AN_OPERATION:
        clusters.touch(session, row.uuid)
        call.context.conditions.check(session)
    clusters.set_health(session, row.uuid, after['health_status'],
                        after['health_status_reason'])


@expose.method(answers=204, keyed=True, tagged=True, begins=True,
               query=(expose.Parameter('force', types.BOOLEAN, False),))
def delete(call, cluster_ident):
    """Delete a cluster."""
    row = find(call, cluster_ident, rules.DELETE, rules.DELETE_ALL_PROJECTS)
    require_seen(call, row)
    if call.query['force']:
        policy.authorize(call.context, rules.DELETE_PROTECTED, row)
    delete_cluster.request(call.context, row, call.query['force'])


def find(call, ident, rule, rule_of_all_projects, target=None):
    """The cluster that a path names, if the caller may do that to it.

    :param target: what the rule is asked about, of the row; else the row.
    """
    all_projects = expose.all_projects(call, rule_of_all_projects)
    row = db.read(clusters.find, call.context, ident, all_projects,
                  template=True)
    policy.authorize(call.context, rule, target(row) if target else row)
    return row


def require_seen(call, row):
    """Refuse to change a cluster that the caller has seen otherwise.

    :raises PreconditionFailed: the header If-Match says so.
    """
    etags.require(call, functools.partial(_whole, call), row,
                  lambda session: clusters.load(session, row.uuid))


def check_node_count(call, node_count):
    """Refuse zero workers to those who know of no such clusters.

    :raises InvalidParameter: the request's version is too old for it.
    """
    if node_count == 0 and call.version < versions.NO_WORKERS:
        raise errors.InvalidParameter(
            'node_count', f'0 needs microversion {versions.NO_WORKERS}; the '
                          f'request uses {call.version}.')


def patchable(row):
    """The attributes that a patch may name, as they are."""
    values = {name: getattr(row, name) for name in _STORED}
    values |= counts(row) | {'merge_labels': False}
    # The size that can be changed is that of the default workers.
    workers = row.default_workers
    values['node_count'] = workers.node_count if workers else 0
    return values


def template(call, ident):
    """The template of a new cluster, and what the quota leaves for it."""
    try:
        return db.read(_template_and_room, call.context, ident)
    except errors.NotFound as e:
        if call.version < versions.NO_WORKERS:
            raise errors.Invalid(str(e)) from None
        raise


def _template_and_room(session, context, ident):
    return (templates.find(session, context, ident),
            quota.room(session, context.project_id))


def _whole(call, row):
    return _show(call, row, **_labels(row), **faults(row))


def _show(call, row, only=None, **computed):
    if call.version >= versions.CLUSTER_ID:
        # `stack_id` stays: in-cluster controllers always ask for the latest
        # version, and do nothing without it.
        computed['cluster_id'] = row.stack_id
    if only is None:
        computed |= addresses(row)
    return types.show(Cluster, row, only, **computed, **counts(row),
                      merge_labels=False,
                      links=call.links('clusters', row.uuid))


def counts(row):
    """How many nodes there are to be of either kind."""
    masters = sum(group.node_count for group in row.nodegroups
                  if group.role == 'master')
    everything = sum(group.node_count for group in row.nodegroups)
    return {'node_count': everything - masters, 'master_count': masters}


def addresses(row):
    """Where the nodes of either kind are."""
    addresses = {'node_addresses': [], 'master_addresses': []}
    for group in row.nodegroups:
        key = ('master_addresses' if group.role == 'master'
               else 'node_addresses')
        addresses[key] += group.node_addresses
    return addresses


def _labels(row):
    """How the cluster's labels differ from its template's."""
    parent = row.template.labels if row.template else {}
    overridden, added, skipped = desired.label_differences(parent, row.labels)
    return {'labels_overridden': overridden, 'labels_added': added,
            'labels_skipped': skipped}


def faults(row):
    """What went wrong, of a cluster that has failed; else nothing."""
    if not (row.status or '').endswith('_FAILED'):
        return {}
    return {'faults': {group.name: group.status_reason or ''
                       for group in row.nodegroups
                       if (group.status or '').endswith('FAILED')}}
