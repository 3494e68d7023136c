# SPDX-License-Identifier: Apache-2.0
"""Sessions that log calls without what is in them, and say what they are for.

At level DEBUG keystoneauth logs the body of each request and answer as it is:
the passwords of clusters' users and the keys of their authorities too.  Ours
log one line for each call instead, under this module's name.  Each call has
the id of the request that this thread works for, so that it is found again in
the other service's log.
"""

from typing import Any

from keystoneauth1.loading import session as session_loading
from keystoneauth1 import session as ka_session
from oslo_log import log
import requests

from magnum import context as contexts

LOG = log.getLogger(__name__)


class Session(ka_session.Session):
    """A session that logs the method, the address and the status."""

    def request(self, url: str, method: str,
                *args: Any, **kwargs: Any) -> requests.Response:
        kwargs['log'] = False
        context = contexts.current()
        if context is not None:
            kwargs['global_request_id'] = context.global_id
        response = super().request(url, method, *args, **kwargs)
        LOG.debug('%s %s answered %d.', method, response.url,
                  response.status_code)
        return response


class Loader(session_loading.Session):
    """Makes one from the options of a group."""

    @property
    def plugin_class(self) -> type[ka_session.Session]:
        return Session
