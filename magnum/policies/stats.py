# SPDX-License-Identifier: Apache-2.0
"""Who may see how much there is."""

from magnum.policies import base

GET_ALL = 'stats:get_all'

RULES = [
    base.operation(GET_ALL, base.READER,
                   'Count clusters and nodes.', 'GET /v1/stats'),
]
