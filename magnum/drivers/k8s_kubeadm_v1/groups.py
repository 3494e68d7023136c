# SPDX-License-Identifier: Apache-2.0
"""Node groups beyond the default ones: a stack for each.

It is found by its name, made of the group's uuid, and by the tags of the
cluster and of the group, so that what a crash left unrecorded is adopted, or
removed with the cluster.
"""

from magnum.drivers import base
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import group_parameters
from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers.k8s_kubeadm_v1 import nodes
from magnum.drivers.k8s_kubeadm_v1 import plan
from magnum.drivers.k8s_kubeadm_v1 import stack_templates
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers import leftovers
from magnum import errors
from magnum import openstack
from magnum import specs


def stack_name(spec: specs.ClusterSpec, group: specs.NodeGroupSpec) -> str:
    return heat.group_stack_name(spec.name, group.name, group.uuid)


def check(spec: specs.ClusterSpec,
          group: specs.NodeGroupSpec) -> base.Plan:
    """Say what a group would be made of, or refuse it.

    :raises InvalidParameter: naming the field, and why.
    """
    labels = label_table.read(group.labels)
    kubeadm.check_names(group)
    if not group.flavor_id:
        raise errors.InvalidParameter(
            'flavor_id', 'needed for servers; neither the node group nor its '
                         'cluster has one')
    _check_version(spec, group)
    text = nodes.worker(group_parameters.of_check(spec, group))
    size = len(text.encode()) + userdata.ROOM
    if size > userdata.LIMIT:
        raise errors.InvalidParameter(
            'node_labels', f'the user data of a node would be {size} bytes, '
                           f'the limit is {userdata.LIMIT}; take labels or '
                           f'taints away')
    return plan.of_group(spec, group, labels)


def _check_version(spec: specs.ClusterSpec,
                   group: specs.NodeGroupSpec) -> None:
    """Nodes are of the version that the cluster has; see magnum-node."""
    if group.image_properties is None or not spec.coe_version:
        return
    stated = group.image_properties.get('kube_version')
    if not stated:
        # As with clusters, a label may say it.
        if group.labels.get('kube_tag') or spec.labels.get('kube_tag'):
            return
        raise errors.InvalidParameter(
            'image_id', 'the image has no property kube_version, which says '
                        'what Kubernetes is in it')
    if stated.removeprefix('v') != spec.coe_version.removeprefix('v'):
        raise errors.InvalidParameter(
            'image_id', f'the image has Kubernetes {stated}, but the cluster '
                        f'has {spec.coe_version}')


def apply(cloud: openstack.Cloud, spec: specs.ClusterSpec,
          group: specs.NodeGroupSpec) -> str:
    """Set the group's stack moving towards what is wanted; its id."""
    ident = group.stack_id or stack_name(spec, group)
    stack = heat.find(cloud, ident)
    if stack is None and group.stack_id:
        raise errors.InfrastructureFailed(
            f'Stack with id {group.stack_id}, of node group {group.name}, '
            f'not found in Heat.')
    mark = heat.group_tags(spec.uuid, group.uuid)
    if stack is None or not (group.stack_id or set(mark) <= set(stack.tags)):
        return _create(cloud, spec, group, mark)
    _update(cloud, spec, group, stack)
    return stack.id


def _create(cloud: openstack.Cloud, spec: specs.ClusterSpec,
            group: specs.NodeGroupSpec, mark: tuple[str, ...]) -> str:
    cluster = heat.find(cloud, spec.stack_id) if spec.stack_id else None
    if cluster is None:
        raise errors.InfrastructureFailed(
            f'Stack with id {spec.stack_id} not found in Heat, so there is '
            f'no cluster to join.')
    return heat.create(
        cloud, stack_name(spec, group), mark, spec.create_timeout,
        stack_templates.cluster(), stack_templates.files(),
        group_parameters.of_new_stack(spec, group, cluster,
                                      _place(cloud, cluster)))


def _place(cloud: openstack.Cloud,
           cluster: heat.Stack) -> group_parameters.Place:
    """Look up in the cluster's stack what its workers share."""
    network = heat.resource(cloud, cluster, 'network').attributes
    workers = heat.resource(cloud, cluster, 'secgroup_kube_minion')
    if cluster.parameters['lb_enabled'].lower() == 'true':
        address = heat.resource(cloud, cluster, 'api_lb').attributes['address']
    else:
        port = heat.resource(cloud, cluster, 'api_port').attributes
        address = port['fixed_ips'][0]['ip_address']
    return group_parameters.Place(
        network['fixed_network'], network['fixed_subnet'],
        workers.physical_resource_id, address)


def _update(cloud: openstack.Cloud, spec: specs.ClusterSpec,
            group: specs.NodeGroupSpec, stack: heat.Stack) -> None:
    members = heat.members(cloud, stack, ('kube_minions',))
    failed = [*heat.unfinished(stack, members),
              *heat.lost(cloud, stack, members)]
    changes = group_parameters.of_changed_stack(spec, group, stack, failed)
    if changes:
        heat.patch(cloud, stack, stack_templates.cluster(),
                   stack_templates.files(), changes, spec.user_id,
                   spec.project_id)


def destroy(cloud: openstack.Cloud, spec: specs.ClusterSpec,
            group: specs.NodeGroupSpec) -> None:
    """Set the removal of the group's nodes in motion; absent is success."""
    name = stack_name(spec, group)
    stack = heat.find(cloud, group.stack_id or name)
    if stack is None:
        leftovers.remove_all(cloud, name)
    else:
        _remove(cloud, spec, stack)


def destroy_all(cloud: openstack.Cloud, spec: specs.ClusterSpec) -> bool:
    """Set the removal of all groups in motion; whether there are any left.

    Those that no row knows are found by the cluster's tag.
    """
    stacks = {stack.id: stack for stack in heat.tagged(cloud, spec.uuid)}
    for group in spec.extra_groups:
        if group.stack_id and group.stack_id not in stacks:
            stack = heat.find(cloud, group.stack_id)
            if stack is not None:
                stacks[stack.id] = stack
    own = {spec.stack_id, heat.stack_name(spec.name, spec.uuid)}
    of_groups = [stack for stack in stacks.values()
                 if not own & {stack.id, stack.name}]
    # Of what could not be removed something may be in the way: it is last, so
    # that it does not hold up the others.
    for stack in sorted(of_groups, key=lambda one: one.action == 'DELETE'):
        _remove(cloud, spec, stack)
    return bool(of_groups)


def remove_leftovers(cloud: openstack.Cloud, spec: specs.ClusterSpec) -> None:
    """Remove what is left of groups whose stacks have gone."""
    for group in spec.extra_groups:
        leftovers.remove_things(cloud, stack_name(spec, group))


def _remove(cloud: openstack.Cloud, spec: specs.ClusterSpec,
            stack: heat.Stack) -> None:
    if (stack.action, stack.status) == ('DELETE', 'IN_PROGRESS'):
        return
    if stack.action == 'DELETE':
        leftovers.remove_things(cloud, stack.name)
    heat.delete(cloud, stack, spec.user_id, spec.project_id)
