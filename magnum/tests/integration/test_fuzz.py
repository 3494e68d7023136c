# SPDX-License-Identifier: Apache-2.0
"""Requests made up from the API's description, with a real token."""

import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]


def test_no_request_makes_the_service_fail(demo2):
    url = demo2.http.get_endpoint().partition('/v1')[0]
    done = subprocess.run(
        [sys.executable, TOP / 'tools/fuzz.py', '--url', url,
         '--count', '1000', '--seconds', '300'],
        env=os.environ | {'OS_TOKEN': demo2.cloud.auth_token},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert ' of 401' not in done.stdout.partition(' requests: ')[2]
