# SPDX-License-Identifier: Apache-2.0
"""Who may see this service's own processes."""

from magnum.policies import base

GET_ALL = 'magnum-service:get_all'

RULES = [
    base.operation(GET_ALL, base.ADMIN,
                   'List the conductors and their state.',
                   'GET /v1/mservices'),
]
