# SPDX-License-Identifier: Apache-2.0
"""tools/proofs/fuzz fails for the faults that it is there for.

An application that answers wrongly is served; few requests are enough.
"""

import json
import re
import time

import webob

from magnum.tests import playground
from tools.proofs.fuzz import runs as fuzz


class Spoilt:
    """An application whose answers are changed, by path."""

    def __init__(self, app, spoilers):
        self.app = app
        self.spoilers = spoilers

    def __call__(self, environ, start_response):
        response = webob.Request(environ).get_response(self.app)
        spoil = self.spoilers.get(environ['PATH_INFO'])
        if spoil and response.status_int == 200:
            spoil(response)
        return response(environ, start_response)


def server_error(response):
    response.status_int = 500


def other_status(response):
    response.status_int = 299


def no_header(response):
    del response.headers['OpenStack-API-Version']


def other_content(response):
    response.content_type = 'text/html'


def wrong_type(response):
    _change(response, lambda item: item | {'id': 'x'})


def one_more(response):
    _change(response, lambda item: item | {'password': 'x'})


def one_less(response):
    _change(response, lambda item: {key: value for key, value in item.items()
                                    if key != 'name'})


def _change(response, changed):
    body = {key: [changed(item) for item in value]
            if isinstance(value, list) else value
            for key, value in response.json.items()}
    response.body = json.dumps(body).encode()


FAULTS = {'/v1/stats': server_error, '/v1/clusters': other_status,
          '/v1/quotas': no_header, '/v1/baymodels': other_content,
          '/v1/mservices': wrong_type, '/v1/clustertemplates': one_more,
          '/v1/federations': one_less}


def test_each_kind_of_wrong_answer_is_found(tmp_path, capfd):
    with (playground.prepared(tmp_path) as app,
          fuzz.serving(Spoilt(app, FAULTS)) as url):
        runs = fuzz.Runs(url, fuzz.WORDS, 1, time.monotonic() + 300,
                         fuzz.CHECKS)
        # Nothing is wrong with the last.
        names = [*(f'{noun}_get_all' for noun in (
            'stats', 'clusters', 'quotas', 'baymodels', 'services',
            'cluster_templates', 'federations')), 'clusters_detail']
        status = runs.one('admin', ['fuzzing'], 10, names)
    found = re.findall('^_+ GET ([^ ]+) _+$', capfd.readouterr().out, re.M)
    assert status
    assert sorted(found) == sorted(FAULTS)


def test_an_operation_that_never_succeeds_is_named():
    runs = fuzz.Runs('', {}, 1, 0, ())
    runs.operations = {
        ('GET', '/a'): {'responses': {'200': {}, '400': {}}},
        ('GET', '/b'): {'responses': {'200': {}, '400': {}},
                        'operationId': 'b'},
        ('POST', '/b'): {'responses': {'400': {}}}}
    runs.seen.update({('GET', '/a', 200): 1, ('GET', '/a', 400): 5,
                      ('GET', '/b', 400): 9, ('POST', '/b', 400): 9})
    assert runs.without_success() == [('GET', '/b')]
    assert runs.until_all_succeed('admin')
