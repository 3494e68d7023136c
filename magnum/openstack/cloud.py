# SPDX-License-Identifier: Apache-2.0
"""The services of one cloud, as one user sees them."""

import functools
import importlib
from typing import Any

from oslo_config import cfg

from magnum.openstack import allowances
from magnum.openstack import leavings
from magnum.openstack import lookups

CONF = cfg.CONF


class Cloud(lookups.LookUps, leavings.Leavings, allowances.Allowances):
    """All services of one cloud, as one user.

    Only Heat has a client library here, for what it knows of templates.
    """

    @functools.cached_property
    def heat(self) -> Any:
        """heatclient's client; wrap its calls in `translated('Heat')`."""
        # Loaded when first used: it takes 7 MiB, which the API can do without.
        client = importlib.import_module('heatclient.v1.client')
        conf = CONF.heat_client
        where = {}
        if self._project_id and self._project_id != self._who().project_id:
            base, _, _ = self.endpoint('heat').rstrip('/').rpartition('/')
            where['endpoint_override'] = f'{base}/{self._project_id}'
        return client.Client(
            session=self._session_to('heat'), service_type='orchestration',
            interface=conf.endpoint_type, region_name=conf.region_name,
            **where)
