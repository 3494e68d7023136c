# SPDX-License-Identifier: Apache-2.0
"""What users read of Heat's reasons; each as a real Heat gave it."""

import pytest

from magnum.drivers import reasons

GROUPS = {'kube_masters': 'Master', 'kube_minions': 'Node'}


@pytest.mark.parametrize('told, shown', [
    ('Heat: resources.kube_masters<nested_stack>.resources.0<master.yaml>: : '
     'Image status is required to be active not deactivated.',
     'Master 0: Image status is required to be active not deactivated.'),
    ('Resource CREATE failed: WaitConditionFailure: resources.kube_minions.'
     'resources[1].resources.node_config_deployment: join: refused',
     'Node 1: join: refused'),
    ('Resource DELETE failed: Forbidden: resources.kube_minions.resources[1].'
     'resources.kube_minion_eth0: rule:delete_port is disallowed by policy\n'
     "Neutron server returns request_ids: ['req-101f7283-ff71-4dc1']",
     'Node 1 (kube_minion_eth0): rule:delete_port is disallowed by policy'),
    ('Resource CREATE failed: resources.kube_masters: Resource CREATE failed: '
     'ResourceInError: resources[0].resources.kube-master: Went to status '
     'ERROR due to "Message: No valid host was found., Code: 500"',
     'Master 0 (kube-master): Went to status ERROR due to "Message: No valid '
     'host was found., Code: 500"'),
    ('Resource CREATE failed: BadRequest: resources.network.resources.'
     'extrouter: External network x is not reachable. (HTTP 400) '
     '(Request-ID: req-1)',
     'network (extrouter): External network x is not reachable.'),
    ('Timed out', 'Timed out'),
    ('Stack CREATE started', 'Stack CREATE started'),
    ('Heat: The Parameter (n) was not provided.',
     'Heat: The Parameter (n) was not provided.'),
    ('Resource CREATE failed: resources.kube_masters', None)])
def test_the_place_and_the_sentence_come_first(told, shown):
    assert reasons.plain(
        told, GROUPS, ('node_config_deployment',)) == (shown or told)
