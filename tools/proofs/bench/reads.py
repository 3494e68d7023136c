# SPDX-License-Identifier: Apache-2.0
"""The part of tools/proofs/bench/run that measures: see there."""

import argparse
import concurrent.futures
import dataclasses
import http.client
import json
import statistics
import sys
import time

from tools.minicloud import processes
from tools.minicloud import services
from tools.minicloud import settings
from tools.minicloud import tenant
from tools.proofs.bench import releases
from tools.proofs.bench import rows

CLIENTS = (1, 8, 32)
NAMES = [release.name for release in releases.ALL]
MULTIPLES = [f'x {name}' for name in NAMES[:-1]]


@dataclasses.dataclass(frozen=True)
class Read:
    """One kind of GET.

    `times` is how often it is repeated in relation to others; `targets` says
    how many times as fast as each release ours has to be.
    """

    title: str
    path: str
    times: int
    targets: tuple[float | None, float | None] = (None, None)


ONE = Read('one cluster', f'/v1/clusters/{rows.uuid_of("cluster", 7)}', 4,
           (10, 2.5))
LIST = Read('list of 100', '/v1/clusters?limit=100', 1, (150, 10))
READS = (LIST, Read('detail of 100', '/v1/clusters/detail?limit=100', 1), ONE,
         Read('templates', '/v1/clustertemplates', 4),
         Read('version document', '/v1/', 4))


class Reader:
    """Asks as a client of its own would: a new connection each time."""

    def __init__(self, token):
        self.headers = {'X-Auth-Token': token,
                        'Accept': 'application/json',
                        'OpenStack-API-Version': 'container-infra latest'}

    def get(self, release, read):
        """(seconds, body)."""
        begun = time.perf_counter()
        connection = http.client.HTTPConnection(settings.IP, release.port,
                                                timeout=600)
        connection.request('GET', read.path, headers=self.headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        seconds = time.perf_counter() - begun
        if response.status != 200:
            sys.exit(f'{release.name}: GET {read.path}: {response.status} '
                     f'{body[:500]!r}')
        return seconds, body


def uuids(body):
    """All that an answer is about, in its order."""
    document = json.loads(body)
    items = (document.get('clusters') or document.get('clustertemplates')
             if 'media_types' not in document else [])
    return [item['uuid'] for item in items or [document] if 'uuid' in item]


def check_answers(reader):
    """The same resources in all answers; this warms everything up, too."""
    for read in READS:
        found = {release.name: uuids(reader.get(release, read)[1])
                 for release in releases.ALL}
        if len(set(map(tuple, found.values()))) > 1:
            sys.exit(f'{read.title}: the answers differ: {found}')
        count = len(found['ours'])
        print(f'  {read.title}: '
              + (f'{count} uuid(s), the same in all answers' if count
                 else 'answered by all'), flush=True)


def times(reader, rounds):
    """({read: {release: median ms}}, the same of mean ms of CPU), by turns.

    The CPU time is read before and after all GETs of a kind: to look for all
    threads before each would leave them with cold caches.
    """
    wall, cpu = {}, {}
    for read in READS:
        processes.say('measuring:', read.title)
        count = rounds * read.times
        before = {release: release.cpu() for release in releases.ALL}
        taken = {release: [] for release in releases.ALL}
        for _ in range(count):
            for release, found in taken.items():
                found.append(reader.get(release, read)[0] * 1000)
        wall[read] = {release: statistics.median(found)
                      for release, found in taken.items()}
        cpu[read] = {release: (release.cpu() - seconds) / count * 1000
                     for release, seconds in before.items()}
    return wall, cpu


def costs(reader):
    """{read: {release: (SELECTs, other statements, HTTP requests)}}.

    Statements are MariaDB's own account, by the user that sent them.
    """
    services.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1")
    try:
        return {read: {release: _cost(reader, release, read)
                       for release in releases.ALL} for read in READS}
    finally:
        services.sql("SET GLOBAL general_log = 0; "
                     "SET GLOBAL log_output = 'FILE'; "
                     'TRUNCATE mysql.general_log')


def _cost(reader, release, read):
    # Once before: whoever was idle asks whether its connection still holds.
    reader.get(release, read)
    services.sql('TRUNCATE mysql.general_log')
    calls = release.calls.read_bytes().count(b'\n')
    reader.get(release, read)
    made = [argument.upper().lstrip().startswith('SELECT')
            for argument, in services.sql(
                'SELECT left(argument, 40) FROM mysql.general_log WHERE '
                "command_type IN ('Query', 'Execute') AND "
                f"user_host LIKE '{release.database}[%'")]
    return (sum(made), len(made) - sum(made),
            release.calls.read_bytes().count(b'\n') - calls)


def rate(reader, release, read, clients, seconds):
    """Requests per second, when each client asks anew once answered."""
    def client():
        done = 0
        while time.perf_counter() < end:
            reader.get(release, read)
            done += 1
        return done

    begun = time.perf_counter()
    end = begun + seconds
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(client) for _ in range(clients)]
        done = sum(job.result() for job in jobs)
    return done / (time.perf_counter() - begun)


def rates(reader, reads, seconds):
    """{(read, clients): {release: requests per second}}."""
    found = {}
    for read in reads:
        for clients in CLIENTS:
            processes.say(f'measuring: {read.title}, {clients} client(s)')
            found[read, clients] = {
                release: rate(reader, release, read, clients, seconds)
                for release in releases.ALL}
    return found


def table(title, heads, lines):
    print(f'\n{title}')
    widths = [max(len(line[column]) for line in (heads, *lines))
              for column in range(len(heads))]
    for line in (heads, *lines):
        print('  ' + '  '.join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(
                zip(line, widths, strict=True))), flush=True)


def report_times(wall, cpu):
    """Print both; the targets that are missed."""
    missed = []
    for title, taken in (
            ('GET, median in milliseconds; ours is so many times as fast',
             wall),
            ('The same, mean in milliseconds of CPU, of the API alone: other '
             'work\non the machine disturbs it less', cpu)):
        lines = []
        for read, of_releases in taken.items():
            *others, ours = of_releases.values()
            ratios = [other / ours for other in others]
            lines.append([read.title,
                          *(f'{m:.1f}' for m in (*others, ours)),
                          *(f'{ratio:.1f}' for ratio in ratios)])
            if taken is wall:
                missed += _missed(read, ratios)
        table(title, ['', *NAMES, *MULTIPLES], lines)
    return missed


def _missed(read, ratios):
    return [f'{read.title}: {ratio:.1f} times as fast as {name}, not '
            f'{target}' for name, ratio, target in zip(
                NAMES, ratios, read.targets, strict=False)
            if target and ratio < target]


def report_costs(found):
    table('For one request: SELECTs + other statements / HTTP requests to '
          'other services', ['', *NAMES],
          [[read.title, *(f'{selects} + {others} / {calls}' for
                          selects, others, calls in of_releases.values())]
           for read, of_releases in found.items()])


def report_rates(found):
    lines = []
    for (read, clients), of_releases in found.items():
        *others, ours = of_releases.values()
        lines.append([f'{read.title}, {clients} client(s)',
                      *(f'{r:.1f}' for r in of_releases.values()),
                      *(f'{ours / other:.1f}' for other in others)])
    table('Requests per second, one worker process of each; ours as a '
          'multiple', ['', *NAMES, *MULTIPLES], lines)


def main():
    parser = argparse.ArgumentParser(prog='tools/proofs/bench/run')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--lists', action='store_true')
    options = parser.parse_args()
    try:
        for release in releases.ALL:
            release.start()
        who = tenant.Tenant()
        for release in releases.ALL:
            rows.fill(release.database, who.project_id,
                      who.session.get_user_id())
        reader = Reader(who.session.get_token())
        check_answers(reader)
        found = costs(reader)
        missed = report_times(*times(reader, options.rounds))
        report_costs(found)
        if options.seconds:
            rated = (ONE, LIST) if options.lists else (ONE,)
            report_rates(rates(reader, rated, options.seconds))
    finally:
        releases.stop()
    if missed:
        sys.exit('\nNot reached:\n  ' + '\n  '.join(missed))
    print('\nEvery target is reached.')


if __name__ == '__main__':
    main()
