# SPDX-License-Identifier: Apache-2.0
"""What schemathesis calls while it works for tools/fuzz.py.

Counts the answers, by operation and status, into the file FUZZ_SEEN.
"""

import atexit
import collections
import json
import os

import schemathesis

SEEN = collections.Counter()


@schemathesis.hook
def after_call(context, case, response):
    SEEN[case.method, case.operation.path, response.status_code] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # What another service fails at is not the API's fault, if it says so.
    return (response is None or response.status_code != 503
            or b'answered with status' not in response.content)


@atexit.register
def write():
    with open(os.environ['FUZZ_SEEN'], 'w') as seen:
        for key, number in SEEN.items():
            print(json.dumps([*key, number]), file=seen)
