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
    cfg.URIOpt('public_endpoint', schemes=['http', 'https'],
               help='Address of the API for its users, without the version, '
                    'such as https://cloud.example/container-infra, with '
                    'which the links in responses begin. Without it they '
                    'begin with the Host header of the request, which anybody '
                    'may send; set it where responses could be stored by a '
                    'cache, or be shown to others.'),
    cfg.IntOpt('workers', min=0,
               help='Number of worker processes; default, and with 0: one '
                    'for each CPU.'),
    cfg.IntOpt('threads', min=1, default=12,
               help='Threads of each worker process for requests that only '
                    'read, and as many again for requests that change '
                    'something, which may have to wait for other services. A '
                    'third of them, at most, wait for Keystone at the same '
                    'time. Under another WSGI server set it to the number of '
                    'threads of a process there.'),
    cfg.IntOpt('max_connections', min=1, default=500,
               help='Connections that a worker process of magnum-api keeps '
                    'open. One more closes the oldest on which no request '
                    'is being answered.'),
    cfg.IntOpt('header_timeout', min=1, default=10,
               help='Seconds from the acceptance of a connection by '
                    'magnum-api, TLS handshake included, until the head of '
                    'its first request has to be complete.'),
    cfg.IntOpt('body_timeout', min=1, default=30,
               help='Seconds that the body of a request may take to reach '
                    'magnum-api.'),
    cfg.IntOpt('send_timeout', min=1, default=30,
               help='Seconds that a client of magnum-api may take to receive '
                    'a response.'),
    cfg.IntOpt('keepalive_timeout', min=1, default=5,
               help='Seconds that a connection to magnum-api stays open for '
                    'the next request.'),
    cfg.BoolOpt('access_log', default=True,
                help='Whether magnum-api logs one line for each request, '
                     'under the name magnum.api.access: client, method, '
                     'path, status, bytes and seconds, after the ids of '
                     'request, user and project. Health checks are logged at '
                     'level DEBUG, all others at INFO.'),
    cfg.BoolOpt('enabled_ssl', default=False,
                help='Whether magnum-api uses HTTPS, with the files of '
                     'ssl_cert_file and ssl_key_file.'),
    cfg.StrOpt('ssl_cert_file',
               help='Certificate file for HTTPS.'),
    cfg.StrOpt('ssl_key_file',
               help='Private key file for HTTPS.'),
    cfg.IntOpt('idempotency_key_hours', min=1, default=24,
               help='Hours for which a request that was granted gets its '
                    'first response again when it is repeated with the same '
                    'Idempotency-Key header.'),
    cfg.BoolOpt('unversioned_actions', default=False,
                help='Accept a resize, an upgrade, or a request about '
                     'nodegroups without a version header as one of the first '
                     'microversion that supports it (1.7, 1.8, 1.9). When '
                     'off, such a request is one of microversion 1.1, and the '
                     'response is 406. For clients that never send a version; '
                     'requests with a version header are not affected.'),
    cfg.StrOpt('api_paste_config', default='api-paste.ini',
               deprecated_for_removal=True,
               deprecated_reason='The order of the middleware is fixed; the '
                                 'file is not read.',
               help='Ignored. A file of this name is warned about at '
                    'start.'),
]

CONF.register_opts(OPTS, group='api')
