# SPDX-License-Identifier: Apache-2.0
"""Make every call of openstacksdk that is about clusters.

The proxy `container_infrastructure_management`, the actions of its clusters,
and the cloud layer.  Fails for a public method that was not called.
"""

import importlib.metadata
import inspect
import pathlib
import tempfile
import time
import uuid

import openstack
from openstack.cloud import _coe
from openstack.container_infrastructure_management.v1 import _proxy
from openstack.container_infrastructure_management.v1 import cluster
from openstack import exceptions

from expect import Failed
from expect import same
from expect import until
import pem

IMAGE = 'ubuntu-kube-able'
WAIT = {'interval': 0.5, 'wait': 120}


class Counted:
    """An object of the SDK; the names of what was called are in `called`."""

    def __init__(self, object_, called):
        self._object, self._called = object_, called

    def __getattr__(self, name):
        found = getattr(self._object, name)
        if callable(found):
            self._called.add(name)
        return found


def public(class_):
    return {name for name, member in vars(class_).items()
            if inspect.isfunction(member) and not name.startswith('_')}


def main():
    called = {'proxy': set(), 'cloud': set(), 'cluster': set()}
    demo, admin = (openstack.connect(cloud=name)
                   for name in ('demo2', 'admin'))
    proxy, operator = (
        Counted(who.container_infrastructure_management, called['proxy'])
        for who in (demo, admin))
    version = importlib.metadata.version('openstacksdk')
    prefix = f'sdk-{version.replace(".", "-")}-{uuid.uuid4().hex[:6]}'
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        template = templates(proxy, prefix)
        made = clusters(proxy, prefix, template, folder)
        newest = newest_version()
        same(newest.get_cluster(made.id).name, made.name)
        actions(demo.container_infrastructure_management, newest,
                called['cluster'], made, template)
        gone(proxy, made, template)
        same('up' in {each.state for each in operator.services()}, True)
        cloud_layer(Counted(demo, called['cloud']), f'{prefix}-cloud', folder)
        same(bool(Counted(admin, called['cloud']).list_magnum_services()),
             True)
    report(version, called)


def templates(proxy, prefix):
    template = proxy.create_cluster_template(
        name=prefix, coe='kubernetes', image_id=IMAGE, flavor_id='m1.small',
        master_flavor_id='m1.small', external_network_id='public',
        keypair_id='testkey', dns_nameserver='1.1.1.1', is_hidden=False,
        docker_volume_size=4, labels={'a': 'b'}, is_floating_ip_enabled=False,
        is_master_lb_enabled=False, is_tls_disabled=False)
    same(template.to_dict(), name=prefix, image_id=IMAGE, labels={'a': 'b'},
         docker_volume_size=4, is_floating_ip_enabled=False, coe='kubernetes')
    same(proxy.get_cluster_template(template.id).to_dict(), name=prefix,
         id=template.id, dns_nameserver='1.1.1.1', is_hidden=False)
    for ident in (prefix, template.id):
        # Its `id` is the word that was looked for.
        same(proxy.find_cluster_template(ident).uuid, template.id)
    same(proxy.find_cluster_template('no-such'), None)
    raises(exceptions.NotFoundException, lambda: proxy.find_cluster_template(
        'no-such', ignore_missing=False))
    same([each.name for each in proxy.cluster_templates()
          if each.id == template.id], [prefix])
    changed = proxy.update_cluster_template(
        template, docker_volume_size=6, is_master_lb_enabled=True,
        labels={'c': 'd'})
    same(changed.to_dict(), docker_volume_size=6, labels={'c': 'd'},
         is_master_lb_enabled=True, name=prefix)
    refused = raises(exceptions.BadRequestException,
                     lambda: proxy.create_cluster_template(
                         name='refused', coe='kubernetes',
                         image_id='nowhere', external_network_id='public'))
    same('nowhere' in str(refused), True)
    return template


def clusters(proxy, prefix, template, folder):
    made = proxy.create_cluster(
        name=prefix, cluster_template_id=template.id, node_count=1,
        master_count=1, keypair='testkey', create_timeout=30,
        labels={'e': 'f'})
    # There is no more in the answer than the id; it can be read at once.
    same(proxy.get_cluster(made.id).to_dict(), name=prefix, node_count=1,
         create_timeout=30, labels={'e': 'f'}, keypair='testkey')
    made = proxy.wait_for_status(proxy.get_cluster(made.id),
                                 'CREATE_COMPLETE', **WAIT)
    same(made.api_address.startswith('https://'), True)
    for ident in (prefix, made.id):
        same(proxy.find_cluster(ident).uuid, made.id)
    same(proxy.find_cluster('no-such'), None)
    # With a limit it reads on, page after page, until one is empty.
    for query in ({}, {'limit': 1}):
        same(made.id in {each.id for each in proxy.clusters(**query)}, True)
    # Version 4.7 wants to change the id of what was fetched one by one, and
    # all versions that of what is named; so what is listed has to be given.
    listed = next(each for each in proxy.clusters() if each.id == made.id)
    proxy.update_cluster(listed, node_count=3)
    made = proxy.wait_for_status(proxy.get_cluster(made.id),
                                 'UPDATE_COMPLETE', **WAIT)
    same(made.node_count, 3)
    authority = proxy.get_cluster_certificate(made.id)
    signed = proxy.create_cluster_certificate(cluster_uuid=made.id,
                                              csr=pem.request(folder))
    pem.verify_text(folder, authority.pem, signed.pem)
    return made


def actions(demo, newest, called, made, template):
    """Resize and upgrade.

    They need a version of the API, which the SDK names only when its
    configuration does.  It reads the answers as if there were a cluster in
    them, and raises a TypeError of its own after the work has begun.
    """
    for name, attributes in (
            ('resize', {'node_count': 2}),
            ('upgrade', {'cluster_template': template.id})):
        call = getattr(Counted(made, called), name)
        refused = raises(exceptions.HttpException,
                         lambda call=call, attributes=attributes: call(
                             demo, **attributes))
        same('microversion' in str(refused), True)
        try:
            call(newest, **attributes)
        except TypeError as e:
            print(f'as known, {name} raises: {e}')
        same(settled(demo, made).status, 'UPDATE_COMPLETE')
    same(demo.get_cluster(made.id).node_count, 2)


def settled(proxy, made):
    def look():
        found = proxy.get_cluster(made.id)
        return not found.status.endswith('_IN_PROGRESS') and found
    return until(look, 120, f'{made.name} settles')


def newest_version():
    """With a version in its configuration, of which it asks `GET /v1`."""
    service = 'container_infrastructure_management'
    return openstack.connect(cloud='demo2', **{
        f'{service}_default_microversion': '1.14'}
    ).container_infrastructure_management


def gone(proxy, made, template):
    proxy.delete_cluster(made)
    proxy.wait_for_delete(made, **WAIT)
    proxy.delete_cluster(made)
    raises(exceptions.NotFoundException,
           lambda: proxy.delete_cluster(made, ignore_missing=False))
    proxy.delete_cluster_template(template)
    proxy.delete_cluster_template(template)
    raises(exceptions.NotFoundException, lambda: proxy.get_cluster_template(
        template.id))


def cloud_layer(cloud, name, folder):
    template = cloud.create_cluster_template(
        name, image_id=IMAGE, keypair_id='testkey', coe='kubernetes',
        flavor_id='m1.small', master_flavor_id='m1.small',
        external_network_id='public', labels={'a': 'b'})
    same(name in {each.name for each in cloud.list_cluster_templates()}, True)
    same(name in {each.name for each in
                  cloud.list_cluster_templates(detail=True)}, True)
    same([each.id for each in cloud.search_cluster_templates(name)],
         [template.id])
    same(cloud.get_cluster_template(name).uuid, template.id)
    same(cloud.get_cluster_template('no-such'), None)
    same(cloud.update_cluster_template(name, docker_volume_size=3)
         .docker_volume_size, 3)
    made = cloud.create_coe_cluster(name, template.id, node_count=1,
                                    keypair='testkey')
    same(made.id in {each.id for each in cloud.list_coe_clusters()}, True)
    same([each.id for each in cloud.search_coe_clusters(
        name, {'keypair': 'testkey'})], [made.id])

    def status():
        return cloud.get_coe_cluster(name).status

    until(lambda: status() == 'CREATE_COMPLETE', 120, f'{name} is made')
    cloud.update_coe_cluster(name, node_count=2)
    until(lambda: status() == 'UPDATE_COMPLETE', 120, f'{name} is changed')
    authority = cloud.get_coe_cluster_certificate(made.id)
    signed = cloud.sign_coe_cluster_certificate(made.id, pem.request(folder))
    pem.verify_text(folder, authority.pem, signed.pem)
    same(cloud.delete_coe_cluster(name), True)
    until(lambda: cloud.get_coe_cluster(name) is None, 120, f'{name} is gone')
    same(cloud.delete_coe_cluster(name), False)
    same(cloud.delete_cluster_template(template.id), True)
    same(cloud.delete_cluster_template(template.id), False)


def raises(error, call):
    try:
        call()
    except error as e:
        return e
    raise Failed(f'no {error.__name__}')


def report(version, called):
    offered = {'proxy': public(_proxy.Proxy),
               'cloud': public(_coe.CoeCloudMixin),
               'cluster': public(cluster.Cluster)}
    for kind, names in offered.items():
        missed = names - called[kind]
        if missed:
            raise Failed(f'never called of {kind}: {sorted(missed)}')
    print(f'openstacksdk {version}: all {len(offered["proxy"])} calls of '
          f'the proxy, '
          f'{len(offered["cluster"])} actions, {len(offered["cloud"])} calls '
          f'of the cloud layer')


if __name__ == '__main__':
    begun = time.monotonic()
    main()
    print(f'in {time.monotonic() - begun:.0f} s')
