# SPDX-License-Identifier: Apache-2.0
"""Thousands of settled clusters, two conductors, and what that costs."""

import argparse
import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from oslo_config import cfg
import sqlalchemy as sa

from magnum.certificates import stores
from magnum.certificates import x509
from magnum.conductor import drift
from magnum.db import models
from magnum.db import schema
from magnum.db import session as db
from magnum.tests import databases
from magnum.tests import factories
from magnum.tests.fakes import kubernetes
from tools.proofs import conductors
from tools.proofs.health import conductor

CONF = cfg.CONF

PROJECTS = 100
CONDUCTORS = 2

# How many statements the turns of two conductors take in a minute, and how
# many each look may: two when its conductor reads the certificates of the
# cluster, which is once, and then none.
SQL_OF_TURNS = 1500
SQL_PER_LOOK = 1


@contextlib.contextmanager
def processes(url):
    started = [subprocess.Popen(
        [sys.executable, '-m', 'tools.proofs.health.conductor', url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(CONDUCTORS)]
    try:
        for process in started:
            if process.stdout.readline() != 'ready\n':
                raise SystemExit('A conductor did not start.')
        yield started
    finally:
        for process in started:
            process.stdin.close()
        for process in started:
            process.wait(120)


def counts(started):
    for process in started:
        process.stdin.write('\n')
        process.stdin.flush()
    return [json.loads(process.stdout.readline()) for process in started]


def populate(pairs, server, silent, count, dead):
    """Write the clusters down; names of those that live."""
    refs = stores.current().save('all', {
        stores.names(0)[column]: pair for column, pair in pairs.items()},
        'p', 'u')
    columns = {column: refs[stores.names(0)[column]] for column in pairs}
    template = factories.template(driver='k8s_kubeadm_v1')
    factories.store(template)
    host, port = silent.getsockname()
    with db.writer() as session:
        for number in range(count):
            name = f'c{number}'
            is_dead = number < dead
            row = factories.cluster(
                name=name, cluster_template_id=template.uuid,
                project_id=f'p{number % PROJECTS}',
                api_address=(f'https://{host}:{port}' if is_dead
                             else server.address(name)), **columns)
            if not is_dead:
                server.clusters[name] = kubernetes.Cluster()
            groups = factories.nodegroups(row)
            for group in groups:
                group.stack_id = row.stack_id
            session.add_all([row, *groups])


def healths():
    with db.reader() as session:
        return dict(session.execute(
            sa.select(models.Cluster.health_status, sa.func.count())
            .group_by(models.Cluster.health_status)).all())


def conditions():
    with db.reader() as session:
        return dict(session.execute(
            sa.select(models.Condition.status, sa.func.count())
            .where(models.Condition.type == 'InfrastructureInSync')
            .group_by(models.Condition.status)).all())


def first_round(started, count):
    """Until every cluster was looked at; the seconds that it took."""
    began = time.monotonic()
    while None in healths() or sum(conditions().values()) < count:
        if time.monotonic() > began + 600:
            raise SystemExit(f'Not all are looked at: {healths()} '
                             f'{conditions()}')
        time.sleep(2)
    counts(started)
    return time.monotonic() - began


def gaps(server):
    """Seconds between two looks at a cluster, over all clusters."""
    found = []
    for (_, path), times in server.times.items():
        if path == '/readyz':
            found += [after - before for before, after
                      in zip(times, times[1:], strict=False)]
    return sorted(found)


def measure(dialect, pairs, options):
    with (tempfile.TemporaryDirectory() as folder,
          databases.scratch(dialect, pathlib.Path(folder)) as url,
          databases.connected(url),
          socket.create_server(('127.0.0.1', 0)) as silent,
          kubernetes.FakeKubernetes(pairs['ca_cert_ref']) as server):
        schema.upgrade()
        populate(pairs, server, silent, options.clusters, options.dead)
        with processes(url) as started:
            took = first_round(started, options.clusters)
            print(f'{dialect}: {options.clusters} clusters, '
                  f'{options.dead} of them dead: first round {took:.0f} s',
                  flush=True)
            before = sum(server.requests.values())
            good = True
            for minute in range(options.minutes):
                time.sleep(60)
                good &= say(minute, counts(started), server, before)
                before = sum(server.requests.values())
        return good & judge(options, server)


def say(minute, both, server, before):
    looks = sum(each.get('health', 0) for each in both)
    sql = sum(each.get('sql', 0) for each in both)
    stacks = sum(each.get('stacks', 0) for each in both)
    calls = sum(each['heat'] for each in both)
    shares = ' + '.join(str(each.get('health', 0)) for each in both)
    threads = max(each['threads'] for each in both)
    print(f'  minute {minute + 1}: {looks} looks ({shares}) with '
          f'{sum(server.requests.values()) - before} requests to clusters; '
          f'{stacks} projects with {calls} calls to Heat; {sql} statements '
          f'of SQL; at most {threads} threads', flush=True)
    # Those of the pools, the two loops, and what watches them.
    limit = CONF.conductor.health_threads + drift.THREADS + 4
    return (sql <= SQL_OF_TURNS + SQL_PER_LOOK * looks and calls <= stacks
            and threads <= limit
            and all(each.get('health', 0) > looks / 10 for each in both))


def judge(options, server):
    found = gaps(server)
    doubled = sum(gap < conductor.INTERVAL * 0.9 for gap in found)
    seen, wanted = healths(), {'HEALTHY': options.clusters - options.dead}
    if options.dead:
        wanted['UNHEALTHY'] = options.dead
    good = not doubled and seen == wanted and bool(found)
    print(f'  between two looks at a cluster: {found[0]:.1f} to '
          f'{found[-1]:.1f} s, the median {found[len(found) // 2]:.1f}; '
          f'{doubled} doubled; {seen}: {"good" if good else "WRONG"}',
          flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--clusters', type=int, default=5000)
    parser.add_argument('--dead', type=int, default=20)
    parser.add_argument('--minutes', type=int, default=3)
    options = parser.parse_args()
    conductors.configure()
    CONF.set_override('cert_manager_type', 'x509keypair', 'certificates')
    CONF.set_override('encryption_keys', [conductors.SEAL_KEY],
                      'certificates')
    ca = x509.make_ca('c')
    pairs = {'ca_cert_ref': ca, 'magnum_cert_ref': x509.make_client(
        ca, 'admin', 'system:masters')}
    results = [measure(dialect, pairs, options)
               for dialect in ('mysql', 'postgresql')]
    sys.exit(0 if all(results) else 1)


if __name__ == '__main__':
    main()
