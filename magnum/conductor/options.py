# SPDX-License-Identifier: Apache-2.0
"""Options of what a conductor does by the clock."""

from oslo_config import cfg

CONF = cfg.CONF

OPTS = [
    cfg.BoolOpt('periodic_enable', default=True,
                help='Whether this conductor looks after the status and '
                     'health of clusters that nobody is changing. The '
                     'heartbeat goes on regardless.'),
    cfg.IntOpt('periodic_interval_max', default=60,
               help='Longest sleep in seconds between two rounds.'),
]

CONF.register_opts(OPTS)
