# SPDX-License-Identifier: Apache-2.0
"""Who asks: the request context, from the headers of keystonemiddleware."""

from oslo_context import context


class RequestContext(context.RequestContext):
    """One caller, for the time of one request or one operation.

    `auth_plugin` is keystonemiddleware's, ready with token and catalogue, and
    exists only inside the API; it never travels.  `is_admin` is the result of
    policy rule `context_is_admin`, filled in by the API, and so is
    `trustee_domain_id`: policies may refuse the users of clusters.
    """

    def __init__(self, auth_plugin=None, **values):
        super().__init__(**values)
        self.auth_plugin = auth_plugin
        self.trustee_domain_id = None

    @classmethod
    def from_environ(cls, environ, **values):
        values.setdefault('auth_plugin', environ.get('keystone.token_auth'))
        # One id in the answer, the logs and the operation row.
        request_id = environ.get('openstack.request_id')
        if request_id:
            values.setdefault('request_id', request_id)
        return super().from_environ(environ, **values)


def service_context(request_id=None):
    """The context of work that no user asked for, such as upkeep."""
    return RequestContext(is_admin=True, request_id=request_id,
                          overwrite=False)
