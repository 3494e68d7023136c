# SPDX-License-Identifier: Apache-2.0
"""Who may see which drivers there are."""

from magnum.policies import base

GET_ALL = 'driver:get_all'
GET_LABELS = 'driver:get_labels'

RULES = [
    base.operation(GET_ALL, base.READER,
                   'List the drivers that may be used.', 'GET /v1/drivers'),
    base.operation(GET_LABELS, base.READER,
                   'Show the labels that a driver reads.',
                   'GET /v1/drivers/{driver_name}/labels'),
]
