# SPDX-License-Identifier: Apache-2.0
"""Options of the server that magnum-api is.

Apart from the application, so that the process which only watches over the
workers need not load all of it.
"""

from oslo_config import cfg

CONF = cfg.CONF

OPTS = [
    cfg.PortOpt('port', default=9511,
                help='Port that magnum-api listens on.'),
    cfg.IPOpt('host', default='127.0.0.1',
              help='Address that magnum-api listens on.'),
    cfg.IntOpt('workers', min=0,
               help='Number of worker processes; default, and with 0: one '
                    'for each CPU.'),
    cfg.BoolOpt('enabled_ssl', default=False,
                help='Serve HTTPS.'),
    cfg.StrOpt('ssl_cert_file',
               help='Certificate file for HTTPS.'),
    cfg.StrOpt('ssl_key_file',
               help='Private key file for HTTPS.'),
    cfg.BoolOpt('unversioned_actions', default=False,
                help='Take a resize, an upgrade, or a request about '
                     'nodegroups that carries no version header for one of '
                     'the first microversion that has it (1.7, 1.8, 1.9). '
                     'Without this option it is one of 1.1 and answered with '
                     '406. For clients that never send a version. Requests '
                     'that carry one are not affected.'),
    cfg.StrOpt('api_paste_config', default='api-paste.ini',
               deprecated_for_removal=True,
               deprecated_reason='The order of the middleware is fixed; the '
                                 'file is not read.',
               help='Ignored.'),
]

CONF.register_opts(OPTS, group='api')
