# SPDX-License-Identifier: Apache-2.0
"""The other services of the cloud: the one place that makes clients for them.

    service_cloud()         as the service's own user
    request_cloud(context)  as the caller of the request at hand (API)
    token_cloud(token)      as the owner of a bare token (conductor)

    account_cloud(...)      as a cluster's own user, in its project

All of them give a `Cloud`.  What goes wrong comes out as one of
`magnum.errors`; code that uses a client of `Cloud` directly wraps the call in
`translated`.
"""

from magnum.openstack import cloud
from magnum.openstack import sessions
from magnum.openstack import translate

Cloud = cloud.Cloud
translated = translate.translated

account_cloud = sessions.account_cloud
keystone_url = sessions.keystone_url
request_cloud = sessions.request_cloud
reset = sessions.reset
service_cloud = sessions.service_cloud
service_session = sessions.service_session
session_for = sessions.session_for
token_cloud = sessions.token_cloud
