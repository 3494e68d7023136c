# SPDX-License-Identifier: Apache-2.0
"""All policy rules: names, defaults, and what each of them guards."""

import itertools

from magnum.policies import base
from magnum.policies import bay
from magnum.policies import certificate
from magnum.policies import cluster
from magnum.policies import cluster_template
from magnum.policies import credential
from magnum.policies import driver
from magnum.policies import federation
from magnum.policies import nodegroup
from magnum.policies import operation
from magnum.policies import quota
from magnum.policies import service
from magnum.policies import stats


def list_rules():
    """Every rule, for the enforcer and for oslo.policy's tools."""
    return list(itertools.chain(
        base.RULES, bay.RULES, certificate.RULES, cluster.RULES,
        cluster_template.RULES,
        credential.RULES, driver.RULES, federation.RULES, nodegroup.RULES,
        operation.RULES, quota.RULES, service.RULES, stats.RULES))
