# SPDX-License-Identifier: Apache-2.0
"""Whether a new cluster can be where its owner wants it.

What Heat would say minutes later, as far as one small request to each service
tells.  Only what is certain is refused: where a service is away, absent, or
does not show this user enough, the request goes on.
"""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
import contextlib
from typing import Any

from magnum import context as contexts
from magnum.db import models
from magnum import errors
from magnum import openstack
from magnum.operations import references


def check(cloud: openstack.Cloud, cluster: models.Cluster,
          found: references.Found) -> tuple[str, ...] | None:
    """Refuse a place where the cluster's servers cannot be.

    :returns: the ranges of the subnets that it may be put into; None where
        it gets a new one, or where that is not known.
    :raises InvalidParameter: what does not fit, by field.
    """
    labels = cluster.labels or {}
    zone, types = _zone(labels), _volume_types(cluster)
    inside = found.fixed_subnet or found.fixed_network
    _check_balancers(cloud, cluster)
    questions: dict[str, Callable[[], Any]] = {}
    if inside:
        questions['subnets'] = lambda: _subnets(cloud, found)
        if cluster.floating_ip_enabled and found.external_network_id:
            questions['route'] = lambda: _check_route(cloud, found)
    if zone:
        questions['zone'] = lambda: _check_zone(cloud, zone)
    if types:
        questions['types'] = lambda: _check_types(cloud, types)
    if not questions:
        return None
    with futures.ThreadPoolExecutor(
            len(questions), initializer=contexts.joining()) as pool:
        asked = {name: pool.submit(_answer, question)
                 for name, question in questions.items()}
    # In a fixed order, so that the same request has the same answer.
    answers = {name: answer.result() for name, answer in asked.items()}
    return answers.get('subnets')


def _answer(question: Callable[[], Any]) -> Any:
    """The answer; None where a service gives none."""
    with contextlib.suppress(errors.Temporary, errors.Forbidden,
                             errors.NotFound, errors.InfrastructureFailed):
        return question()
    return None


def _subnets(cloud: openstack.Cloud,
             found: references.Found) -> tuple[str, ...] | None:
    if found.fixed_subnet:
        return (found.fixed_subnet.cidr,)
    if found.fixed_network:
        return tuple(subnet.cidr for subnet
                     in cloud.subnets_of(found.fixed_network.id))
    return None


def _check_balancers(cloud: openstack.Cloud, cluster: models.Cluster) -> None:
    if cluster.master_lb_enabled and not cloud.has_service('load-balancer'):
        raise errors.InvalidParameter(
            'master_lb_enabled', 'this cloud has no load balancer service.')


def _check_route(cloud: openstack.Cloud, found: references.Found) -> None:
    """Refuse floating addresses on a network that cannot have them."""
    network, subnet = found.fixed_network, found.fixed_subnet
    inside, outside = subnet or network, found.external_network_id
    if inside.project_id != cloud.project_id:
        # Not all that is on a network of others is to be seen.
        return
    reached = cloud.networks_outside(
        subnet.network_id if subnet else network.id,
        subnet.id if subnet else None)
    if reached is not None and outside.id not in reached:
        raise errors.InvalidParameter(
            'fixed_subnet' if subnet else 'fixed_network',
            f'no router connects {inside.name or inside.id} to the external '
            f'network {outside.name or outside.id}; floating_ip_enabled needs '
            'one.')


def _zone(labels: Mapping[str, Any]) -> str:
    # An administrator may name a host behind the zone.
    return _text(labels, 'availability_zone').partition(':')[0]


def _check_zone(cloud: openstack.Cloud, zone: str) -> None:
    zones = cloud.zones()
    if zone not in zones:
        raise errors.InvalidParameter(
            'labels', f'availability_zone {zone} does not exist; available '
                      f'zones: {", ".join(sorted(zones))}.')


def _volume_types(cluster: models.Cluster) -> dict[str, str]:
    """The types of volumes that the cluster will have, by label."""
    labels = cluster.labels or {}
    size = _text(labels, 'etcd_volume_size')
    has = {'boot_volume_type': references.boot_volume_size(labels) > 0,
           # Whether it is a number at all, the driver says.
           'etcd_volume_type': size.strip('0') != '',
           'docker_volume_type': bool(cluster.docker_volume_size)}
    return {name: _text(labels, name) for name, is_there in has.items()
            if is_there and _text(labels, name)}


def _check_types(cloud: openstack.Cloud, wanted: Mapping[str, str]) -> None:
    known = cloud.volume_types()
    for name, kind in wanted.items():
        if kind not in known:
            raise errors.InvalidParameter(
                'labels', f'{name} {kind} does not exist, or you may not use '
                          'it.')


def _text(labels: Mapping[str, Any], name: str) -> str:
    return str(labels.get(name) or '').strip()
