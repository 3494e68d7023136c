# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the one place that asks oslo.policy.

    policy.authorize(context, policies.cluster.GET, cluster)

raises when the caller may not.  The rules are in `magnum.policies`, an
operator's changes of them in `[oslo_policy] policy_file`.
"""

import argparse
from collections.abc import Mapping
import threading

from oslo_config import cfg
from oslo_policy import opts
from oslo_policy import policy

from magnum import errors
from magnum import policies

CONF = cfg.CONF

opts.set_defaults(CONF)

_lock = threading.Lock()
_enforcer = None

# What a rule may compare with, where the thing acted upon has it.
_ATTRIBUTES = ('project_id', 'user_id', 'trustee_user_id')


def authorize(context, rule, target=None):
    """Raise unless the caller may do what `rule` guards.

    :param target: the row acted upon, or a mapping; without it the rule is
        asked about the caller's own project and user.
    :raises PolicyNotAuthorized: the caller may not.
    """
    if not allowed(context, rule, target):
        raise errors.PolicyNotAuthorized(rule)


def allowed(context, rule, target=None):
    """Whether the caller may do what `rule` guards."""
    credentials = dict(context.to_policy_values())
    credentials['is_admin'] = context.is_admin
    target = _target(context, target)
    if context.trustee_domain_id is not None:
        target['trustee_domain_id'] = context.trustee_domain_id
    return bool(enforcer().authorize(rule, target, credentials))


def is_admin(context):
    """Whether rule `context_is_admin` holds for the caller."""
    return bool(enforcer().enforce('context_is_admin', {},
                                   dict(context.to_policy_values())))


def enforcer():
    """The process's enforcer, made when it is first asked."""
    global _enforcer
    if _enforcer is None:
        with _lock:
            if _enforcer is None:
                made = policy.Enforcer(CONF)
                made.register_defaults(policies.list_rules())
                _enforcer = made
    return _enforcer


def reset():
    """Forget the enforcer, as between tests."""
    global _enforcer
    with _lock:
        _enforcer = None


def get_enforcer():
    """The enforcer, for oslo.policy's tools, which parse no configuration."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ('--config-file', '--config-dir'):
        parser.add_argument(option, action='append', default=[])
    given, _ = parser.parse_known_args()
    CONF([*(f'--config-file={path}' for path in given.config_file),
          *(f'--config-dir={path}' for path in given.config_dir)],
         project='magnum')
    return enforcer()


def _target(context, target):
    if target is None:
        return {'project_id': context.project_id, 'user_id': context.user_id}
    if isinstance(target, Mapping):
        return dict(target)
    return {name: getattr(target, name) for name in _ATTRIBUTES
            if hasattr(target, name)}
