# SPDX-License-Identifier: Apache-2.0
"""Barbican: secrets, and containers of them."""

import itertools

HERE = 'http://barbican/v1'


class FakeBarbican:
    """Answers as Barbican does, to whom Keystone knows."""

    def __init__(self, keystone):
        self.secrets, self.containers = {}, {}
        self._keystone, self._ids = keystone, itertools.count(1)

    def __call__(self, method, path, query, body, headers):
        if self._keystone.owner_of(headers) is None:
            return 401, {'title': 'Unauthorized'}
        collection, _, rest = path.removeprefix('/v1/').partition('/')
        ident, _, payload = rest.partition('/')
        kept = {'secrets': self.secrets,
                'containers': self.containers}[collection]
        if method == 'POST':
            return self._store(collection, kept, body)
        if not ident:
            return 200, {collection: [
                {key: value for key, value in row.items() if key != 'payload'}
                for row in kept.values()
                if row['name'] == query['name']][:int(query['limit'])]}
        if ident not in kept:
            return 404, {'title': 'Not Found'}
        if method == 'DELETE':
            del kept[ident]
            return 204, ''
        return 200, kept[ident]['payload'] if payload else kept[ident]

    def _store(self, collection, kept, body):
        ident, key = str(next(self._ids)), f'{collection[:-1]}_ref'
        kept[ident] = {'mode': None, **body,
                       key: f'{HERE}/{collection}/{ident}'}
        return 201, {key: kept[ident][key]}
