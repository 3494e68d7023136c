# SPDX-License-Identifier: Apache-2.0
"""Fuzz the API by its own description; tools/fuzz says how to use it.

Schemathesis does the work, as its command line does; here are a service to
send requests to, the names of what is there, and the counting.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from wsgiref import simple_server

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

# All that can be told from an answer alone.  Valid input may be refused for
# what the description cannot say, such as an image that does not exist: so
# `positive_data_acceptance` is not asked for.
CHECKS = ('not_a_server_error', 'status_code_conformance',
          'content_type_conformance', 'response_headers_conformance',
          'response_schema_conformance', 'negative_data_rejection',
          'unsupported_method', 'ignored_auth', 'use_after_free')

# Known words, and where they are tried, with which probability.
WORDS = {
    'clusters': ['c', 'c', 'c', 'failed', 'nothing'],
    'templates': ['t', 't', 't', 'published', 'idle', 'nothing'],
    'nodegroups': ['default-worker', 'default-master', 'nothing'],
    'federations': ['f', 'nothing'],
    'projects': ['p', 'q', 'nothing'],
    'resources': ['Cluster'],
    'images': ['ubuntu-k8s', 'ubuntu-k8s', 'ubuntu-k8s', 'plain', 'twin'],
    'flavors': ['m1.small', 'm1.small', 'm1.small', 'diskless'],
    'networks': ['private'],
    'outer_networks': ['public'],
    'subnets': ['private-subnet'],
    'keys': ['key'],
    'drivers': ['fake'],
    'volume_drivers': ['cinder'],
    'servers': ['8.8.8.8'],
    'stores': ['overlay2', 'devicemapper'],
    'network_drivers': ['flannel', 'calico', 'none'],
    'requests': [],
    'kinds': ['cluster'],
    'authorities': ['kubernetes', 'etcd', 'front_proxy'],
}
PLACES = {
    'path.cluster_ident': ('clusters', 0.7),
    'path.bay_ident': ('clusters', 0.7),
    'path.template_ident': ('templates', 0.7),
    'path.baymodel_ident': ('templates', 0.7),
    'path.nodegroup_ident': ('nodegroups', 0.8),
    'path.federation_ident': ('federations', 0.7),
    'path.project_id': ('projects', 0.7),
    'path.resource': ('resources', 0.7),
    'query.type': ('kinds', 0.5),
    'query.project_id': ('projects', 0.5),
    'path.ca_cert_type': ('authorities', 0.5),
    'query.ca_cert_type': ('authorities', 0.5),
    'body.cluster_template_id': ('templates', 0.7),
    'body.cluster_template': ('templates', 0.7),
    'body.baymodel_id': ('templates', 0.7),
    'body.cluster_uuid': ('clusters', 0.7),
    'body.hostcluster_id': ('clusters', 0.7),
    'body.nodegroup': ('nodegroups', 0.7),
    'body.project_id': ('projects', 0.7),
    'body.image_id': ('images', 0.7),
    'body.flavor_id': ('flavors', 0.7),
    'body.master_flavor_id': ('flavors', 0.7),
    'body.network_driver': ('network_drivers', 0.8),
    'body.external_network_id': ('outer_networks', 0.9),
    'body.fixed_network': ('networks', 0.9),
    'body.fixed_subnet': ('subnets', 0.9),
    'body.keypair': ('keys', 0.9),
    'body.driver': ('drivers', 0.9),
    'body.volume_driver': ('volume_drivers', 0.9),
    'body.docker_storage_driver': ('stores', 0.9),
    'body.csr': ('requests', 0.7),
}

# What the phases cost that try everything once, however many more are asked.
THOROUGH = 10000

TOKENS = ('admin', 'member', 'reader')


def main():
    parser = argparse.ArgumentParser(prog='tools/fuzz')
    parser.add_argument('--count', type=int, default=20000)
    parser.add_argument('--seconds', type=int, default=3600)
    parser.add_argument('--seed', type=int)
    parser.add_argument('--url')
    asked = parser.parse_args()
    seen = collections.Counter()
    deadline = time.monotonic() + asked.seconds
    with contextlib.ExitStack() as stack:
        url, tokens, words = stack.enter_context(
            _running(asked.url) if asked.url else _served())
        for number, token in enumerate(tokens):
            # The first may do everything; so most is asked by it.
            share = 1.0 if number == len(tokens) - 1 else 0.6
            left = asked.count - sum(seen.values())
            status = _run(url, token, words, asked.seed, left * share,
                          deadline - time.monotonic(), seen)
            if status or time.monotonic() > deadline:
                break
    _report(seen)
    return status


def _run(url, token, words, seed, count, seconds, seen):
    """One run of schemathesis; its exit status."""
    phases = ['fuzzing']
    if count > THOROUGH:
        phases += ['examples', 'coverage', 'stateful']
        count -= THOROUGH
    each = max(1, round(count / _operations(url, token)))
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        config = directory / 'schemathesis.toml'
        config.write_text(_config(words))
        (directory / 'counting.py').write_text(COUNTING)
        command = [
            pathlib.Path(sys.executable).parent / 'schemathesis',
            '--config-file', config, 'run', f'{url}/v1/openapi.json',
            '--url', url, '--checks', ','.join(CHECKS), '--no-color',
            '--phases', ','.join(phases), '--max-examples', str(each),
            '--max-failures', '20', '--continue-on-failure']
        if seed is not None:
            command += ['--seed', str(seed)]
        # The token is handed over by the environment, never in a command.
        environment = os.environ | {
            'FUZZ_TOKEN': token, 'FUZZ_SEEN': str(directory / 'seen'),
            'PYTHONPATH': str(directory)}
        with subprocess.Popen(command, env=environment,
                              cwd=directory) as process:
            try:
                status = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                print('The time is over.', flush=True)
                process.send_signal(signal.SIGINT)
                status = process.wait(timeout=60)
        for line in (directory / 'seen').read_text().splitlines():
            method, path, code, number = json.loads(line)
            seen[method, path, code] += number
        return status


def _config(words):
    lines = ['hooks = "counting"', 'continue-on-failure = true', '[headers]',
             'X-Auth-Token = "${FUZZ_TOKEN}"', '[generation]',
             'database = "none"', '[phases.coverage]',
             # What has no method there at all is 400 or 404, not 405.
             'unexpected-methods = ["PUT", "TRACE", "OPTIONS"]',
             '[dictionaries]']
    lines += [f'{name} = {{values = {json.dumps(values)}}}'
              for name, values in words.items() if values]
    lines.append('[parameters]')
    lines += [f'"{place}" = {{dictionary = "{name}", '
              f'probability = {probability}}}'
              for place, (name, probability) in PLACES.items()
              if words[name]]
    return '\n'.join(lines)


COUNTING = '''
import atexit, collections, json, os
import schemathesis

SEEN = collections.Counter()

@schemathesis.hook
def after_call(context, case, response):
    SEEN[case.method, case.operation.path, response.status_code] += 1

@schemathesis.hook
def filter_failure(context, failure, case, response):
    # What another service fails at is not the API's fault, if it says so.
    return response.status_code != 503 or b"answered with status" not in (
        response.content)

@atexit.register
def write():
    with open(os.environ["FUZZ_SEEN"], "w") as seen:
        for key, number in SEEN.items():
            print(json.dumps([*key, number]), file=seen)
'''


def _operations(url, token):
    """How many operations the API describes."""
    paths = _get(url, '/v1/openapi.json', token)['paths']
    return sum(map(len, paths.values()))


def _get(url, path, token):
    request = urllib.request.Request(f'{url}{path}',
                                     headers={'X-Auth-Token': token})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _report(seen):
    codes = collections.Counter()
    for (_, _, code), number in seen.items():
        codes[code] += number
    # A method that there is not is tried as well.
    every = {(method, path) for method, path, _ in seen
             if method not in ('PUT', 'TRACE', 'OPTIONS')}
    reached = {(method, path) for method, path, code in seen if code < 300}
    print(f'{sum(codes.values())} requests: ' + ', '.join(
        f'{number} of {code}' for code, number in sorted(codes.items())))
    print(f'{len(every & reached)} of {len(every)} methods succeeded at '
          f'least once; these did not:')
    for method, path in sorted(every - reached):
        print(f'  {method} {path}')


@contextlib.contextmanager
def _running(url):
    """A service that runs already."""
    token = os.environ.get('OS_TOKEN') or _login()
    url = url.rstrip('/')
    words = dict(WORDS)
    for kind, collection in (('clusters', 'clusters'),
                             ('templates', 'clustertemplates')):
        found = _get(url, f'/v1/{collection}', token)[collection]
        words[kind] = [*(each['uuid'] for each in found), 'nothing']
    yield url, [token], words


def _login():
    import openstack
    return openstack.connect().auth_token


@contextlib.contextmanager
def _served():
    """The application of this checkout, served on the loopback interface."""
    from magnum.tests import playground
    with tempfile.TemporaryDirectory() as directory:
        with playground.prepared(pathlib.Path(directory)) as app:
            server = simple_server.make_server(
                '127.0.0.1', 0, app, server_class=_Server,
                handler_class=_Handler)
            threading.Thread(target=server.serve_forever,
                             daemon=True).start()
            try:
                yield (f'http://127.0.0.1:{server.server_port}',
                       TOKENS, WORDS | {'requests': [playground.CSR]})
            finally:
                server.shutdown()


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == '__main__':
    sys.exit(main())
