# SPDX-License-Identifier: Apache-2.0
"""Kubernetes by kubeadm on servers of Nova, built by Heat.

One stack holds the network, the API's endpoint, the masters and the default
workers (templates/); each further group of workers has one of its own
(`groups`).  Each node is told by its user data what to do
(scripts/magnum-node) and signals its own wait condition when it is ready, so
that a complete stack is a usable cluster and a failed one says why.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from magnum.drivers import base
from magnum.drivers import drift
from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import groups
from magnum.drivers.k8s_kubeadm_v1 import kubeadm
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers.k8s_kubeadm_v1 import leaving
from magnum.drivers.k8s_kubeadm_v1 import nodes
from magnum.drivers.k8s_kubeadm_v1 import observation
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum.drivers.k8s_kubeadm_v1 import plan
from magnum.drivers.k8s_kubeadm_v1 import ranges
from magnum.drivers.k8s_kubeadm_v1 import stack_templates
from magnum.drivers.k8s_kubeadm_v1 import upgrading
from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.drivers import kubernetes
from magnum.drivers import leftovers
from magnum import errors
from magnum import node_text
from magnum import openstack
from magnum import specs

GROUPS = ('kube_masters', 'kube_minions')


class Driver(kubernetes.Driver):
    provides = (base.ClusterType('vm', 'ubuntu', 'kubernetes'),)
    powers = frozenset({'nodegroups', 'upgrade'})
    # Heat makes one for each stack, to act for the owner later.
    makes_trusts = True
    built_by_heat = True
    labels = label_table.LABELS

    def check(self, spec: specs.ClusterSpec) -> base.Plan:
        only = spec.only_group
        if only is not None and not only.is_default:
            return groups.check(spec, only)
        labels = label_table.read(spec.labels)
        wishes.kube_version(spec, labels)
        kubeadm.proxy_mode(labels)
        kubeadm.check_flags(labels)
        self._check_network(spec, labels)
        self._check_shape(spec)
        for group in spec.nodegroups:
            kubeadm.check_names(group)
        ranges.check(spec, labels)
        refused = node_text.check(spec)
        if refused:
            raise errors.InvalidParameter(*refused)
        if (spec.volume_driver == 'cinder'
                and labels['cloud_provider_enabled'] is False):
            raise errors.InvalidParameter(
                'volume_driver', 'cinder needs the cloud provider, which '
                                 'label cloud_provider_enabled turns off')
        self._check_user_data(spec)
        return plan.together(plan.of(spec, labels), [
            groups.check(spec, group) for group in spec.extra_groups])

    def _check_network(self, spec: specs.ClusterSpec,
                       labels: dict[str, Any]) -> None:
        if spec.network_driver not in (None, 'flannel'):
            raise errors.InvalidParameter(
                'network_driver', f'{spec.network_driver} is not supported '
                                  f'by this driver yet; use flannel')
        if spec.volume_driver not in (None, 'cinder'):
            raise errors.InvalidParameter(
                'volume_driver', f'{spec.volume_driver} is not supported by '
                                 f'this driver; use cinder, or none')
        if spec.tls_disabled:
            raise errors.InvalidParameter(
                'tls_disabled', 'this driver does not support clusters '
                                'without TLS')
        is_new = not (spec.fixed_network or spec.fixed_subnet)
        if is_new and ':' in (spec.dns_nameserver or ''):
            raise errors.InvalidParameter(
                'dns_nameserver', f'{spec.dns_nameserver} has an IPv6 '
                                  f'address; the network that is made for a '
                                  f'cluster has IPv4 only')
        needs_outside = spec.floating_ip_enabled or is_new
        if needs_outside and not spec.external_network_id:
            raise errors.InvalidParameter(
                'external_network_id', 'needed for floating IPs, and for the '
                                       'router of a new network')

    def _check_shape(self, spec: specs.ClusterSpec) -> None:
        masters = spec.masters.node_count if spec.masters else 0
        if masters < 1 or masters % 2 == 0:
            raise errors.InvalidParameter(
                'master_count', f'{masters} is not an odd number: etcd needs '
                                f'a majority')
        if masters > 1 and not spec.master_lb_enabled:
            raise errors.InvalidParameter(
                'master_count', 'several masters need a load balancer: set '
                                'master_lb_enabled')
        for field, group in (('flavor_id', spec.workers),
                             ('master_flavor_id', spec.masters)):
            if group is not None and not group.flavor_id:
                raise errors.InvalidParameter(
                    field, 'needed for servers; neither the cluster nor its '
                           'template has one')

    def _check_user_data(self, spec: specs.ClusterSpec) -> None:
        size = self.user_data_bytes(spec)
        if size > userdata.LIMIT:
            raise errors.InvalidParameter(
                'labels', f'the user data of a master would have {size} '
                          f'bytes, but is limited to {userdata.LIMIT}; use '
                          'fewer add-ons, flags or certificates')

    def user_data_bytes(self, spec: specs.ClusterSpec) -> int:
        """How long the longest user data of this cluster may become."""
        text = nodes.first_master(wishes.of_check(spec))
        return (len(text.encode()) + len(spec.public_key or '')
                + userdata.ROOM)

    def apply(self, cloud: openstack.Cloud,
              spec: specs.ClusterSpec) -> base.Applied:
        cloud = heat.home(cloud, spec.project_id)
        only = spec.only_group
        if only is not None and not only.is_default:
            return base.Applied(
                spec.stack_id or '',
                {only.uuid: groups.apply(cloud, spec, only)})
        stack_id = self._apply_cluster(cloud, spec)
        # Both default groups are in the cluster's own stack.
        handles = {group.uuid: stack_id for group
                   in (spec.masters, spec.workers) if group}
        if only is None:
            handles |= {group.uuid: groups.apply(cloud, spec, group)
                        for group in spec.extra_groups}
        return base.Applied(stack_id, handles)

    def _apply_cluster(self, cloud: openstack.Cloud,
                       spec: specs.ClusterSpec) -> str:
        if spec.stack_id is None:
            return self._create(cloud, spec)
        stack = heat.find(cloud, spec.stack_id)
        if stack is None:
            raise errors.InfrastructureFailed(
                f'Stack with id {spec.stack_id} not found in Heat.')
        self._update(cloud, spec, stack)
        return stack.id

    def _create(self, cloud: openstack.Cloud, spec: specs.ClusterSpec) -> str:
        return heat.create(
            cloud, heat.stack_name(spec.name, spec.uuid),
            heat.tags(spec.uuid), spec.create_timeout,
            stack_templates.cluster(), stack_templates.files(),
            parameters.of_new_stack(spec, self._networks(cloud, spec)))

    def _update(self, cloud: openstack.Cloud, spec: specs.ClusterSpec,
                stack: heat.Stack) -> None:
        members = heat.members(cloud, stack, GROUPS)
        failed = heat.unfinished(stack, members)
        if any((member.group, member.index) == ('kube_masters', '0')
               for member in failed):
            raise errors.InfrastructureFailed(
                'The first master was never completed, so there is no control '
                'plane to join; delete the cluster and create it again.')
        # The only master cannot be replaced: it alone has the data.
        failed += [member for member in heat.lost(cloud, stack, members)
                   if member.group == 'kube_minions'
                   or stack.parameters['number_of_masters'] != '1']
        changes = parameters.of_changed_stack(
            spec, stack, failed, wishes.Networks(
                region=cloud.region or '',
                has_load_balancers=cloud.has_service('load-balancer')))
        if changes:
            heat.patch(cloud, stack, stack_templates.cluster(),
                       stack_templates.files(), changes, spec.user_id,
                       spec.project_id)

    def _networks(self, cloud: openstack.Cloud,
                  spec: specs.ClusterSpec) -> wishes.Networks:
        """Look the networks up."""
        has_load_balancers = cloud.has_service('load-balancer')
        if spec.master_lb_enabled and not has_load_balancers:
            raise errors.InfrastructureFailed(
                'master_lb_enabled needs a load balancer service, which this '
                'cloud does not have.')
        subnet = outside = None
        if spec.external_network_id:
            outside = cloud.external_network(spec.external_network_id)
        if spec.fixed_subnet:
            subnet = cloud.subnet(spec.fixed_subnet)
        elif spec.fixed_network:
            subnet = self._only_subnet(
                cloud, cloud.network(spec.fixed_network))
        return wishes.Networks(
            external_network=outside.id if outside else '',
            fixed_network=subnet.network_id if subnet else '',
            fixed_subnet=subnet.id if subnet else '',
            cidr=subnet.cidr if subnet else '',
            region=cloud.region or '',
            has_load_balancers=has_load_balancers)

    def _only_subnet(self, cloud: openstack.Cloud, network: Any) -> Any:
        subnets = [subnet for subnet in cloud.subnets_of(network.id)
                   if ':' not in subnet.cidr]
        if len(subnets) != 1:
            raise errors.InvalidParameter(
                'fixed_subnet', f'network {network.name} has {len(subnets)} '
                                'subnets with IPv4; set fixed_subnet to one '
                                'of them')
        return subnets[0]

    def check_upgrade(self, spec: specs.ClusterSpec,
                      running: str | None,
                      group: specs.NodeGroupSpec | None) -> None:
        if group is not None and not group.is_default:
            raise errors.NotSupported(
                f'Nodegroup {group.name} cannot be upgraded: this driver '
                f'upgrades the default nodegroups only. Create another '
                f'nodegroup in the upgraded cluster and delete this one.')
        upgrading.check(spec, running)

    def advance_upgrade(self, cloud: openstack.Cloud,
                        spec: specs.ClusterSpec) -> str | None:
        return upgrading.advance(heat.home(cloud, spec.project_id), spec)

    def observe(self, cloud: openstack.Cloud,
                spec: specs.ClusterSpec) -> base.Observed:
        return observation.observe(heat.home(cloud, spec.project_id), spec)

    def survey(self, cloud: openstack.Cloud,
               wanted: Iterable[specs.ClusterSpec]
               ) -> Mapping[str, Mapping[str, base.Failure]]:
        return drift.survey(cloud, wanted, observation.plain)

    def nodes_to_remove(self, cloud: openstack.Cloud, spec: specs.ClusterSpec,
                        nodegroup: specs.NodeGroupSpec,
                        names: Iterable[str]) -> list[str]:
        return leaving.resolve(heat.home(cloud, spec.project_id), spec,
                               nodegroup, names)

    def destroy(self, cloud: openstack.Cloud,
                spec: specs.ClusterSpec) -> None:
        cloud = heat.home(cloud, spec.project_id)
        name = heat.stack_name(spec.name, spec.uuid)
        stack = heat.find(cloud, spec.stack_id or name)
        is_going = stack is not None and (
            stack.action, stack.status) == ('DELETE', 'IN_PROGRESS')
        # Those of Services hold on to the network, and so do nodes of groups
        # with stacks of their own.
        if not is_going:
            leftovers.remove_load_balancers(cloud, spec.uuid)
        if groups.destroy_all(cloud, spec) or is_going:
            return
        groups.remove_leftovers(cloud, spec)
        if stack is None:
            leftovers.remove_all(cloud, name)
            return
        if stack.action == 'DELETE':
            # It failed, so something that Heat forgot may be in its way.
            leftovers.remove_things(cloud, stack.name)
        heat.delete(cloud, stack, spec.user_id, spec.project_id)

    def destroy_nodegroup(self, cloud: openstack.Cloud,
                          spec: specs.ClusterSpec,
                          nodegroup: specs.NodeGroupSpec) -> None:
        if nodegroup.is_default:
            raise errors.NotSupported(
                'The default node groups go with their cluster only.')
        groups.destroy(heat.home(cloud, spec.project_id), spec, nodegroup)
