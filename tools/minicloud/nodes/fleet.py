# SPDX-License-Identifier: Apache-2.0
"""Make the cloud's wish true, again and again: machines, networks, the rest.

Each look compares what the services' rows want with what is there, so it does
not matter what was missed while the guest did not run.  Machines are built and
switched in threads of their own; networks come first, in the loop itself.
"""

import concurrent.futures
import time
import traceback

import pymysql

from tools.minicloud.nodes import balancers
from tools.minicloud.nodes import fabric
from tools.minicloud.nodes import machine
from tools.minicloud.nodes import names
from tools.minicloud.nodes import relay
from tools.minicloud.nodes import rows
from tools.minicloud.nodes import volumes

SECONDS = 1
# What the machine's own cores can boot at a time.
WORKERS = 4
PAUSE_SECONDS = 10


class Fleet:

    def __init__(self, log):
        self._log = log
        self._pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
        self._busy, self._not_before = {}, {}
        self._seen = set()
        # Most clouds never have a machine: they are spared the looks.
        self._active = False
        self._relay = relay.Relay()

    def run(self):
        while True:
            try:
                self.look()
            except (pymysql.Error, names.CommandFailed) as e:
                self._log('the fleet:', str(e)[:300])
            except Exception:
                self._log('a bug in the fleet:', traceback.format_exc())
            time.sleep(SECONDS)

    def look(self):
        known = machine.known()
        if known:
            self._active = True
        if not self._active:
            return
        world = rows.look(known)
        used = {port.network_id for server in world.servers.values()
                for port in server.ports}
        fabric.realise([network for network in world.networks.values()
                        if used and network.is_external
                        or network.id in used])
        balancers.realise([balancer for balancer in world.balancers.values()
                           if balancer.network_id in used])
        for server_id in known:
            self._look_at(server_id, world)
        volumes.forget(world.volumes)

    def _look_at(self, server_id, world):
        if server_id in self._busy and not self._busy[server_id].done():
            return
        if self._not_before.get(server_id, 0) > time.monotonic():
            return
        self._busy[server_id] = self._pool.submit(
            self._settle, machine.Machine(server_id),
            world.servers.get(server_id), world.networks)

    def _settle(self, it, server, networks):
        """One machine, as Nova wants it."""
        try:
            if server is None:
                self._relay.close(it.space)
                it.destroy()
                self._log(it.space, 'is gone')
            else:
                self._follow(it, server, networks)
        except (Exception, SystemExit):
            self._log(it.space, 'failed:', traceback.format_exc())
            self._not_before[it.id] = time.monotonic() + PAUSE_SECONDS

    def _follow(self, it, server, networks):
        record = it.record
        if record.get('build') != server.build:
            self._log(server.name, 'is built as', it.space)
            self._relay.close(it.space)
            it.build(server)
            record = it.record
        restarted = record.get('boot') != server.boot
        if it.is_running and (restarted or not server.running):
            self._log(server.name, 'is switched off')
            self._relay.close(it.space)
            it.switch_off()
        # One that switched itself off stays so until somebody starts it, or
        # the power of the whole cloud comes back.
        first = it.id not in self._seen
        self._seen.add(it.id)
        if server.running and (restarted or first) and not it.is_running:
            self._log(server.name, 'is switched on')
            it.switch_on(server, networks)
        if it.is_running:
            self._relay.open(it.space)
            volumes.attach(it, server.volumes)
