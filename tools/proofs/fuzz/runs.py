# SPDX-License-Identifier: Apache-2.0
"""Fuzz the API by its own description; `run` says how to use it.

Schemathesis does the work, as its command line does; here are a service to
send requests to, the names of what is there, and the counting.
"""

import argparse
import collections
import contextlib
import json
import math
import os
import pathlib
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from wsgiref import simple_server

import openstack

from magnum.tests import playground

TOP = pathlib.Path(__file__).resolve().parents[3]

CHECKS = ('not_a_server_error', 'status_code_conformance',
          'content_type_conformance', 'response_headers_conformance',
          'response_schema_conformance', 'negative_data_rejection',
          'positive_data_acceptance', 'missing_required_header',
          'unsupported_method', 'allow_header_conformance', 'ignored_auth',
          'use_after_free', 'ensure_resource_availability')
# The only other one, `object_level_authorization`, wants several logins in a
# file; who may do what to whose is told by magnum/tests/functional/test_rbac.

# On a cloud what is deleted goes by and by, and is seen going.
EVENTUAL = ('use_after_free',)

# Of a valid request: the description cannot say who may do what, which image
# exists, or what a cluster in this state can be asked.
REFUSALS = ['2xx', '304', '400', '403', '404', '405', '406', '409', '412',
            '422']

# Known words, and where they are tried, with which probability.
WORDS = {
    'clusters': ['c', 'c', 'c', 'c', 'failed', 'busy', 'weak', 'nothing'],
    'templates': ['t', 't', 't', 'published', 'idle', 'feeble', 'nothing'],
    'nodegroups': ['default-worker', 'default-master', 'extra', 'extra',
                   'extra', 'extra', 'nothing'],
    'operations': [*playground.OPERATIONS],
    'federations': ['f', 'nothing'],
    'projects': ['p', 'q', 'nothing'],
    'resources': ['Cluster'],
    'images': ['ubuntu-k8s', 'ubuntu-k8s', 'ubuntu-k8s', 'plain', 'twin'],
    'flavors': ['m1.small', 'm1.small', 'm1.small', 'diskless'],
    'networks': ['private'],
    'outer_networks': ['public'],
    'subnets': ['private-subnet'],
    'keys': ['key'],
    'drivers': ['fake', 'able'],
    'volume_drivers': ['cinder'],
    'servers': ['8.8.8.8'],
    'stores': ['overlay2', 'devicemapper'],
    'network_drivers': ['flannel', 'calico', 'none'],
    'requests': [],
    'kinds': ['cluster'],
    'authorities': ['kubernetes', 'etcd', 'front_proxy'],
    # Any other tag is hardly ever that of what is there.
    'tags': ['*'],
    # Most of the others are too old for half of the methods.
    'versions': ['container-infra latest', 'container-infra 1.14',
                 'container-infra 1.10'],
}
PLACES = {
    'header.OpenStack-API-Version': ('versions', 0.5),
    'header.If-Match': ('tags', 0.8),
    'path.cluster_ident': ('clusters', 0.7),
    'path.bay_ident': ('clusters', 0.7),
    'path.template_ident': ('templates', 0.7),
    'path.baymodel_ident': ('templates', 0.7),
    'path.nodegroup_ident': ('nodegroups', 0.8),
    'path.operation_uuid': ('operations', 0.8),
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

# Which words a running service's templates tell.
KNOWN = {'images': 'image_id', 'flavors': 'flavor_id', 'keys': 'keypair_id',
         'outer_networks': 'external_network_id',
         'networks': 'fixed_network', 'subnets': 'fixed_subnet',
         'drivers': 'driver'}

# How long a running service may take to delete what was made.
REMOVING_SECONDS = 300

# What the phases cost that try everything once, however many more are asked.
THOROUGH = 10000

TOKENS = ('admin', 'member', 'reader')


# How often it is tried to have each operation succeed.
ROUNDS = 4


def main():
    parser = argparse.ArgumentParser(prog='tools/proofs/fuzz/run')
    parser.add_argument('--count', type=int, default=20000)
    parser.add_argument('--seconds', type=int, default=3600)
    parser.add_argument('--seed', type=int)
    parser.add_argument('--database', default='sqlite',
                        choices=('sqlite', 'mysql', 'postgresql'))
    parser.add_argument('--url')
    asked = parser.parse_args()
    deadline = time.monotonic() + asked.seconds
    with contextlib.ExitStack() as stack:
        url, tokens, words = stack.enter_context(
            _running(asked.url) if asked.url else _served(asked.database))
        runs = Runs(url, words, asked.seed, deadline,
                    [check for check in CHECKS
                     if not asked.url or check not in EVENTUAL])
        status = runs.all(tokens, asked.count)
        # Of a service that runs it is not known what must succeed.
        if not asked.url:
            status = runs.until_all_succeed(tokens[0]) or status
    runs.report()
    return status


class Runs:
    """Runs of schemathesis, and what they have seen."""

    def __init__(self, url, words, seed, deadline, checks):
        self.url = url
        self.words = words
        self.seed = seed
        self.deadline = deadline
        self.checks = checks
        self.seen = collections.Counter()
        self.operations = {}

    def all(self, tokens, count):
        """At least so many requests, shared by the tokens; the exit status.
        """
        paths = _get(self.url, '/v1/openapi.json', tokens[0])['paths']
        self.operations = {
            (method.upper(), path): operation
            for path, methods in paths.items()
            for method, operation in methods.items()}
        status = 0
        for number, token in enumerate(tokens):
            # The first may do everything; so most is asked by it.
            share = 1.0 if number == len(tokens) - 1 else 0.6
            left = (count - sum(self.seen.values())) * share
            phases = ['fuzzing']
            if left > THOROUGH:
                phases += ['examples', 'coverage', 'stateful']
                left -= THOROUGH
            each = max(1, round(left / len(self.operations)))
            status = self.one(token, phases, each) or status
            if time.monotonic() > self.deadline:
                print('The time is over.')
                return status
        return self.rest(tokens[0], count) or status

    def rest(self, token, count):
        """What is missing of so many, as some have few that differ."""
        status = 0
        while (left := count - sum(self.seen.values())) > 0 and (
                time.monotonic() < self.deadline):
            if self.seed is not None:
                self.seed += 1
            each = math.ceil(left / len(self.operations))
            status = self.one(token, ['fuzzing'], each) or status
        return status

    def until_all_succeed(self, token):
        """More of what has not succeeded yet; the exit status."""
        status = 0
        for round_ in range(1, ROUNDS):
            names = [self.operations[key]['operationId']
                     for key in self.without_success()]
            if names and time.monotonic() < self.deadline:
                print(f'Once more: {", ".join(names)}', flush=True)
                status = self.one(token, ['fuzzing'], 40 * round_,
                                   names) or status
        return status or bool(self.without_success())

    def without_success(self):
        """What never succeeded although it is described to."""
        reached = {(method, path) for method, path, code in self.seen
                   if code < 300}
        return [key for key, operation in sorted(self.operations.items())
                if key not in reached
                and min(operation['responses']) < '300']

    def report(self):
        codes = collections.Counter()
        by_operation = collections.defaultdict(collections.Counter)
        for (method, path, code), number in self.seen.items():
            codes[code] += number
            by_operation[method, path][code] += number
        columns = sorted(codes)
        print('How many answers had which status, by operation:')
        print(*(f'{code:>5}' for code in columns))
        for method, path in sorted(self.operations, key=lambda key: key[1]):
            numbers = by_operation[method, path]
            print(*(f'{numbers[code] or "":>5}' for code in columns),
                  f' {method} {path}')
        print(f'{sum(codes.values())} requests: ' + ', '.join(
            f'{codes[code]} of {code}' for code in columns))
        for method, path in self.without_success():
            print(f'Never succeeded: {method} {path}')

    def one(self, token, phases, each, names=()):
        """One run, perhaps of some operations only; its exit status."""
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            config = directory / 'schemathesis.toml'
            config.write_text(_config(self.words))
            command = [
                pathlib.Path(sys.executable).parent / 'schemathesis',
                '--config-file', config, 'run',
                f'{self.url}/v1/openapi.json', '--url', self.url,
                '--checks', ','.join(self.checks), '--no-color',
                '--phases', ','.join(phases), '--max-examples', str(each),
                '--max-failures', '20', '--continue-on-failure',
                '--request-timeout', '60']
            for name in names:
                command += ['--include-operation-id', name]
            if self.seed is not None:
                command += ['--seed', str(self.seed)]
            seen = directory / 'seen'
            # The token is handed over by the environment, never in a command.
            environment = os.environ | {
                'FUZZ_TOKEN': token, 'FUZZ_SEEN': str(seen),
                'PYTHONPATH': str(TOP)}
            with subprocess.Popen(command, env=environment,
                                  cwd=directory) as process:
                status = _wait(process, self.deadline)
            for line in seen.read_text().splitlines():
                method, path, code, number = json.loads(line)
                self.seen[method, path, code] += number
            return status


def _wait(process, deadline):
    """The exit status; of what was seen until then when the time is over."""
    try:
        return process.wait(timeout=deadline - time.monotonic())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        return 0


def _config(words):
    lines = ['hooks = "tools.proofs.fuzz.hooks"', 'continue-on-failure = true',
             '[headers]', 'X-Auth-Token = "${FUZZ_TOKEN}"', '[generation]',
             'database = "none"', '[phases.coverage]',
             # What has no method there at all is 400 or 404, not 405.
             'unexpected-methods = ["PUT", "TRACE", "OPTIONS"]',
             '[checks.positive_data_acceptance]',
             f'expected-statuses = {json.dumps(REFUSALS)}',
             '[dictionaries]']
    lines += [f'{name} = {{values = {json.dumps(values)}}}'
              for name, values in words.items() if values]
    lines.append('[parameters]')
    lines += [f'"{place}" = {{dictionary = "{name}", '
              f'probability = {probability}}}'
              for place, (name, probability) in PLACES.items()
              if words[name]]
    return '\n'.join(lines)


def _get(url, path, token):
    request = urllib.request.Request(f'{url}{path}',
                                     headers={'X-Auth-Token': token})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@contextlib.contextmanager
def _running(url):
    """A service that runs already; what is made of it is removed again."""
    token = os.environ.get('OS_TOKEN') or _login()
    url = url.rstrip('/')
    there = {collection: _all(url, token, collection)
             for collection in ('clusters', 'clustertemplates')}
    words = dict(WORDS)
    for kind, collection in (('clusters', 'clusters'),
                             ('templates', 'clustertemplates')):
        found = [each['uuid'] for each in there[collection]]
        words[kind] = [*found, *found, 'nothing']
    # What is good for one template is good for others.
    for kind, attribute in KNOWN.items():
        words[kind] = sorted({each[attribute] for each
                              in there['clustertemplates']} - {None})
    try:
        yield url, [token], words
    finally:
        _remove(url, token, there)


def _all(url, token, collection):
    return _get(url, f'/v1/{collection}', token)[collection]


def _remove(url, token, there):
    """Delete what was not there before, and wait until it has gone."""
    end = time.monotonic() + REMOVING_SECONDS
    for collection in ('clusters', 'clustertemplates'):
        kept = {each['uuid'] for each in there[collection]}
        asked = set()
        while left := [each for each in _all(url, token, collection)
                       if each['uuid'] not in kept]:
            for each in left:
                if each['uuid'] not in asked or 'FAILED' in (
                        each.get('status') or ''):
                    asked.add(each['uuid'])
                    _delete(url, token, collection, each['uuid'])
            if time.monotonic() > end:
                sys.exit(f'{len(left)} {collection} are still there.')
            time.sleep(0.5)


def _delete(url, token, collection, uuid):
    request = urllib.request.Request(
        f'{url}/v1/{collection}/{uuid}', method='DELETE',
        headers={'X-Auth-Token': token})
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=60).close()


def _login():
    return openstack.connect().auth_token


@contextlib.contextmanager
def _served(dialect):
    """The application of this checkout, with a little of everything."""
    with (tempfile.TemporaryDirectory() as directory,
          playground.prepared(pathlib.Path(directory), dialect) as app,
          serving(app) as url):
        yield url, TOKENS, WORDS | {'requests': [playground.CSR]}


@contextlib.contextmanager
def serving(app):
    """A WSGI application on the loopback interface; its URL."""
    server = simple_server.make_server(
        '127.0.0.1', 0, app, server_class=_Server, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == '__main__':
    sys.exit(main())
