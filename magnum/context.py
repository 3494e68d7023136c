# SPDX-License-Identifier: Apache-2.0
"""Who asks, and whose log lines these are: the request context.

A thread works for one request after the other.  Whatever it logs, and asks of
other services, goes under the context that it has at the time; whoever takes
a request or an operation up says so with `of`, and nobody else.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib

from oslo_context import context

current = context.get_current


class Conditions:
    """What a request asks of the transaction that grants it; here nothing."""

    def check(self, session):
        """Refuse, now that the rows are held and nothing is changed yet."""

    def keep(self, session, operation=None, body=None):
        """Write down what the answer will be.

        :param operation: what was recorded, if that is how it is granted.
        :param body: of the answer, if it is not.
        """


class RequestContext(context.RequestContext):
    """One caller, for the time of one request or one operation.

    `auth_plugin` is keystonemiddleware's, ready with token and catalogue, and
    exists only inside the API; it never travels.  `is_admin` is the result of
    policy rule `context_is_admin`, filled in by the API, and so is
    `trustee_domain_id`: policies may refuse the users of clusters.
    Whoever grants what is asked does so under its `conditions`.
    """

    def __init__(self, auth_plugin=None, **values):
        super().__init__(**values)
        self.auth_plugin = auth_plugin
        self.trustee_domain_id = None
        self.conditions = Conditions()

    @classmethod
    def from_environ(cls, environ, **values):
        values.setdefault('auth_plugin', environ.get('keystone.token_auth'))
        return super().from_environ(environ, **values)

    @classmethod
    def unknown(cls, environ):
        """The request of somebody whose token was not looked at yet."""
        return cls(request_id=environ.get('openstack.request_id'),
                   global_request_id=environ.get(
                       'openstack.global_request_id'))


@contextlib.contextmanager
def of(found: context.RequestContext) -> Iterator[None]:
    """Let this thread work for a request, and forget it at the end."""
    found.update_store()
    try:
        yield
    finally:
        # Another one may have taken its place.  The library offers this to
        # tests only.
        with contextlib.suppress(AttributeError):
            del context._request_store.context


def joining() -> Callable[[], None] | None:
    """The initializer of threads that work for this thread's request."""
    found = current()
    return found and found.update_store
