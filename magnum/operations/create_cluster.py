# SPDX-License-Identifier: Apache-2.0
"""Create a cluster."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

from sqlalchemy import orm

from magnum import accounts
from magnum import context
from magnum.db import models
from magnum.db import session as db
from magnum.db import templates
from magnum import drivers
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.operations import changes
from magnum.operations import desired
from magnum.operations import kinds
from magnum.operations import place
from magnum.operations import references
from magnum.operations import rules
from magnum.operations import steps
from magnum.operations import submit
from magnum import quota

FlavorRules = Callable[[Mapping[str, Any] | None],
                       dict[str, Callable[[Any], None]]]

KIND = kinds.Kind(
    name='create_cluster', action='CREATE', nodegroups=kinds.every_group,
    steps=(steps.DELEGATE, steps.ISSUE_CERTIFICATES, steps.APPLY,
           steps.SETTLE),
    terms=kinds.Terms(doing='Creating'))


def request(context: context.RequestContext,
            template: models.ClusterTemplate, asked: Mapping[str, Any],
            flavors: FlavorRules = references.disks,
            room: quota.Room | None = None,
            warn: Callable[[Iterable[str]], object] = tuple
            ) -> models.Cluster:
    """Write a new cluster down, together with the work that makes it."""
    new = wish(context, template, asked, flavors, room, warn)
    submit.submit(context, new)
    return new.cluster


def wish(context: context.RequestContext,
         template: models.ClusterTemplate, asked: Mapping[str, Any],
         flavors: FlavorRules = references.disks,
         room: quota.Room | None = None,
         warn: Callable[[Iterable[str]], object] = tuple) -> submit.Wish:
    """A new cluster, as it is to be written down.

    Everything that can be refused is refused here, before anything is stored.

    :param asked: the attributes that were sent; None means not given.
    :param flavors: what is asked of the flavors, by the labels.
    :param room: what is left of the quota, if it was read already.
    :param warn: is given sentences for the user.
    """
    cluster = desired.new_cluster(template, asked, context.project_id,
                                  context.user_id)
    master_count = asked.get('master_count') or 1
    node_count = asked.get('node_count')
    node_count = 1 if node_count is None else node_count
    driver = drivers.for_template(template)
    rules.check_storage(template.docker_storage_driver,
                        cluster.docker_volume_size)
    rules.check_masters(master_count)
    quota.check(room or _room(context))
    if template.hidden and not context.is_admin:
        raise errors.Forbidden(
            f'ClusterTemplate {template.uuid} is hidden: new clusters cannot '
            'be created from it.')
    cloud = openstack.request_cloud(context)
    has_account = ((driver.makes_trusts or identity.is_delegating())
                   and accounts.is_needed(cloud, context.project_id))
    found = _references(cloud, template, cluster, flavors)
    rules.check_load_balancer(master_count, cluster.master_lb_enabled)
    subnets = None
    if driver.built_by_heat:
        references.check_image_fits(found, cluster.labels)
        subnets = place.check(cloud, cluster, found)
    nodegroups = desired.default_nodegroups(cluster, template, master_count,
                                            node_count)
    properties = desired.image_properties(found.image)
    public_key = references.public_key(found)
    spec = dataclasses.replace(
        desired.spec(cluster, template, nodegroups,
                     image_properties=properties),
        subnet_cidrs=subnets, public_key=public_key)
    warn(driver.check(spec).warnings)
    return submit.Wish(
        KIND, cluster, options={'image_properties': properties,
                                'public_key': public_key,
                                'has_account': has_account,
                                'driver': drivers.name_for(template)},
        hold=lambda session: quota.hold(session, context.project_id),
        begin=lambda session: _begin(session, context, template, cluster,
                                     nodegroups),
        target=lambda: spec, driver=driver)


def _room(context: context.RequestContext) -> quota.Room:
    with db.reader() as session:
        return quota.room(session, context.project_id)


def _references(cloud: openstack.Cloud, template: models.ClusterTemplate,
                cluster: models.Cluster,
                flavors: FlavorRules) -> references.Found:
    if references.boot_volume_size(cluster.labels) <= 0:
        for key in ('flavor_id', 'master_flavor_id'):
            if getattr(cluster, key) is None:
                raise errors.InvalidParameter(
                    key, 'neither the cluster nor its template names a '
                         'flavor.')
    return references.find(cloud, {
        'flavor_id': cluster.flavor_id,
        'master_flavor_id': cluster.master_flavor_id,
        'image_id': template.image_id,
        'external_network_id': template.external_network_id,
        'fixed_network': cluster.fixed_network,
        'fixed_subnet': cluster.fixed_subnet,
        'keypair': cluster.keypair}, then=flavors(cluster.labels))


def _begin(session: orm.Session, context: context.RequestContext,
           template: models.ClusterTemplate, cluster: models.Cluster,
           nodegroups: list[models.NodeGroup]) -> submit.Begun:
    _hold_template(session, context, template)
    rows: tuple[models.Cluster | models.NodeGroup, ...] = (cluster,
                                                          *nodegroups)
    for row in rows:
        # A first try that was rolled back left numbers that are not ours.
        row.id = None
    session.add(cluster)
    session.flush()
    session.add_all(nodegroups)
    return submit.Begun(changes.made(*rows))


def _hold_template(session: orm.Session, context: context.RequestContext,
                   template: models.ClusterTemplate) -> None:
    """Keep the template as it was when the request was checked.

    The quota comes with it in one statement.

    :raises NotFound: it has gone, or is the caller's no longer.
    :raises Conflict: it has changed.
    """
    now, limit, taken = templates.hold(
        session, context, template.uuid or '',
        *quota.figures(context.project_id))
    quota.check(quota.Room(limit, taken))
    changed = templates.differences(template, now)
    if changed:
        raise errors.Conflict(
            f'ClusterTemplate {template.uuid} was changed '
            f'({", ".join(changed)}) while this request was checked: send '
            f'the request again.', code='TEMPLATE_CHANGED')
