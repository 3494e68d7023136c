# SPDX-License-Identifier: Apache-2.0
"""What drivers of Kubernetes have in common, however they build it."""

from oslo_config import cfg

from magnum.drivers import base
from magnum.drivers import kubernetes_health
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import specs

CONF = cfg.CONF

NETWORKS = ('flannel', 'calico', 'cilium')


class Driver(base.Driver):
    """What templates of Kubernetes clusters may have, and their health.

    A template may name more than its driver builds: those of earlier releases
    do, and `check` refuses them when a cluster is made.
    """

    volumes = ('cinder',)

    @property
    def networks(self) -> tuple[str, ...]:
        allowed = CONF.cluster_template.kubernetes_allowed_network_drivers
        return tuple(name for name in NETWORKS
                     if 'all' in allowed or name in allowed)

    @property
    def default_network(self) -> str | None:
        return CONF.cluster_template.kubernetes_default_network_driver

    def health(self, access: specs.Access) -> base.Health | None:
        return kubernetes_health.ask(access)
