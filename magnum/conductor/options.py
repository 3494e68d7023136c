# SPDX-License-Identifier: Apache-2.0
"""Options of what a conductor does by the clock."""

from oslo_config import cfg

CONF = cfg.CONF

OPTS = [
    cfg.BoolOpt('periodic_enable', default=True,
                help='Whether this conductor observes the status and health '
                     'of clusters that nobody is changing. The heartbeat does '
                     'not depend on it.'),
    cfg.IntOpt('periodic_interval_max', default=60,
               help='Longest pause in seconds between two rounds of looking '
                    'after clusters.'),
]

CONF.register_opts(OPTS)
