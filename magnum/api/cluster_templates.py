# SPDX-License-Identifier: Apache-2.0
"""Cluster templates: plain rows, with many rules about what may be in them."""

import functools
import uuid

from oslo_config import cfg

from magnum.api import etags
from magnum.api import expose
from magnum.api import paging
from magnum.api import patch as patches
from magnum.api import types
from magnum.db import models
from magnum.db import session as db
from magnum.db import templates
from magnum import drivers
from magnum.drivers import labels
from magnum import errors
from magnum import node_text
from magnum import openstack
from magnum.operations import desired
from magnum.operations import references
from magnum.operations import rules as wish_rules
from magnum.policies import cluster_template as rules
from magnum import policy

CONF = cfg.CONF

# What is looked up in the cloud.
REFERENCES = ('image_id', 'flavor_id', 'master_flavor_id',
              'external_network_id', 'fixed_network', 'fixed_subnet')

# What may change while clusters use the template.
HARMLESS = {'name', 'tags', 'public', 'hidden'}

# What is stored is not what was sent, but what follows from other things.
DERIVED = {'driver', 'cluster_distro'}


class Template(types.Resource):
    """What cluster templates and baymodels have in common."""

    uuid = types.Attribute(types.UUID, never_null=True)
    name = types.Attribute(types.SHORT)
    coe = types.Attribute(types.Enum('kubernetes'), required=True,
                          nullable=False, removable=False)
    image_id = types.Attribute(types.SHORT, required=True, nullable=False,
                               removable=False)
    flavor_id = types.Attribute(types.SHORT)
    master_flavor_id = types.Attribute(types.SHORT)
    dns_nameserver = types.Attribute(types.NameServers())
    keypair_id = types.Attribute(types.SHORT)
    external_network_id = types.Attribute(types.SHORT, removable=False)
    fixed_network = types.Attribute(types.SHORT)
    fixed_subnet = types.Attribute(types.SHORT)
    network_driver = types.Attribute(types.SHORT, removable=False)
    apiserver_port = types.Attribute(types.Integer(1024, 65535))
    docker_volume_size = types.Attribute(types.SIZE)
    cluster_distro = types.Attribute(types.SHORT, removable=False)
    http_proxy = types.Attribute(types.PROXY)
    https_proxy = types.Attribute(types.PROXY)
    no_proxy = types.Attribute(types.NodeText(node_text.no_proxy))
    volume_driver = types.Attribute(types.SHORT)
    registry_enabled = types.Attribute(types.BOOLEAN, default=False,
                                       removable=False)
    labels = types.Attribute(types.LABELS, default=dict, accepts_text=True)
    tls_disabled = types.Attribute(types.BOOLEAN, default=False,
                                   removable=False)
    public = types.Attribute(types.BOOLEAN, default=False, removable=False)
    server_type = types.Attribute(types.Enum('vm', 'bm'), default='vm',
                                  nullable=False, removable=False)
    insecure_registry = types.Attribute(
        types.NodeText(node_text.registry))
    docker_storage_driver = types.Attribute(types.WORD)
    master_lb_enabled = types.Attribute(types.BOOLEAN, default=False)
    floating_ip_enabled = types.Attribute(types.BOOLEAN, default=True)
    hidden = types.Attribute(types.BOOLEAN, default=False, removable=False)
    tags = types.Attribute(types.LONG)
    created_at = types.Attribute(types.TIME, write=types.READONLY,
                                 never_null=True)
    updated_at = types.Attribute(types.TIME, write=types.READONLY)
    links = types.Attribute(types.LINKS, write=types.READONLY, never_null=True)


class ClusterTemplate(Template):
    driver = types.Attribute(types.SHORT)
    project_id = types.Attribute(types.STRING, write=types.READONLY,
                                 never_null=True)
    user_id = types.Attribute(types.STRING, write=types.READONLY,
                              never_null=True)
    # Heat waits for the second word after it has changed a template.
    status = types.Attribute(
        types.Enum('CREATE_COMPLETE', 'UPDATE_COMPLETE'),
        write=types.READONLY, never_null=True)


# What a template is made of; the rest is told of it.
STORED = set(types.attributes(ClusterTemplate)) - {'links', 'status'}

SORT_KEYS = {'id', *STORED}


@expose.method(query=paging.parameters(SORT_KEYS), result=[ClusterTemplate])
def get_all(call):
    """List cluster templates."""
    policy.authorize(call.context, rules.GET_ALL)
    return _list(call, 'clustertemplates', rules.GET_ALL_ALL_PROJECTS)


@expose.method(query=paging.parameters(SORT_KEYS), result=[ClusterTemplate])
def detail(call):
    """List cluster templates with all their attributes."""
    policy.authorize(call.context, rules.DETAIL)
    return _list(call, 'clustertemplates/detail', rules.DETAIL_ALL_PROJECTS)


@expose.method(result=ClusterTemplate, tagged=True)
def get_one(call, template_ident):
    """Show a cluster template."""
    all_projects = expose.all_projects(call, rules.GET_ONE_ALL_PROJECTS)
    row = db.read(templates.find, call.context, template_ident, all_projects)
    if not row.public:
        policy.authorize(call.context, rules.GET, row)
    return _show(call, row)


@expose.method(body=ClusterTemplate, answers=201, result=ClusterTemplate,
               keyed=True, warns=True,
               headers={'Location': 'Where the new cluster template is.'})
def post(call):
    """Create a cluster template."""
    policy.authorize(call.context, rules.CREATE)
    if call.body['public'] or call.body['hidden']:
        policy.authorize(call.context, rules.PUBLISH)
    return create(call, ClusterTemplate, 'template', _created)


def create(call, kind, word, shown):
    """Check and store what the body of a request describes; `shown` of it.

    :param kind: the type of the body.
    :param word: the last one of a generated name.
    """
    row = models.ClusterTemplate(
        **call.body, project_id=call.context.project_id,
        user_id=call.context.user_id)
    if not (row.uuid and call.context.is_admin):
        # A choice that is taken would tell of other projects' templates, and
        # one that was another's would be that of their clusters.
        row.uuid = str(uuid.uuid4())
    row.name = row.name or desired.generated_name(word)
    row.network_driver = row.network_driver or _default_network(row)
    row.labels = row.labels or {}
    _check_combination(row)
    found = references.find(
        openstack.request_cloud(call.context),
        {name: getattr(row, name) for name in REFERENCES},
        then={'image_id': lambda image: _derive(kind, row, image)})
    row.cluster_distro = found.image.properties['os_distro']
    _check_labels(call, row, row.labels)
    if kind is ClusterTemplate:
        references.check_root_disk(found, row.labels)
    return db.write(_add, call, row, shown)


def _add(session, call, row, shown):
    templates.add(session, row)
    body = shown(call, row)
    call.context.conditions.keep(session, body=body)
    return body


def _created(call, row):
    call.headers['Location'] = f'{call.url}/v1/clustertemplates/{row.uuid}'
    return _show(call, row)


@expose.method(patch=ClusterTemplate, result=ClusterTemplate, keyed=True,
               tagged=True, warns=True)
def patch(call, template_ident):
    """Change a cluster template."""
    all_projects = expose.all_projects(call, rules.UPDATE_ALL_PROJECTS)
    row = db.read(templates.find, call.context, template_ident, all_projects)
    policy.authorize(call.context, rules.UPDATE, row)
    _require_seen(call, row)
    return change(call, row, ClusterTemplate, rules.PUBLISH, _show)


def change(call, row, kind, publish, shown):
    """Check and store what a patch makes of a template; `shown` of it.

    :param kind: the type that the patch is for.
    :param publish: the rule that guards its being public or hidden.
    """
    before = {name: getattr(row, name) for name in STORED}
    after = patches.apply(kind, call.changes, before)
    changed = patches.differences(before, after)
    if changed & {'public', 'hidden'}:
        policy.authorize(call.context, publish)
    if after['driver'] is None and any(change.name == 'driver'
                                       for change in call.changes):
        # It is derived again, and may turn out to be the same.
        changed.add('driver')
    wanted = models.ClusterTemplate(**after)
    _check_changes(call, kind, wanted, changed)
    if wanted.driver != row.driver:
        _check_labels(call, wanted, wanted.labels or ())
    elif 'labels' in changed:
        _check_labels(call, wanted, desired.changed_labels(row.labels,
                                                           wanted.labels))
    changed = {name for name in changed | DERIVED
               if getattr(wanted, name) != before[name]}
    return db.write(_change, call, row, {
        name: getattr(wanted, name) for name in changed}, shown)


def _change(session, call, row, changes, shown):
    templates.lock(session, row.uuid)
    call.context.conditions.check(session)
    if changes.keys() - HARMLESS and templates.in_use(session, row.uuid):
        raise _in_use(row)
    body = shown(call, templates.update(session, row.uuid, changes))
    call.context.conditions.keep(session, body=body)
    return body


@expose.method(answers=204, keyed=True, tagged=True)
def delete(call, template_ident):
    """Delete a cluster template that no cluster uses."""
    all_projects = expose.all_projects(call, rules.DELETE_ALL_PROJECTS)
    row = db.read(templates.find, call.context, template_ident, all_projects)
    policy.authorize(call.context, rules.DELETE, row)
    _require_seen(call, row)
    remove(call, row)


def remove(call, row):
    """Delete a template.

    :raises Invalid: a cluster uses it.
    """
    db.write(_remove, call, row)


def _remove(session, call, row):
    templates.lock(session, row.uuid)
    call.context.conditions.check(session)
    if not templates.delete(session, row.uuid):
        raise _in_use(row)
    call.context.conditions.keep(session)


def _require_seen(call, row):
    etags.require(call, functools.partial(_show, call), row,
                  lambda session: templates.load(session, row.uuid))


def _list(call, path, rule):
    all_projects = expose.all_projects(call, rule)
    page = paging.page(call)
    rows = db.read(templates.page, call.context, page, all_projects)
    return paging.body(call, page, 'clustertemplates', path,
                       [_show(call, row) for row in rows])


def _show(call, row):
    done = 'CREATE_COMPLETE' if row.updated_at is None else 'UPDATE_COMPLETE'
    return types.show(ClusterTemplate, row, status=done,
                      links=call.links('clustertemplates', row.uuid))


def _default_network(row):
    """What the first driver that has a say proposes."""
    return next(filter(None, (driver.default_network for driver
                              in drivers.of_coe(row.coe, row.driver))), None)


def _check_combination(row):
    """Refuse what does not go together, whatever there is in the cloud."""
    # Where nobody serves such clusters, that is what will be said.
    able = drivers.of_coe(row.coe, row.driver)
    networks = [name for driver in able for name in driver.networks]
    # Older releases knew templates without one.
    if able and row.network_driver and row.network_driver not in networks:
        raise errors.InvalidParameter(
            'network_driver', f'{row.network_driver} is not supported or not '
                              f'allowed for {row.coe}; use one of: '
                              f'{", ".join(dict.fromkeys(networks))}.')
    volumes = [name for driver in able for name in driver.volumes]
    if able and row.volume_driver and row.volume_driver not in volumes:
        raise errors.InvalidParameter(
            'volume_driver', f'{row.volume_driver} is not supported for '
                             f'{row.coe}; use one of: '
                             f'{", ".join(dict.fromkeys(volumes))}.')
    wish_rules.check_storage(row.docker_storage_driver,
                             row.docker_volume_size)
    references.boot_volume_size(row.labels)


def _check_labels(call, row, names):
    """Refuse labels of these names that the driver cannot read.

    A baymodel may be without a driver.
    """
    try:
        known = drivers.for_template(row).labels
    except errors.DriverNotFound:
        return
    given = {name: value for name, value in (row.labels or {}).items()
             if name in names}
    labels.check(known, given)
    call.warn(labels.unused(known, given))


def _check_changes(call, kind, row, changed):
    """Check what a patch has changed as if it were created so.

    What follows from it is changed in the row as well.
    """
    if not changed - HARMLESS:
        return
    _check_combination(row)
    wanted = changed & set(REFERENCES)
    if wanted & {'fixed_network', 'fixed_subnet'}:
        # They must belong together.
        wanted |= {'fixed_network', 'fixed_subnet'}
    disks = (changed & {'labels', 'flavor_id', 'master_flavor_id'}
             if kind is ClusterTemplate else set())
    if disks and references.boot_volume_size(row.labels) <= 0:
        wanted |= {'flavor_id', 'master_flavor_id'}
    then = {}
    if changed & {'image_id', 'server_type', 'coe', 'driver'}:
        wanted.add('image_id')
        then['image_id'] = lambda image: _derive(kind, row, image)
    # In a fixed order, so that the same request has the same answer.
    found = references.find(
        openstack.request_cloud(call.context) if wanted else None,
        {name: getattr(row, name) for name in REFERENCES if name in wanted},
        then)
    if 'image_id' in changed:
        row.cluster_distro = found.image.properties['os_distro']
    elif 'cluster_distro' in changed and kind is ClusterTemplate:
        drivers.for_template(row)
    if disks:
        references.check_root_disk(found, row.labels)


def _derive(kind, row, image):
    """Give a template its driver, if there is one for it.

    A baymodel does without one until a bay is made of it.
    """
    try:
        row.driver = drivers.resolve(row.driver, image.properties,
                                     row.server_type, row.coe)
    except errors.DriverNotFound:
        if kind is ClusterTemplate:
            raise
        row.driver = None


def _in_use(row):
    return errors.Invalid(f'ClusterTemplate {row.uuid} is in use by one or '
                          f'more clusters; only '
                          f'{", ".join(sorted(HARMLESS))} can change.')
