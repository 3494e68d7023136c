# SPDX-License-Identifier: Apache-2.0
"""The drivers that may be used, and the labels that each of them reads."""

from magnum.api import expose
from magnum.api import types
from magnum import drivers
from magnum.drivers import labels as label_table
from magnum import errors
from magnum.policies import driver as rules
from magnum import policy


def _told(kind):
    return types.Attribute(kind, write=types.READONLY, never_null=True)


class ClusterType(types.Resource):
    server_type = _told(types.STRING)
    os = _told(types.STRING)
    coe = _told(types.STRING)


class Driver(types.Resource):
    name = _told(types.STRING)
    cluster_types = _told(types.Nested(ClusterType, many=True))
    network_drivers = _told(types.STRINGS)
    volume_drivers = _told(types.STRINGS)
    powers = _told(types.STRINGS)
    beta = _told(types.BOOLEAN)
    links = _told(types.LINKS)


# The answer is a schema itself, so this is the schema of a schema.
_TEXT = {'type': 'string'}
_LABEL = {
    'type': 'object',
    'properties': {'description': _TEXT, 'x-type': _TEXT,
                   'x-mutable': {'type': 'boolean'}, 'x-since': _TEXT},
    'required': ['description', 'x-type', 'x-mutable', 'x-since']}
_LABELS = {
    'type': 'object',
    'properties': {
        '$schema': {'const': label_table.SCHEMA}, '$id': _TEXT,
        'title': _TEXT, 'type': {'const': 'object'},
        'properties': {'type': 'object', 'additionalProperties': _LABEL},
        'additionalProperties': {'const': label_table.OTHERS}},
    'required': ['$schema', '$id', 'title', 'type', 'properties',
                 'additionalProperties'],
    'additionalProperties': False}


@expose.method(result=[Driver])
def get_all(call):
    """List the drivers that may be used."""
    policy.authorize(call.context, rules.GET_ALL)
    return {'drivers': [_show(call, name, driver) for name, driver
                        in drivers.usable().items()]}


@expose.method(result=_LABELS)
def get_labels(call, driver_name):
    """Show the labels that a driver reads, as a JSON Schema."""
    policy.authorize(call.context, rules.GET_LABELS)
    driver = drivers.usable().get(driver_name)
    if driver is None:
        raise errors.NotFound('Driver', driver_name)
    return {'$id': f'{call.url}/v1/drivers/{driver_name}/labels',
            'title': f'Labels of driver {driver_name}',
            **label_table.schema(driver.labels)}


def _show(call, name, driver):
    return types.show(
        Driver, driver, name=name, cluster_types=[
            {'server_type': kind.server_type, 'os': kind.os, 'coe': kind.coe}
            for kind in driver.provides],
        network_drivers=list(driver.networks),
        volume_drivers=list(driver.volumes), powers=sorted(driver.powers),
        links=[{'href': f'{call.url}/v1/drivers/{name}/labels',
                'rel': 'labels'}])
