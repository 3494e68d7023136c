# SPDX-License-Identifier: Apache-2.0
"""The helper rules, which the rules of operations are made of.

Keystone implies `member` from `admin` and `reader` from `member`; the rules
rely on it.  Five helpers that no default uses any more stay defined, because
policy files written for release 22.0.0 name them.
"""

from oslo_policy import policy

ADMIN = 'rule:context_is_admin'
MEMBER = 'rule:admin_or_project_member'
READER = 'rule:admin_or_project_reader'
MEMBER_USER = 'rule:admin_or_project_member_user'
READER_USER = 'rule:admin_or_project_reader_user'
MEMBER_USER_OR_CLUSTER_USER = (
    'rule:admin_or_project_member_user_or_cluster_user')
PROJECT_MEMBER_NOT_CLUSTER_USER = 'rule:project_member_deny_cluster_user'
MEMBER_NOT_CLUSTER_USER = 'rule:admin_or_project_member_deny_cluster_user'
READER_NOT_CLUSTER_USER = 'rule:admin_or_project_reader_deny_cluster_user'

_SINCE = 'OpenStack 2023.2 (Magnum 17.0.0)'
_REASON = 'The defaults tell project readers from project members.'

# What is allowed as well while [oslo_policy] enforce_new_defaults is false.
_OWNER = policy.DeprecatedRule(
    name='admin_or_owner',
    check_str='is_admin:True or project_id:%(project_id)s',
    deprecated_reason=_REASON, deprecated_since=_SINCE)
_USER = policy.DeprecatedRule(
    name='admin_or_user',
    check_str='((rule:context_is_admin) or (rule:is_user))',
    deprecated_reason=_REASON, deprecated_since=_SINCE)


def _rule(name, check_str, predecessor=None):
    return policy.RuleDefault(name, check_str, deprecated_rule=predecessor)


def operation(name, check_str, description, *operations):
    """The rule of an operation; `operations` are 'METHOD /path' texts.

    What is for administrators is so with a token of any scope; the rest is
    asked about a project, so the token must be of one.
    """
    return policy.DocumentedRuleDefault(
        name, check_str, description,
        [dict(zip(('method', 'path'), text.split(), strict=True))
         for text in operations],
        scope_types=None if check_str == ADMIN else ['project'])


@policy.register('domain_id')
class _UserDomain(policy.Check):
    """`domain_id:...` compares the domain of the user.

    So do policy files of all releases mean it; what oslo.policy has under
    that name is the domain that a token is of, which tokens of projects lack.
    """

    def __call__(self, target, creds, enforcer, current_rule=None):
        try:
            return self.match % target == creds.get('user_domain_id')
        except KeyError:
            return False


# Rules are read when they are made, so that kinds of checks come first.
RULES = [
    _rule('context_is_admin', 'role:admin'),
    _rule('admin_or_owner', 'is_admin:True or project_id:%(project_id)s'),
    _rule('admin_or_user', 'is_admin:True or user_id:%(user_id)s'),
    _rule('is_user', 'user_id:%(user_id)s'),
    _rule('project_member', 'role:member and project_id:%(project_id)s',
          _OWNER),
    _rule('project_reader', 'role:reader and project_id:%(project_id)s',
          _OWNER),
    _rule('admin_or_project_reader',
          '(rule:context_is_admin) or (rule:project_reader)', _OWNER),
    _rule('admin_or_project_member',
          '(rule:context_is_admin) or (rule:project_member)', _OWNER),
    _rule('admin_or_project_member_user',
          '(rule:context_is_admin) or '
          '((rule:project_member) and (rule:is_user))', _USER),
    _rule('admin_or_project_member_user_or_cluster_user',
          '(rule:context_is_admin) or '
          '((rule:project_member) and (rule:is_user))', _USER),
    _rule('project_member_deny_cluster_user', '(rule:project_member)',
          _OWNER),
    _rule('admin_or_project_member_deny_cluster_user',
          '(rule:context_is_admin) or (rule:project_member)', _OWNER),
    _rule('project_reader_deny_cluster_user', '(rule:project_reader)',
          _OWNER),
    _rule('admin_or_project_reader_deny_cluster_user',
          '(rule:context_is_admin) or (rule:project_reader)', _OWNER),
    _rule('admin_or_project_reader_user',
          '(rule:context_is_admin) or '
          '((rule:project_reader) and (rule:is_user))', _USER),

    _rule('cluster_user', 'user_id:%(trustee_user_id)s'),
    _rule('deny_cluster_user', 'not domain_id:%(trustee_domain_id)s'),
    _rule('user_or_cluster_user', '((rule:is_user) or (rule:cluster_user))'),
    _rule('admin_or_user_or_cluster_user',
          '((rule:context_is_admin) or (rule:user_or_cluster_user))'),
    _rule('admin_or_project_member_cluster_user',
          '(rule:context_is_admin) or '
          '((rule:project_member) and (rule:cluster_user))'),
]
