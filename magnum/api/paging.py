# SPDX-License-Identifier: Apache-2.0
"""Lists in pages: the parameters, and the link to the next one."""

from urllib import parse as urlparse

from oslo_config import cfg

from magnum.api import expose
from magnum.api import types
from magnum.db import queries
from magnum import errors

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('max_limit', default=1000, min=1,
               help='How many items one answer to a list request holds at '
                    'most, and when none are asked for.'),
]

CONF.register_opts(OPTS, group='api')


class _Limit(types.Integer):
    # Above `max_limit` it is lowered, however high it is.
    def validate(self, value):
        try:
            return super().validate(value)
        except ValueError:
            if value.isascii() and value.isdigit() and value.strip('0'):
                return types.MAX_INTEGER
            raise


class _Marker(types.Uuid):
    # Compared as it was given.
    def validate(self, value):
        super().validate(value)
        return value


_SHARED = (expose.Parameter('limit', _Limit(minimum=1)),
           expose.Parameter('sort_key', types.STRING, default='id'),
           expose.Parameter('sort_dir', types.Enum('asc', 'desc'),
                            default='asc'))

PARAMETERS = (expose.Parameter('marker', _Marker()), *_SHARED)
BY_ID = (expose.Parameter('marker', types.COUNT), *_SHARED)


def page(call, sort_keys):
    """The part of the list that a call asks for.

    :raises InvalidParameter: it cannot be sorted in that way.
    """
    limit = call.query['limit']
    sort_key = call.query['sort_key'] or 'id'
    if sort_key not in sort_keys:
        raise errors.InvalidParameter(
            'sort_key', f'{sort_key!r} is none of '
                        f'{", ".join(sorted(sort_keys))}.')
    return queries.Page(
        limit=min(limit or CONF.api.max_limit, CONF.api.max_limit),
        marker=call.query['marker'], sort_key=sort_key,
        sort_dir=call.query['sort_dir'])


def body(call, page, collection, path, items, marker='uuid'):
    """The answer to a list request.

    :param items: the representations of one page.
    """
    answer = {collection: items}
    if len(items) == page.limit:
        query = {'sort_key': page.sort_key, 'sort_dir': page.sort_dir,
                 'limit': page.limit, 'marker': items[-1][marker]}
        shared = {parameter.name for parameter in PARAMETERS}
        query |= {name: value for name, value in call.query.items()
                  if name not in shared and value is not None}
        answer['next'] = (f'{call.url}/v1/{path}?'
                          f'{urlparse.urlencode(query)}')
    return answer
