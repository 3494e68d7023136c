# SPDX-License-Identifier: Apache-2.0
"""Changing only what one has seen: ETag, If-Match, If-None-Match.

The tag of a resource is a digest of what GET answers, byte for byte.  A change
is refused when the caller has seen something else, once before anything is
looked up, and again in the transaction that grants it.
"""

import functools
import hashlib
import json

from webob import etag

from magnum import errors

HEADER, IF_MATCH, IF_NONE_MATCH = 'ETag', 'If-Match', 'If-None-Match'


def of(text):
    """The tag of a body; strong."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def require(call, shown, row, load):
    """Refuse what the call asks if the caller has not seen `row` as it is.

    :param shown: what GET answers of a row.
    :param load: the row as it is then, or None, by a transaction.
    :raises PreconditionFailed: now; or later, in the transaction that grants
        it.
    """
    if call.if_match is etag.AnyETag:
        return
    seen = shown(row)
    if of(json.dumps(seen)) not in call.if_match:
        raise _has_changed()
    call.context.conditions.check = functools.partial(_check, shown, seen,
                                                      load)


def _check(shown, seen, load, session):
    row = load(session)
    if row is None or _lasting(shown(row)) != _lasting(seen):
        raise _has_changed()
    # Whoever reads it later in the transaction reads it anew.
    session.expunge_all()


def _lasting(body):
    # Whoever holds a row has written this column.
    return {name: value for name, value in body.items()
            if name != 'updated_at'}


def _has_changed():
    return errors.PreconditionFailed(
        f'{IF_MATCH}: the resource has changed since it was read: read it '
        'again before you change it.')
