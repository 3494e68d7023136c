# SPDX-License-Identifier: Apache-2.0
"""Requests that may be sent again: the header Idempotency-Key.

Whoever did not get an answer sends the request once more, with the same key,
and gets the answer that the first one had.  Kept is what was granted; what was
refused has changed nothing, and is asked anew.
"""

import hashlib
import json
import re

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log
from oslo_utils import uuidutils

from magnum.api import options  # noqa: F401  (registers [api])
from magnum import context as contexts
from magnum.db import idempotency
from magnum.db import session as db
from magnum import errors

LOG = log.getLogger(__name__)
CONF = cfg.CONF

HEADER = 'Idempotency-Key'
LONGEST = 255
PATTERN = rf'[!-~]{{1,{LONGEST}}}'

# How long a request may be worked on until it is thought dead.  One that is
# not fails when it wants to write.
WORK_SECONDS = 120


class Receipt(contexts.Conditions):
    """Keeps the answer to one request in the transaction that grants it."""

    def __init__(self, call, reservation):
        self._call, self._reservation = call, reservation
        self._granting = call.context.conditions
        self.check = self._granting.check
        self.answer = None

    def keep(self, session, operation=None, body=None):
        call = self._call
        self._granting.keep(session, operation, body)
        if operation is not None:
            body = call.answer_to(session, operation)
        answer = {'status': call.status, 'headers': dict(call.headers),
                  'body': None if body is None else json.dumps(body)}
        if not idempotency.grant(session, self._reservation,
                                 CONF.api.idempotency_key_hours * 3600,
                                 **answer):
            raise _in_use()
        self.answer = answer


def once(call, request, function):
    """The answer to a request: (status, headers, body as text).

    :param function: does what is asked, and returns the body.
    :raises KeyReused: the key was that of another request.
    :raises Conflict: the same request is being worked on.
    """
    reservation = _reservation(call, request)
    first = idempotency.reserve(reservation, WORK_SECONDS)
    if first is not None:
        return _first_answer(first, reservation)
    receipt = call.context.conditions = Receipt(call, reservation)
    try:
        body = function()
        if receipt.answer is None:
            # Nothing had to be changed, or what was may be done again.
            db.write(receipt.keep, body=body)
    except BaseException:
        _release(reservation)
        raise
    return tuple(receipt.answer.values())


def _reservation(call, request):
    key = request.headers[HEADER]
    if not re.fullmatch(PATTERN, key):
        raise errors.InvalidParameter(
            f'header {HEADER}', f'it must have 1 to {LONGEST} characters, '
                                f'all of them visible ones of ASCII.')
    context = call.context
    same = [request.method, request.path_info, call.version, call.query,
            call.body, call.changes, context.user_id]
    return idempotency.Reservation(
        _digest([context.project_id, key]), _digest(same),
        uuidutils.generate_uuid())


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()
                          ).hexdigest()


def _first_answer(row, reservation):
    if row.request_digest != reservation.request_digest:
        raise errors.KeyReused(
            f'{HEADER} was used for another request of this project: choose '
            f'a new one for each request that is not a repetition.')
    if row.status is None:
        raise _in_use()
    return row.status, row.headers, row.body


def _in_use():
    return errors.Conflict(
        f'A request with this {HEADER} is being worked on: send it again '
        f'later.', code='IDEMPOTENCY_KEY_IN_USE')


def _release(reservation):
    try:
        db.write(idempotency.release, reservation)
    except db_exc.DBError as e:
        # It lapses.
        LOG.warning('An idempotency key stays reserved for %d s: %s',
                    WORK_SECONDS, type(e).__name__)
