# SPDX-License-Identifier: Apache-2.0
"""Print those of the named RabbitMQ queues that nobody listens on."""

import os
import sys

import kombu

url = os.environ['TRANSPORT_URL'].replace('rabbit:', 'amqp:')
with kombu.Connection(url) as connection:
    for name in sys.argv[1:]:
        try:
            queue = connection.channel().queue_declare(name, passive=True)
            heard = queue.consumer_count
        except connection.channel_errors:
            heard = 0
        if not heard:
            print(name)
