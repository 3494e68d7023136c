# SPDX-License-Identifier: Apache-2.0
"""Accounts of clusters whose owners cannot give a trust.

Keystone lets nobody who logged in with an application credential make
trusts, neither us for the nodes nor Heat for the stack.  The user of such a
cluster, in the domain of clusters' users, gets the roles of the credential in
the project itself.  As that user the service builds and changes the cluster,
and Heat's trust is of that user's.  The roles go when the user does.
"""

from typing import Any

from oslo_config import cfg

from magnum import errors
from magnum import identity
from magnum import openstack
from magnum import seals

CONF = cfg.CONF

OPTS = [
    cfg.BoolOpt('accept_application_credentials', default=True,
                help='Let users who logged in with an application credential '
                     'create clusters. Keystone does not let them create '
                     'trusts, so the Keystone user of the cluster gets the '
                     'roles of the credential in the project, for as long as '
                     'the cluster exists, even if the credential is deleted. '
                     'The service user of [keystone_auth] must be allowed to '
                     'assign roles in projects. Credentials with access rules '
                     'are refused in any case.'),
]

CONF.register_opts(OPTS, group='trust')

_REFUSED = ('This request was made with an application credential. Keystone '
            'does not let application credentials create trusts, which '
            'building a cluster needs. ')
_OTHERWISE = ' Log in with a password or by federation instead.'


def is_needed(cloud: openstack.Cloud, project_id: str) -> bool:
    """Whether a cluster of this caller has to act by an account of its own.

    Keystone is asked only about application credentials.

    :param cloud: the cloud as the caller.
    :raises Forbidden: it is needed, and cannot be had.
    """
    if (not cloud.has_application_credential
            or identity.may_give_trusts(cloud)):
        return False
    if not CONF.trust.accept_application_credentials:
        raise _refusal('This cloud does not create accounts for clusters '
                       '([trust] accept_application_credentials is off).')
    if cloud.has_access_rules:
        raise _refusal('A cluster can be given the roles of the credential, '
                       'but not its access rules.')
    try:
        identity.delegable(cloud.roles)
    except errors.InfrastructureFailed as e:
        raise _refusal(str(e)) from None
    try:
        identity.trustee_domain_id()
        _assignments(project_id, openstack.service_cloud().user_id)
    except (errors.Forbidden, errors.InfrastructureFailed) as e:
        raise _refusal('The operator has to allow this service to create '
                       f'users and assign roles to them ({e}).') from None
    return True


def _refusal(reason: str) -> errors.Forbidden:
    return errors.Forbidden(_REFUSED + reason + _OTHERWISE,
                            code='TRUST_NEEDED')


def make(cloud: openstack.Cloud, cluster_uuid: str,
         project_id: str) -> dict[str, str]:
    """Make the cluster's user and give it roles, or adopt what a crash left.

    :param cloud: the cloud as the caller, whose roles the user gets.
    :returns: columns of the cluster; the password among them is sealed.
    """
    roles = identity.delegable(cloud.roles)
    made, _ = identity.make_user(cluster_uuid, project_id)
    for role in roles:
        _assign(project_id, made['trustee_user_id'], _role_id(role))
    return made


def has(cluster: Any) -> bool:
    """Whether a cluster, as a row, acts by an account of its own."""
    return bool(cluster.trustee_user_id and not cluster.trust_id)


def cloud_of(cluster: Any) -> openstack.Cloud:
    """The cloud as the cluster's own account.

    :raises AuthorisationEnded: the account is gone, or its password lost.
    """
    try:
        password = identity.open_password(cluster.trustee_password)
    except seals.CannotOpen:
        raise errors.AuthorisationEnded(
            "the password of the cluster's Keystone user was sealed with a "
            'key that is not configured here') from None
    return openstack.account_cloud(cluster.trustee_user_id, password,
                                   cluster.project_id)


def _role_id(name: str) -> str:
    with openstack.translated('Keystone'):
        found = openstack.service_session().get(
            f'{openstack.keystone_url()}/roles', params={'name': name},
            headers={'Accept': 'application/json'}).json()['roles']
    if not found:
        raise errors.InfrastructureFailed(
            f'Keystone no longer has role {name}, which the requester of this '
            'cluster had.')
    return found[0]['id']


def _assign(project_id: str, user_id: str, role_id: str) -> None:
    with openstack.translated('Keystone'):
        openstack.service_session().put(
            f'{openstack.keystone_url()}/projects/{project_id}/users/'
            f'{user_id}/roles/{role_id}')


def _assignments(project_id: str, user_id: str) -> None:
    """Look at roles of a user; who may is likely to be able to assign them.
    """
    with openstack.translated('Keystone'):
        openstack.service_session().get(
            f'{openstack.keystone_url()}/projects/{project_id}/users/'
            f'{user_id}/roles', headers={'Accept': 'application/json'})
