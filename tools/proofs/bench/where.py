# SPDX-License-Identifier: Apache-2.0
"""Where the CPU time of one GET goes, in the API of this checkout.

    tools/proofs/bench/where [--path PATH] [--times N] [--lines N]

The application of `tools/proofs/bench/run`, with the same database, Keystone
and memcached, answers in this process; the profiler's clock is the CPU time of
its thread, so that other work on the machine does not matter much.
"""

import argparse
import cProfile
import pstats
import sys
import time

import webob

from magnum.api import app
from magnum import config
from magnum import opts  # noqa: F401  (registers what there is)
from tools.minicloud import tenant
from tools.proofs.bench import releases
from tools.proofs.bench import rows

OURS = releases.ALL[-1]


def main():
    parser = argparse.ArgumentParser(prog='tools/proofs/bench/where')
    parser.add_argument('--path',
                        default=f'/v1/clusters/{rows.uuid_of("cluster", 7)}')
    parser.add_argument('--times', type=int, default=300)
    parser.add_argument('--lines', type=int, default=60)
    options = parser.parse_args()
    releases.configure(OURS)
    releases.migrate(OURS)
    who = tenant.Tenant()
    rows.fill(OURS.database, who.project_id, who.session.get_user_id())
    config.parse(['--config-file', str(OURS.config)])
    application = app.build()
    headers = {'X-Auth-Token': who.session.get_token(),
               'OpenStack-API-Version': 'container-infra latest'}

    def get():
        answer = webob.Request.blank(
            options.path, headers=headers).get_response(application)
        if answer.status_int != 200:
            sys.exit(answer.text)

    for _ in range(20):
        get()
    spent = []
    for _ in range(options.times):
        begun = time.thread_time()
        get()
        spent.append(time.thread_time() - begun)
    print(f'{sorted(spent)[len(spent) // 2] * 1000:.2f} ms of CPU, median')
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for _ in range(options.times):
        get()
    profile.disable()
    for order in ('cumulative', 'tottime'):
        pstats.Stats(profile).sort_stats(order).print_stats(options.lines)


if __name__ == '__main__':
    main()
