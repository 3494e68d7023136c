# SPDX-License-Identifier: Apache-2.0
"""What the quotas of other services leave to the user's project."""

from typing import Any

from magnum.openstack import calls
from magnum.openstack import records

# Service: {resource: (the limit's name, the name of what is used)}.
_ABSOLUTE = {
    'nova': {'instances': ('maxTotalInstances', 'totalInstancesUsed'),
             'cores': ('maxTotalCores', 'totalCoresUsed'),
             'ram': ('maxTotalRAMSize', 'totalRAMUsed')},
    'cinder': {'volumes': ('maxTotalVolumes', 'totalVolumesUsed')}}


class Allowances(calls.Calls):
    """Quotas, as anybody may ask for those of the own project."""

    def allowances(self, client: str) -> dict[str, records.Allowance]:
        """What one of nova, cinder and neutron allows, by resource."""
        if client == 'neutron':
            rows = self._get(client, f'/quotas/{self.project_id}/details.json')
            return {name: _allowance(row['limit'],
                                     row['used'] + row['reserved'])
                    for name, row in rows['quota'].items()}
        found: dict[str, Any] = self._get(client,
                                          '/limits')['limits']['absolute']
        return {name: _allowance(found[limit], found[used])
                for name, (limit, used) in _ABSOLUTE[client].items()
                if limit in found and used in found}


def _allowance(limit: int, used: int) -> records.Allowance:
    # All three services say so of no limit.
    return records.Allowance(None if limit < 0 else limit, used)
