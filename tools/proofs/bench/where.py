# SPDX-License-Identifier: Apache-2.0
"""The part of tools/proofs/bench/where that measures: see there.

The application answers in this process.  The profiler's clock is the CPU time
of its thread, so that other work on the machine does not matter much; it makes
many small functions look dearer than few large ones.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import time

import webob

from magnum.api import app
from magnum.api import middleware
from magnum import config
from magnum import opts  # noqa: F401  (registers what there is)
from tools.minicloud import tenant
from tools.proofs.bench import releases
from tools.proofs.bench import rows

OURS = releases.ALL[-1]


class Spent:
    """Seconds by the end of a file's path and the name of a function."""

    def __init__(self, profile):
        self.stats = pstats.Stats(profile)
        self.total = self('bench/where.py', 'get')

    def __call__(self, path, name, line=None):
        return sum(figures[3] for key, figures in self.stats.stats.items()
                   if key[0].endswith(path) and key[2] == name
                   and line in (None, key[1]))

    def shares(self):
        """[(what, share of the whole)]; they add up to 1."""
        guarded = self('auth_token/__init__.py', '__call__')
        # What needs no token does not pass there.
        guarded -= guarded and self(
            'api/middleware.py', '__call__',
            middleware.Versions.__call__.__code__.co_firstlineno)
        answer = self('api/expose.py', 'controller')
        rules = self('oslo_policy/policy.py', 'enforce')
        unit = self('oslo_db/api.py', 'wrapper')
        driver = self('pymysql/cursors.py', 'execute')
        parts = [
            ('PyMySQL: send the statement, read the rows', driver),
            ('SQLAlchemy, oslo.db: statement, transaction, objects',
             unit - driver),
            ('oslo.policy: context_is_admin, and the rule of the path',
             rules),
            ('keystonemiddleware: token from memcached, headers',
             guarded),
            ('ours: query, representation, JSON, response',
             answer - unit - rules),
            ('ours: route, microversion, media type',
             self('api/dispatch.py', 'lead'))]
        parts.append(('Pecan, WebOb, oslo.middleware',
                      self.total - sum(part for _, part in parts)))
        return [(what, part / self.total) for what, part in parts]


def main():
    parser = argparse.ArgumentParser(prog='tools/proofs/bench/where')
    parser.add_argument('--path',
                        default=f'/v1/clusters/{rows.uuid_of("cluster", 7)}')
    parser.add_argument('--times', type=int, default=300)
    parser.add_argument('--lines', type=int, default=0)
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

    def timed():
        begun = time.thread_time()
        get()
        return time.thread_time() - begun

    for _ in range(20):
        get()
    median = statistics.median(timed() for _ in range(options.times))
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for _ in range(options.times):
        get()
    profile.disable()
    spent = Spent(profile)
    print(f'GET {options.path}: {median * 1000:.2f} ms of CPU, median; of it')
    for what, share in spent.shares():
        print(f'  {share:4.0%}  {what}')
    if options.lines:
        spent.stats.sort_stats('tottime').print_stats(options.lines)


if __name__ == '__main__':
    main()
