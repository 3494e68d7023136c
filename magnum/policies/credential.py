# SPDX-License-Identifier: Apache-2.0
"""Who may renew the credential that a cluster's nodes use."""

from magnum.policies import base

ROTATE = 'credential:rotate'
ROTATE_ALL_PROJECTS = 'credential:rotate_all_projects'

RULES = [
    base.operation(ROTATE, base.PROJECT_MEMBER_NOT_CLUSTER_USER,
                   "Renew a cluster's credential.",
                   'PATCH /v1/credentials/{cluster_ident}'),
    base.operation(ROTATE_ALL_PROJECTS, base.ADMIN,
                   "Renew the credential of any project's cluster.",
                   'PATCH /v1/credentials/{cluster_ident}'),
]
