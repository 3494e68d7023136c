# SPDX-License-Identifier: Apache-2.0
"""No input, whatever it is, makes the service fail, on no database."""

import json
import re

import pytest

from magnum.api import routes
from magnum.api import types
from magnum.tests import factories

NASTY = [None, '', ' ', 'x', '0', '-1', '1e9', 'true', 'maybe', '\n', '\0',
         '\ud800', '\U0001f600', 'x' * 300, '9' * 5000, "'", '%', '%s',
         0, -1, 1, 7, 1.5, 1e400, -1e400, 2 ** 31, 2 ** 63, 10 ** 30, True,
         False, [], [None], ['x'], [1], [[]], {}, {'a': None}, {'a': 'b'},
         {'a': {}}, {'': ''}, {'\0': 'x'}, [{}], [{'a': 'b'}]]

DOCUMENTS = [b'', b' ', b'null', b'true', b'0', b'"x"', b'[]', b'{}', b'{',
             b'[{}]', b'[[]]', b'\xff', b'\xef\xbb\xbf{}', b'{"a": NaN}',
             b'[' * 100000, b'{"a":' * 100000, b'9' * 10000,
             b'{"name": "a", "name": "b"}']

PATHS = ['/', '//', '/v1', '/v1/%00', '/v1/clusters/%00',
         '/v1/clusters/%ff', '/v1/clusters/..', '/v1/clusters/%2e%2e/x',
         "/v1/clusters/'", '/v1/clusters/%25', '/v1/clusters/' + 'x' * 5000,
         '/v1/clusters/%F0%9F%98%80', '/v1/quotas/x/y', '/v1/%E2%82%AC',
         '/v1/clusters?limit=%ff', '/v1/clusters?=', '/v1/clusters?&&',
         '/v1/clusters?limit=' + '9' * 5000, '/v1/clusters?marker=%00',
         '/v1/clusters?sort_key=metadata', '/v1/clusters?sort_key=__class__',
         '/v1/quotas?marker=99999999999999999999', '/v1/stats?project_id=%00',
         '/v1/stats?project_id=' + 'x' * 5000,
         '/v1/clusters/c/nodegroups?role=%00',
         '/v1/certificates/c?ca_cert_type=%00']

IDENTS = ['%00', '%ff', 'x' * 5000, '%F0%9F%98%80' * 300, '9' * 400, '%5C',
          '%27', '%0a', '%2e%2e', '%ED%A0%80', '%', '%zz', '%C0%80', '%2F']

BODIES = [(path, method, controller.declared.body or
           controller.declared.patch, controller.declared.patch is not None)
          for path, methods in routes.ROUTES.items()
          for method, controller in methods.items()
          if controller.declared.body or controller.declared.patch]


@pytest.fixture
def world(api_anywhere):
    template = factories.template(name='t', driver='able')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster),
                    factories.federation(name='f'), factories.quota())
    return api_anywhere


def version(path):
    """The newest that offers it."""
    return '1.10' if path.startswith('v1/bay') else 'latest'


def url(path):
    for name, value in (('{cluster_ident}', 'c'), ('{template_ident}', 't'),
                        ('{federation_ident}', 'f'), ('{project_id}', 'p'),
                        ('{resource}', 'Cluster'),
                        ('{nodegroup_ident}', 'default-worker'),
                        ('{bay_ident}', 'c'), ('{baymodel_ident}', 't')):
        path = path.replace(name, value)
    return '/' + path


def ok(answer):
    assert answer.status_int < 500, answer.text
    if answer.status_int >= 400:
        assert answer.json['errors'][0]['title']
        assert answer.json['errors'][0]['request_id'].startswith('req-')
    assert 'Retry-After' not in answer.headers


@pytest.mark.parametrize(('path', 'method', 'kind', 'is_patch'), BODIES)
def test_nasty_values_are_refused_or_taken(world, path, method, kind,
                                           is_patch):
    given = {'cluster_template_id': 't', 'baymodel_id': 't',
             'keypair_id': 'key', 'coe': 'kubernetes',
             'image_id': 'ubuntu-k8s', 'node_count': 1, 'name': 'x',
             'cluster_uuid': 'c', 'csr': 'x', 'project_id': 'q',
             'hard_limit': 1, 'cluster_template': 't',
             'hostcluster_id': 'c', 'properties': {}}
    known = types.attributes(kind)
    for number, name in enumerate([*known, 'unknown']):
        # Every fourth value, and others for the next attribute.
        for value in NASTY[number % 4::4]:
            if is_patch:
                body = [{'op': 'replace', 'path': f'/{name}',
                         'value': value}]
            else:
                body = {key: item for key, item in given.items()
                        if key in known} | {name: value}
            ok(world(method, url(path), token='admin', version=version(path),
                     raw=json.dumps(body).encode()))


@pytest.mark.parametrize('raw', DOCUMENTS, ids=lambda raw: repr(raw[:20]))
def test_nasty_bodies_are_refused_or_taken(world, raw):
    for path, method, _, _ in BODIES:
        ok(world(method, url(path), raw=raw, token='admin',
                 version=version(path)))


@pytest.mark.parametrize('ident', IDENTS, ids=lambda ident: ident[:20])
def test_nasty_names_are_refused_or_taken(world, ident):
    for path, methods in routes.ROUTES.items():
        for name in re.findall(r'\{\w+\}', path):
            for method in methods:
                ok(world(method, url(path.replace(name, ident)),
                         token='admin', version=version(path)))


@pytest.mark.parametrize('path', PATHS, ids=lambda path: path[:30])
def test_nasty_urls_are_refused_or_taken(world, path):
    for method in ('GET', 'PATCH', 'DELETE', 'POST', 'PUT'):
        ok(world(method, path, token='admin', version='latest'))


@pytest.mark.parametrize('name', [
    'Accept', 'Content-Type', 'OpenStack-API-Version', 'Content-Length',
    'Host', 'X-OpenStack-Request-Id', 'Content-Encoding'])
@pytest.mark.parametrize('value', ['', ' ', 'x', ';', '*', 'a/b;q=x', '\xff',
                                   '5', '-1', 'latest'])
def test_nasty_headers_are_refused_or_taken(world, name, value):
    ok(world('POST', '/v1/clusters', raw=b'{}', headers={name: value}))
    ok(world('GET', '/v1/clusters', headers={name: value}))
