# SPDX-License-Identifier: Apache-2.0
"""What schemathesis calls while it works for the fuzzing.

Counts the answers, by operation and status, into the file FUZZ_SEEN.
"""

import atexit
import collections
import json
import os

import schemathesis
from schemathesis.openapi import checks

SEEN = collections.Counter()


@schemathesis.hook
def after_call(context, case, response):
    SEEN[case.method, case.operation.path, response.status_code] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if response is None:
        return True
    # Below its microversion a path is not there, whatever the method.
    if (isinstance(failure, checks.UnsupportedMethodResponse)
            and response.status_code == 406):
        return False
    # What another service fails at is not the API's fault, if it says so.
    return (response.status_code != 503
            or b'answered with status' not in response.content)


@atexit.register
def write():
    with open(os.environ['FUZZ_SEEN'], 'w') as seen:
        for key, number in SEEN.items():
            print(json.dumps([*key, number]), file=seen)
