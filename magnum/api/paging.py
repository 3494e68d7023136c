# SPDX-License-Identifier: Apache-2.0
"""Lists in pages: the parameters, and the link to the next one."""

from urllib import parse as urlparse

from oslo_config import cfg

from magnum.api import expose
from magnum.api import types
from magnum.db import pages

CONF = cfg.CONF

OPTS = [
    cfg.IntOpt('max_limit', default=1000, min=1,
               help='Largest number of items in one response to a list '
                    'request; also the number when the request sets no '
                    'limit.'),
]

CONF.register_opts(OPTS, group='api')


class _Limit(types.Integer):
    # Above `max_limit` it is lowered, however high it is.
    def __init__(self):
        super().__init__(minimum=1, maximum=None)

    def validate(self, value):
        if len(value) > 18 and value.isascii() and value.isdigit():
            value = value.lstrip('0')[:18]
        return super().validate(value)


class _Marker(types.Uuid):
    # Compared as it was given.
    def validate(self, value):
        super().validate(value)
        return value


MARKER = _Marker()
NAMES = ('marker', 'limit', 'sort_key', 'sort_dir')


def parameters(sort_keys, marker=MARKER):
    """The parameters of a list that can be sorted by `sort_keys`.

    :param marker: the type of what names the last item of a page.
    """
    # An empty key is as good as none.
    kinds = (marker, _Limit(), types.Enum(*sorted(sort_keys), ''),
             types.Enum('asc', 'desc'))
    return tuple(map(expose.Parameter, NAMES, kinds,
                     (None, None, 'id', 'asc')))


def page(call, columns=()):
    """The part of the list that a call asks for.

    :param columns: a map from sort keys to columns of other names.
    """
    limit = call.query['limit']
    sort_key = call.query['sort_key'] or 'id'
    return pages.Page(
        limit=min(limit or CONF.api.max_limit, CONF.api.max_limit),
        marker=call.query['marker'],
        sort_key=dict(columns).get(sort_key, sort_key),
        sort_dir=call.query['sort_dir'])


def body(call, page, collection, path, items, marker='uuid'):
    """The answer to a list request.

    :param items: the representations of one page.
    """
    answer = {collection: items}
    if len(items) == page.limit:
        query = {'sort_key': call.query['sort_key'] or 'id',
                 'sort_dir': page.sort_dir,
                 'limit': page.limit, 'marker': items[-1][marker]}
        query |= {name: value for name, value in call.query.items()
                  if name not in NAMES and value is not None}
        answer['next'] = (f'{call.url}/v1/{path}?'
                          f'{urlparse.urlencode(query)}')
    return answer
