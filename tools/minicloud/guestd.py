# SPDX-License-Identifier: Apache-2.0
"""The guest: does for each new server what its node would do.

This daemon looks for new servers in Nova.  In mode `told` nothing runs in
them: it checks their user data (userdata.py) and signals Heat as the node
would, unless an order says otherwise (the command `guest` gives orders).  In
mode `real` each becomes a machine (nodes/), which does and says what it likes.
Runs in the cloud's own virtual environment.
"""

import base64
import concurrent.futures
import datetime
import heapq
import json
import re
import threading
import time
import urllib.request

import keystoneauth1.exceptions
import openstack

from tools.minicloud.nodes import fleet
from tools.minicloud.nodes import machine
from tools.minicloud.nodes import names
from tools.minicloud import settings
from tools.minicloud import userdata

INTERVAL_SECONDS = 0.7
# How far each look goes back: Nova's clock has whole seconds, and a change is
# seen a little after its time stamp.
OVERLAP_SECONDS = 60
ORDERS = settings.RUN / 'guest-orders.json'
DONE = settings.RUN / 'guest-done'
ERRORS = (keystoneauth1.exceptions.ClientException,
          openstack.exceptions.SDKException)


def log(*words):
    print(time.strftime('%T'), *words, flush=True)


def report(future):
    if future.exception():
        log('a bug in the guest:', repr(future.exception()))


class Orders:
    """What the guest was told; the latest order for a server counts."""

    def __init__(self, path=ORDERS):
        self.path = path

    def read(self):
        try:
            return json.loads(self.path.read_text())
        except FileNotFoundError:
            return []

    def find(self, server_name):
        """(seconds to wait, silent, failure text or None)"""
        seconds, silent, failure = 0, False, None
        for order in self.read():
            if not re.search(order['servers'], server_name):
                continue
            if order['what'] == 'slow':
                seconds = order['seconds']
            silent = order['what'] == 'silent'
            failure = order['text'] if order['what'] == 'fail' else None
        return seconds, silent, failure


class Guest:

    def __init__(self):
        self.nova = openstack.connect(cloud='admin').compute
        self.pool = concurrent.futures.ThreadPoolExecutor(4)
        self.orders = Orders()
        self.due = []
        self.lock = threading.Lock()
        self.done = set(DONE.read_text().split()) if DONE.exists() else set()
        self.since = None

    def run(self):
        log('the guest looks for new servers')
        while True:
            try:
                for server in self.new_servers():
                    self.pool.submit(self.boot, server).add_done_callback(
                        report)
            except ERRORS as e:
                log('Nova does not answer:', str(e)[:200])
            self.send_due_signals()
            time.sleep(INTERVAL_SECONDS)

    def new_servers(self):
        query = '/servers?all_tenants=1&status=ACTIVE&limit=1000'
        now = datetime.datetime.now(datetime.UTC)
        if self.since:
            query += f'&changes-since={self.since:%Y-%m-%dT%H:%M:%SZ}'
        response = self.nova.get(query, microversion='2.79')
        response.raise_for_status()
        self.since = now - datetime.timedelta(seconds=OVERLAP_SECONDS)
        new = [s for s in response.json()['servers']
               if s['id'] not in self.done]
        self.done.update(s['id'] for s in new)
        return new

    def boot(self, server):
        """Read the user data, decide what to say to Heat and when."""
        name = server['name']
        if names.REAL.exists():
            machine.adopt(server['id'])
            self.note(server['id'])
            log(name, 'becomes a machine')
            return
        try:
            response = self.nova.get('/servers/' + server['id'],
                                     microversion='2.79')
        except ERRORS as e:
            log(name, 'cannot be read yet:', str(e)[:200])
            self.done.discard(server['id'])
            return
        encoded = response.json().get('server', {}).get(
            'OS-EXT-SRV-ATTR:user_data')
        if not encoded:
            log(name, 'has no user data: not ours')
            return
        raw = base64.b64decode(encoded)
        signal = userdata.signal_of(raw)
        try:
            node = userdata.check(raw, name)
        except userdata.Broken as e:
            log(name, 'is broken:', e)
            answer = failure(name, f'boot: {e}')
        else:
            answer = success(name, node)
        if signal is None:
            log(name, 'cannot signal')
            return
        seconds, silent, text = self.orders.find(name)
        if silent:
            log(name, 'stays silent, as ordered')
            return
        if text:
            answer = failure(name, text)
        with self.lock:
            heapq.heappush(self.due, (time.monotonic() + seconds,
                                      server['id'], name, signal, answer))

    def send_due_signals(self):
        with self.lock:
            while self.due and self.due[0][0] <= time.monotonic():
                self.pool.submit(
                    self.send, *heapq.heappop(self.due)[1:]
                ).add_done_callback(report)

    def send(self, server_id, name, signal, answer):
        for pause in (1, 3, 10, None):
            try:
                post(signal, answer)
            except OSError as e:
                log(name, 'signal failed:', e)
                if pause is None:
                    return
                time.sleep(pause)
            else:
                break
        log(name, answer['status'], answer['reason'])
        self.note(server_id)

    def note(self, server_id):
        with self.lock, open(DONE, 'a') as done:
            done.write(server_id + '\n')


def success(name, node):
    return {'status': 'SUCCESS', 'reason': 'ready', 'id': name,
            'data': json.dumps({
                'version': node.variables['KUBE_VERSION'],
                'runtime': 'containerd://2.0.2', 'kernel': '5.15.0-130',
                'os': 'Ubuntu 22.04.5 LTS'})}


def failure(name, text):
    """As a node: one line of at most 300 characters."""
    return {'status': 'FAILURE', 'id': name, 'data': '',
            'reason': ' '.join(text.split())[:300]}


def post(signal, answer):
    """What the node script does with curl."""
    token = request(signal['auth_url'].rstrip('/') + '/auth/tokens', {
        'auth': {'identity': {'methods': ['password'], 'password': {'user': {
            'id': signal['user_id'], 'password': signal['password']}}},
            'scope': {'project': {'id': signal['project_id']}}}},
        ).headers['X-Subject-Token']
    request(signal['alarm_url'], answer, {'X-Auth-Token': token})


def request(url, body, headers=None):
    with urllib.request.urlopen(urllib.request.Request(
            url, json.dumps(body).encode(),
            {'Content-Type': 'application/json', **(headers or {})}),
            timeout=30) as response:
        response.read()
        return response


if __name__ == '__main__':
    threading.Thread(target=fleet.Fleet(log).run, daemon=True).start()
    Guest().run()
