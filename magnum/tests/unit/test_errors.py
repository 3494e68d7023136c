# SPDX-License-Identifier: Apache-2.0
"""What each error tells programs: a status and a word."""

import re

import pytest

from magnum import errors


def classes(kind=errors.MagnumError):
    return [kind] + [found for below in kind.__subclasses__()
                     if below.__module__ == errors.__name__
                     for found in classes(below)]


def test_every_error_has_a_word_of_its_own():
    codes = [kind.__dict__['code'] for kind in classes()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch('[A-Z]+(_[A-Z]+)*', code) for code in codes)


@pytest.mark.parametrize('kind', classes())
def test_every_error_has_a_status(kind):
    assert kind.http_status in {400, 403, 404, 406, 409, 412, 415, 422,
                                500, 503}


def test_an_error_may_carry_a_code_that_says_more():
    error = errors.Conflict('Heat: busy', 'CLOUD_CONFLICT')
    assert (error.code, error.http_status) == ('CLOUD_CONFLICT', 409)
    assert errors.Conflict.code == 'CONFLICT'
    assert errors.QuotaExceeded('cluster', 20).code == 'QUOTA_EXCEEDED'
