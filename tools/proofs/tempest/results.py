# SPDX-License-Identifier: Apache-2.0
"""Turn the subunit stream on stdin into a JSON list of tests.

Runs in Tempest's virtual environment.  Each test: name, status (as subunit
has it: success, skip, fail, ...), seconds, and what it said.
"""

import json
import sys

import subunit
import testtools


def main():
    tests = []

    def note(test):
        start, end = test['timestamps']
        if test['id'] and test['status'] != 'exists':
            tests.append({
                'name': test['id'], 'status': test['status'],
                'seconds': (end - start).total_seconds() if end else 0,
                'said': '\n'.join(
                    detail.as_text() for name, detail
                    in sorted(test['details'].items())
                    if detail.content_type.type == 'text')})

    result = testtools.StreamToDict(note)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(
        sys.stdin.buffer, non_subunit_name='stdout').run(result)
    result.stopTestRun()
    json.dump(tests, sys.stdout)


main()
