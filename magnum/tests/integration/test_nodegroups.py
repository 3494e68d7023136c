# SPDX-License-Identifier: Apache-2.0
"""Node groups with stacks of their own, by the real Heat."""

from concurrent import futures
import json
import time

from magnum.tests.integration import leftovers
from magnum.tests.integration import tenants

# name: (number of nodes, further options)
GROUPS = {
    'batch': (1, ('--role', 'batch', '--flavor', 'm1.medium',
                  '--node-labels', 'tier=batch',
                  '--node-taints', 'dedicated=batch:NoSchedule')),
    'disk': (2, ('--docker-volume-size', '1', '--labels',
                 'boot_volume_size=12,kubelet_options=--max-pods=50')),
    'empty': (0, ('--min-nodes', '0', '--max-nodes', '3'))}


def test_three_groups_are_made_resized_and_deleted(service, demo, operator,
                                                   template):
    before = leftovers.look(service, demo, operator)
    demo.openstack('coe', 'cluster', 'create', 'groups', '--cluster-template',
                   template.uuid, '--master-count', '1', '--node-count', '1')
    cluster = demo.settled('groups')
    assert cluster.status == 'CREATE_COMPLETE', cluster.status_reason

    # The client takes long to start on a busy machine.
    with futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(
            demo.openstack, 'coe', 'nodegroup', 'create', 'groups', name,
            '--node-count', str(count), *options)
            for name, (count, options) in GROUPS.items()]
        assert_side_by_side(demo, cluster)
        for one in asked:
            one.result()
    cluster = demo.settled('groups')
    assert cluster.status == 'UPDATE_COMPLETE', cluster.status_reason
    assert cluster.node_count == 4
    for name, (count, _) in GROUPS.items():
        assert_built(demo, cluster, name, count)
    assert_volumes(demo, cluster)

    demo.openstack('coe', 'cluster', 'resize', 'groups', '2', '--nodegroup',
                   'empty')
    demo.openstack('coe', 'cluster', 'resize', 'groups', '1', '--nodegroup',
                   'disk', '--nodes-to-remove', '0')
    demo.openstack('coe', 'nodegroup', 'delete', 'groups', 'batch')
    cluster = demo.settled('groups')
    assert cluster.status == 'UPDATE_COMPLETE', cluster.status_reason
    assert_built(demo, cluster, 'empty', 2)
    disk = assert_built(demo, cluster, 'disk', 1)
    assert list(members(demo, disk.stack_id)) == ['1']
    names = [g.name for g in demo.magnum.nodegroups.list(cluster.uuid)]
    assert sorted(names) == ['default-master', 'default-worker', 'disk',
                             'empty']

    demo.delete(cluster)
    assert leftovers.look(service, demo, operator) == before


def test_a_cluster_goes_with_groups_that_are_being_made(
        service, demo, operator, template):
    before = leftovers.look(service, demo, operator)
    demo.openstack('coe', 'cluster', 'create', 'early', '--cluster-template',
                   template.uuid, '--master-count', '1', '--node-count', '0')
    cluster = demo.settled('early')
    assert cluster.status == 'CREATE_COMPLETE', cluster.status_reason
    for name in ('one', 'two'):
        demo.openstack('coe', 'nodegroup', 'create', 'early', name)
    time.sleep(2)
    demo.delete(cluster)
    assert leftovers.look(service, demo, operator) == before


def assert_side_by_side(tenant, cluster):
    """At some time both groups that have nodes are being made."""
    def both_begun():
        going = [stack for stack in tenant.heat.stacks.list(
                     tags=f'magnum-cluster-{cluster.uuid}')
                 if stack.stack_status == 'CREATE_IN_PROGRESS']
        return len(going) >= 2
    tenants.wait_until(both_begun, 180, 'two groups are being made')


def members(tenant, stack_id):
    """The members of a group's stack, as cluster-autoscaler finds them."""
    group = tenant.heat.resources.get(stack_id, 'kube_minions')
    found = {}
    for member in tenant.heat.resources.list(group.physical_resource_id):
        inside = {r.resource_name: r.resource_status for r in
                  tenant.heat.resources.list(member.physical_resource_id)}
        found[member.resource_name] = inside
    return found


def assert_built(tenant, cluster, name, count):
    """The group is complete, and its stack as other programs expect it."""
    group = tenant.magnum.nodegroups.get(cluster.uuid, name)
    assert group.status.endswith('_COMPLETE'), group.status_reason
    assert group.node_count == len(group.node_addresses) == count
    stack = tenant.heat.stacks.get(group.stack_id)
    assert {f'magnum-cluster-{cluster.uuid}', f'magnum-ng-{group.uuid}'} <= (
        set(stack.tags))
    found = members(tenant, group.stack_id)
    assert len(found) == count
    for parts in found.values():
        assert (parts['kube-minion'], parts['node_config_deployment']) == (
            'CREATE_COMPLETE', 'CREATE_COMPLETE')
    servers = list(tenant.cloud.compute.servers(name=f'^{stack.stack_name}-'))
    assert len(servers) == count
    refs = tenant.heat.stacks.output_show(
        tenant.heat.resources.get(group.stack_id,
                                  'kube_minions').physical_resource_id,
        'refs_map')['output']['output_value']
    assert set(refs.values()) == {s.id for s in servers}
    return group


def assert_volumes(tenant, cluster):
    """Nodes of the group `disk` boot from a volume, and have another."""
    group = tenant.magnum.nodegroups.get(cluster.uuid, 'disk')
    stack = tenant.heat.stacks.get(group.stack_id)
    assert json.loads(stack.parameters['boot_volume_size']) == 12
    sizes = sorted(v.size for server in tenant.cloud.compute.servers(
        name=f'^{stack.stack_name}-') for v in tenant.cloud.block_storage
        .volumes() if any(a['server_id'] == server.id
                          for a in v.attachments))
    assert sizes == [1, 1, 12, 12]
