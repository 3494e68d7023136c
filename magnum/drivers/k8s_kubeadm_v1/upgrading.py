# SPDX-License-Identifier: Apache-2.0
"""Upgrade a cluster by replacing its nodes, a few at a time.

`advance` makes one move and returns; it is called again whenever the stack has
come to rest.  It keeps no notes: what is to be done is read from the stack
(which nodes run, and what each was built with) and from the cluster, so that
any conductor goes on after a crash, and another upgrade after a failure.

Masters come first, one at a time, and a new one is there before an old one
goes: etcd never has less than its majority.  Then what kubeadm installed in
the cluster, then workers in batches, each drained before it goes.

Running members are pinned to what they were built with: new values of the
stack's parameters are for new members only.
"""

from collections.abc import Iterable
import dataclasses
import functools
import json
import re
from typing import Any

from oslo_log import log

from magnum.drivers import heat
from magnum.drivers.k8s_kubeadm_v1 import etcd
from magnum.drivers.k8s_kubeadm_v1 import in_cluster
from magnum.drivers.k8s_kubeadm_v1 import labels as label_table
from magnum.drivers.k8s_kubeadm_v1 import observation
from magnum.drivers.k8s_kubeadm_v1 import parameters
from magnum.drivers.k8s_kubeadm_v1 import stack_templates
from magnum.drivers.k8s_kubeadm_v1 import wanted as wishes
from magnum.drivers import kubernetes_api
from magnum.drivers import kubernetes_drain
from magnum import errors
from magnum import openstack
from magnum import specs

LOG = log.getLogger(__name__)

# For all that one move asks of the cluster.
SECONDS = 40
MASTERS, WORKERS = 'kube_masters', 'kube_minions'
COUNTS = {MASTERS: 'number_of_masters', WORKERS: 'number_of_minions'}
IMAGES = {MASTERS: 'master_image', WORKERS: 'minion_image'}
FLAVORS = {MASTERS: 'master_flavor', WORKERS: 'minion_flavor'}
PINS = {MASTERS: 'master_member_specs', WORKERS: 'minion_member_specs'}


def check(spec: specs.ClusterSpec, running: str | None) -> None:
    """Refuse what no upgrade leads to.

    :param running: the version that the cluster has; None: not known.
    :raises InvalidParameter: a downgrade, or a minor version is skipped.
    :raises NotSupported: the cluster cannot be upgraded at all.
    """
    if not spec.master_lb_enabled:
        raise errors.NotSupported(
            'A cluster without a load balancer in front of its API cannot be '
            'upgraded: a new master could not take the place of the old one. '
            'Only clusters with master_lb_enabled can.')
    wanted = wishes.kube_version(spec, label_table.read(spec.labels))
    if not running:
        return
    now, then = _numbers(running), _numbers(wanted)
    if then < now or then[0] != now[0] or then[1] > now[1] + 1:
        raise errors.InvalidParameter(
            'cluster_template', f'its image has Kubernetes {wanted}, which '
            f'cannot be reached from {running}: '
            + ('there is no way back to an older version'
               if then < now else 'no minor version can be skipped')
            + f'; images with {now[0]}.{now[1]}.{now[2]} or later patches of '
              f'{now[0]}.{now[1]}, or with {now[0]}.{now[1] + 1}, can be')


def _numbers(version: str) -> tuple[int, int, int]:
    found = [int(number) for number in re.findall('[0-9]{1,9}', version)[:3]]
    major, minor, patch = [*found, 0, 0, 0][:3]
    return major, minor, patch


def advance(cloud: openstack.Cloud, spec: specs.ClusterSpec) -> str | None:
    """Make the next move; what is now being done, or None: all is done.

    :raises Temporary: the cluster or the cloud does not answer.
    :raises InfrastructureFailed: it cannot go on.
    """
    stack = heat.find(cloud, spec.stack_id or '', outputs=True)
    if stack is None:
        raise errors.InfrastructureFailed(
            f'Stack with id {spec.stack_id} not found in Heat.')
    if spec.access is None:
        raise errors.InfrastructureFailed(
            'The address of the API is not known, without which a cluster '
            'cannot be upgraded.')
    with kubernetes_api.Api(spec.access, SECONDS) as api:
        return Upgrade(cloud, spec, stack, api).advance()


@dataclasses.dataclass
class Upgrade:
    """A cluster on its way, as it is now."""

    cloud: openstack.Cloud
    spec: specs.ClusterSpec
    stack: heat.Stack
    api: kubernetes_api.Api

    def advance(self) -> str | None:
        doing = self._replace_failed() or self._masters()
        if doing is None:
            in_cluster.update_components(self.api, self.version,
                                         self._dns_version())
            doing = self._workers()
        if doing is None:
            self._forget_nodes()
        return doing

    @functools.cached_property
    def version(self) -> str:
        """The one that is wanted."""
        return wishes.kube_version(self.spec,
                                   label_table.read(self.spec.labels))

    @functools.cached_property
    def members(self) -> list[heat.Member]:
        """All nodes, the oldest of each group first."""
        return sorted(heat.members(self.cloud, self.stack,
                                   (MASTERS, WORKERS)),
                      key=lambda m: (m.group, int(m.index)))

    def _of(self, group: str) -> list[heat.Member]:
        return [m for m in self.members if m.group == group]

    def _wanted(self, group: str) -> specs.NodeGroupSpec | None:
        return self.spec.masters if group == MASTERS else self.spec.workers

    def _image(self, group: str) -> str:
        wanted = self._wanted(group)
        return (wanted and wanted.image_id) or self.spec.image_id or ''

    def _count(self, group: str) -> int:
        return int(self.stack.parameters[COUNTS[group]])

    def _size(self, group: str) -> int:
        """How many there are to be."""
        wanted = self._wanted(group)
        return wanted.node_count if wanted else self._count(group)

    def _pins(self, group: str) -> dict[str, Any]:
        return json.loads(self.stack.parameters.get(PINS[group]) or '{}')

    @functools.cached_property
    def _is_introduced(self) -> bool:
        """Whether the stack builds new members as wanted."""
        shown = self.stack.parameters
        return shown['kube_version'] == self.version and all(
            shown[IMAGES[group]] == self._image(group)
            for group in (MASTERS, WORKERS))

    def _built(self, member: heat.Member) -> tuple[str, str]:
        """(image, version) that a member was built with."""
        shown = self.stack.parameters
        pin = self._pins(member.group).get(member.index) or {}
        return (pin.get('image') or shown[IMAGES[member.group]],
                pin.get('kube_version') or shown['kube_version'])

    def _old(self, group: str) -> list[heat.Member]:
        return [m for m in self._of(group)
                if self._built(m) != (self._image(group), self.version)]

    def _name(self, member: heat.Member) -> str:
        return observation.node_name(self.stack, member.group, member.index)

    # Moves.

    def _replace_failed(self) -> str | None:
        """Without it the stack could never be complete again."""
        lost = heat.lost(self.cloud, self.stack, self.members)
        unfinished = heat.unfinished(self.stack, self.members)
        failed = [m for m in self.members if m in lost or m in unfinished]
        living = [m for m in self._of(MASTERS)
                  if m.is_ready and m not in failed]
        if not living:
            raise errors.InfrastructureFailed(
                'No master is left that others could join.')
        if self.stack.status != 'FAILED' and not failed:
            return None
        self._patch({group: self._count(group) for group in COUNTS}, failed)
        if not failed:
            return 'Finishing what failed before'
        return ('Replacing nodes that failed: '
                + ', '.join(map(self._name, failed)))

    def _masters(self) -> str | None:
        size, count = self._size(MASTERS), self._count(MASTERS)
        old = self._old(MASTERS)
        if count > size:
            return self._remove_master(old[0] if old
                                       else self._of(MASTERS)[-1])
        if not old and self._is_introduced:
            return None
        # What a new master reads when it joins.
        in_cluster.set_version(self.api, self.version)
        self._patch({MASTERS: size + bool(old),
                     WORKERS: self._count(WORKERS)})
        return self._progress(MASTERS)

    def _remove_master(self, victim: heat.Member) -> str | None:
        name = self._name(victim)
        others = [m for m in self._of(MASTERS)
                  if m.index != victim.index and m.is_ready]
        waiting = kubernetes_drain.drain(self.api, [name])
        if not waiting:
            self._take_from_balancer(victim)
            waiting = etcd.remove(self.api, name, self._name(others[-1]))
        if waiting:
            return f'{self._progress(MASTERS)}; {waiting}'
        self._patch({MASTERS: self._count(MASTERS) - 1,
                     WORKERS: self._count(WORKERS)}, [victim])
        return self._progress(MASTERS)

    def _take_from_balancer(self, member: heat.Member) -> None:
        """No new connections for an API server that is about to end."""
        found = heat.pool_member(self.cloud, self.stack, MASTERS,
                                 member.index)
        if found:
            self.cloud.retire_pool_member(*found)

    def _dns_version(self) -> str | None:
        """Of CoreDNS, as the kubeadm of a new master wants it."""
        return next((fact['dns'] for fact in observation.facts_told(
            self.stack.outputs.get('kube_masters_info'))
            if fact.get('version') == self.version and fact.get('dns')), None)

    def _workers(self) -> str | None:
        size, count = self._size(WORKERS), self._count(WORKERS)
        old = self._old(WORKERS)
        if count > size:
            surplus = count - size
            victims = (old or list(reversed(self._of(WORKERS))))[:surplus]
            waiting = kubernetes_drain.drain(self.api,
                                             map(self._name, victims))
            if waiting:
                return f'{self._progress(WORKERS)}; {waiting}'
            self._patch({MASTERS: self._count(MASTERS),
                         WORKERS: count - len(victims)}, victims)
        elif old:
            batch = min(self.spec.max_batch_size or 1, len(old))
            self._patch({MASTERS: self._count(MASTERS),
                         WORKERS: count + batch})
        else:
            return None
        return self._progress(WORKERS)

    def _forget_nodes(self) -> None:
        """Remove what the cluster still lists of servers that are gone."""
        living = {self._name(m) for m in self.members}
        ours = re.compile(re.escape(self.stack.name)
                          + f'-({"|".join(observation.GROUP_WORDS.values())})'
                            '-[0-9]+')
        for name in in_cluster.node_names(self.api):
            if ours.fullmatch(name) and name not in living:
                in_cluster.forget_node(self.api, name)

    def _progress(self, group: str) -> str:
        size = self._size(group)
        new = min(size, len([m for m in self._of(group) if m.is_ready])
                  - len(self._old(group)))
        return (f'Upgrading to Kubernetes {self.version}: {max(new, 0)} of '
                f'{size} {"masters" if group == MASTERS else "nodes"} are '
                f'new')

    def _patch(self, counts: dict[str, int],
               leaving: Iterable[heat.Member] = ()) -> None:
        leaving = list(leaving)
        workers = self.spec.workers or wishes.nobody('worker')
        spec = dataclasses.replace(self.spec, nodegroups=(
            *(g for g in self.spec.nodegroups if g is not self.spec.workers),
            dataclasses.replace(workers, node_count=counts[WORKERS])))
        changed = parameters.of_rolling(
            spec, self.stack, self.version,
            {group: [m.index for m in leaving if m.group == group]
             for group in (MASTERS, WORKERS)},
            wishes.Networks(
                region=self.cloud.region or '',
                has_load_balancers=self.cloud.has_service('load-balancer')))
        gone = {(m.group, m.index) for m in leaving}
        for group in (MASTERS, WORKERS):
            changed[COUNTS[group]] = counts[group]
            changed[IMAGES[group]] = self._image(group)
            changed[PINS[group]] = {
                m.index: {'image': image, 'kube_version': version,
                          'flavor': self.stack.parameters[FLAVORS[group]]}
                for m in self._of(group)
                for image, version in [self._built(m)]
                if (group, m.index) not in gone
                and (image, version) != (self._image(group), self.version)}
        changed['kube_version'] = self.version
        LOG.info('Stack %s is upgraded: %s masters, %s workers.',
                 self.stack.id, counts[MASTERS], counts[WORKERS])
        heat.patch(self.cloud, self.stack, stack_templates.cluster(),
                   stack_templates.files(), changed, self.spec.user_id,
                   self.spec.project_id)
