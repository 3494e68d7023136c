# SPDX-License-Identifier: Apache-2.0
"""Delegation: a user of the cluster's own, and what it may do.

Nodes act in the cloud as a *trustee*: a user in the trustee domain, made for
one cluster, that holds a trust of the cluster's owner.  Its name is made from
the cluster's uuid, so that who comes back after a crash finds it.

Also here: sealing the token of a request, so that whichever conductor works
on it can act as the one who asked.
"""

import random
import threading
from typing import Any

from keystoneauth1 import exceptions as ka_exc
from keystoneauth1.identity import v3
from oslo_config import cfg
from oslo_log import log

from magnum import context as contexts
from magnum import errors
from magnum import openstack
from magnum import seals

LOG = log.getLogger(__name__)
CONF = cfg.CONF

TRUST_OPTS = [
    cfg.BoolOpt('cluster_user_trust', default=False,
                help='Make a Keystone user for each cluster, with a trust of '
                     "the cluster's owner, and hand both to the nodes, so "
                     'that volume and load balancer controllers can act for '
                     'the owner. When off, neither is made.'),
    cfg.StrOpt('trustee_domain_id',
               help='Id of the domain in which a user is made for each '
                    'cluster.'),
    cfg.StrOpt('trustee_domain_name',
               help='Name of the domain in which a user is made for each '
                    'cluster, when trustee_domain_id is not set.'),
    cfg.StrOpt('trustee_domain_admin_id',
               help='Id of the user who administers the domain of the '
                    "clusters' users."),
    cfg.StrOpt('trustee_domain_admin_name',
               help='Name of the user who administers the domain of the '
                    "clusters' users, when trustee_domain_admin_id is not "
                    'set.'),
    cfg.StrOpt('trustee_domain_admin_domain_id',
               help='Id of the domain that the domain administrator belongs '
                    "to, when that is not the domain of the clusters' users."),
    cfg.StrOpt('trustee_domain_admin_domain_name',
               help='Name of the domain that the domain administrator belongs '
                    "to, when that is not the domain of the clusters' users."),
    cfg.StrOpt('trustee_domain_admin_password', secret=True,
               help="Password of the administrator of the clusters' users."),
    cfg.ListOpt('roles', default=[],
                help="Names of the owner's roles that a cluster's user may "
                     'get. When empty: all that the owner has, except admin, '
                     'manager and service. Upper and lower case are the '
                     'same.'),
    cfg.StrOpt('trustee_keystone_interface', default='public',
               help="Interface of Keystone's endpoint that nodes are given."),
    cfg.StrOpt('trustee_keystone_region_name',
               help="Region of Keystone's endpoint that nodes are given."),
]

PASSWORD_OPTS = [
    cfg.ListOpt('password_symbols',
                default=['23456789', 'ABCDEFGHJKLMNPQRSTUVWXYZ',
                         'abcdefghijkmnopqrstuvwxyz'],
                help='Groups of characters of generated passwords, which have '
                     'at least one of each.'),
]

CONF.register_opts(TRUST_OPTS, group='trust')
CONF.register_opts(PASSWORD_OPTS)

PASSWORD_LENGTH = 18

# What no node needs; policies compare names of roles without regard to case.
_PRIVILEGED = frozenset({'admin', 'manager', 'service'})

# Nobody changes a trustee's password by hand, whatever Keystone's rules ask.
_OPTIONS = {'ignore_password_expiry': True,
            'ignore_change_password_upon_first_use': True}

_lock = threading.Lock()
_admin: tuple[Any, str] | None = None


def seal(token: str) -> str:
    """The token as it may stand in the database."""
    return seals.TOKENS.seal(token)


def unseal(sealed: str) -> str:
    """The token that was sealed.

    :raises AuthorisationEnded: no key of ours opens it.
    """
    try:
        return seals.TOKENS.unseal(sealed)
    except seals.CannotOpen:
        raise errors.AuthorisationEnded(
            'the token was sealed with a key that is not configured '
            'here') from None


def trustee_name(cluster_uuid: str, project_id: str) -> str:
    """What older releases also called it; they parse the project from it."""
    return f'{cluster_uuid}_{project_id}'


def delegate(cloud: openstack.Cloud, cluster_uuid: str,
             project_id: str) -> dict[str, str]:
    """Make the cluster's user and trust, or adopt what a crash left.

    The cloud's user is the trustor.  The values are columns of the cluster;
    the password among them is sealed.
    """
    roles = delegable(cloud.roles)
    made, adopted = make_user(cluster_uuid, project_id)
    user_id = made['trustee_user_id']
    trust_id = _find_trust(cloud, user_id, project_id) if adopted else None
    if trust_id is None:
        trust_id = _create_trust(cloud, user_id, project_id, roles)
    return {**made, 'trust_id': trust_id}


def make_user(cluster_uuid: str, project_id: str
              ) -> tuple[dict[str, str], bool]:
    """(columns of the cluster, whether it was there): the cluster's user.

    It has a new password, which is sealed among the columns.
    """
    name = trustee_name(cluster_uuid, project_id)
    password = generate_password()
    user_id, adopted = ensure_user(name, password, cluster_uuid)
    return {'trustee_user_id': user_id, 'trustee_username': name,
            'trustee_password': seals.KEPT.seal(password)}, adopted


def delegable(roles: list[str]) -> list[str]:
    """Those of somebody's roles that a cluster's user may get.

    :raises InfrastructureFailed: there is none.
    """
    allowed = {role.lower() for role in CONF.trust.roles}
    chosen = [role for role in roles
              if (role.lower() in allowed if allowed
                  else role.lower() not in _PRIVILEGED)]
    if not chosen:
        raise errors.InfrastructureFailed(
            f'No role can be delegated to the cluster: its owner has '
            f'{", ".join(sorted(roles)) or "none"} in this project, and '
            f'[trust] roles allows '
            f'{", ".join(CONF.trust.roles) or "all but privileged roles"}.')
    return chosen


def is_delegating() -> bool:
    """Whether clusters get a user and a trust at all."""
    return CONF.trust.cluster_user_trust


def check() -> None:
    """Log in as the administrator of the trustee domain.

    :raises InfrastructureFailed: [trust] does not say who that is.
    :raises ServiceUnavailable: Keystone refuses, or does not answer.
    """
    session, _ = _domain_admin()
    with openstack.translated('Keystone'):
        session.auth.get_access(session)


def may_give_trusts(cloud: openstack.Cloud) -> bool:
    """Whether Keystone lets this login make trusts."""
    try:
        with openstack.translated('Keystone'):
            cloud.session.get(
                f'{openstack.keystone_url()}/OS-TRUST/trusts',
                params={'trustor_user_id': cloud.user_id},
                headers={'Accept': 'application/json'}, connect_retries=1)
    except errors.Forbidden:
        return False
    return True


def open_password(stored: str | None) -> str:
    """The password of a cluster's user; release 22.0.0 stored it plainly.

    :raises CannotOpen: no key that is configured here opens it.
    """
    if not stored or not seals.KEPT.is_sealed(stored):
        return stored or ''
    return seals.KEPT.unseal(stored)


def retire(cluster_uuid: str, project_id: str,
           trustee_user_id: str | None = None,
           trust_id: str | None = None) -> None:
    """Remove the cluster's user; what is already gone is a success.

    Keystone removes the trusts that a user holds together with the user, so
    nobody has to act as the trustor, who may have left.
    """
    if trustee_user_id is None and not _has_domain():
        return
    name = trustee_name(cluster_uuid, project_id)
    try:
        session, domain_id = _domain_admin()
        user_id = trustee_user_id or _find_user(session, domain_id, name)
        if user_id is not None:
            _delete_user(session, user_id)
    except errors.MagnumError as e:
        if not _is_lasting(e):
            raise
        LOG.warning('The domain administrator cannot remove the Keystone user '
                    'of cluster %s: %s', cluster_uuid, e)
        _retire_as_service(name, trustee_user_id)


def _retire_as_service(name: str, user_id: str | None) -> None:
    """Remove a user with the service's own rights, if these allow it.

    A cluster must not stay for ever because nobody may remove its user.
    """
    try:
        if user_id is not None:
            _delete_user(openstack.service_session(), user_id)
            return
    except errors.MagnumError as e:
        if not _is_lasting(e):
            raise
    LOG.warning("Remove user %s (%s) from the domain of clusters' users "
                'yourself, if it exists: this service cannot.', name,
                user_id or 'id not known')


def _is_lasting(error: errors.MagnumError) -> bool:
    """Whether Keystone, or the configuration, will refuse again."""
    return (not isinstance(error, errors.Temporary)
            or isinstance(error.__cause__, ka_exc.Unauthorized))


def _delete_user(session: Any, user_id: str) -> None:
    try:
        with openstack.translated('Keystone'):
            session.delete(f'{openstack.keystone_url()}/users/{user_id}')
    except errors.NotFound:
        LOG.debug('Trustee %s was gone already.', user_id)


def trustee_domain_id() -> str:
    """The domain of all trustees."""
    return _domain_admin()[1]


def trustee_domain_seen_by(context: contexts.RequestContext) -> str | None:
    """The domain of all trustees, as far as it is known without a question.

    Where only its name is configured, and names of domains are unique, a
    caller who is in it tells its id; for all others it makes no difference.
    """
    if CONF.trust.trustee_domain_id:
        return CONF.trust.trustee_domain_id
    name = CONF.trust.trustee_domain_name
    if name and context.user_domain_name == name:
        return context.user_domain_id
    return None


def node_auth_url() -> str:
    """Keystone's address for nodes; ends in /v3."""
    return openstack.service_cloud().auth_url(
        CONF.trust.trustee_keystone_interface,
        CONF.trust.trustee_keystone_region_name)


def trust_id_for_nodes(trust_id: str | None) -> str:
    """What nodes are told of the trust: nothing, unless configured."""
    return (trust_id or '') if CONF.trust.cluster_user_trust else ''


def generate_password() -> str:
    """At least one character of each configured group, in random order."""
    choice = random.SystemRandom()
    groups = CONF.password_symbols
    letters = [choice.choice(group) for group in groups]
    letters += [choice.choice(choice.choice(groups))
                for _ in range(PASSWORD_LENGTH - len(letters))]
    choice.shuffle(letters)
    return ''.join(letters)


def reset() -> None:
    """Forget the domain admin's session, as between tests."""
    global _admin
    with _lock:
        _admin = None


def _domain_admin() -> tuple[Any, str]:
    """The session of the trustee domain's admin, and the domain's id."""
    global _admin
    with _lock:
        if _admin is None:
            session = openstack.session_for(_domain_admin_login())
            domain_id = CONF.trust.trustee_domain_id
            if not domain_id:
                with openstack.translated('Keystone'):
                    domain_id = session.auth.get_access(session).domain_id
            _admin = session, domain_id
    return _admin


def _has_domain() -> bool:
    return bool(CONF.trust.trustee_domain_id or CONF.trust.trustee_domain_name)


def _domain_admin_login() -> v3.Password:
    conf = CONF.trust
    domain = {'domain_id': conf.trustee_domain_id,
              'domain_name': conf.trustee_domain_name}
    if not _has_domain():
        raise errors.InfrastructureFailed(
            'The operator has configured no domain for the users of clusters '
            '([trust] trustee_domain_id or trustee_domain_name).')
    if conf.trustee_domain_id:
        domain['domain_name'] = None
    own_id = conf.trustee_domain_admin_domain_id
    own_name = conf.trustee_domain_admin_domain_name
    if not (own_id or own_name):
        own_id, own_name = domain['domain_id'], domain['domain_name']
    return v3.Password(
        auth_url=openstack.keystone_url(),
        user_id=conf.trustee_domain_admin_id,
        username=(None if conf.trustee_domain_admin_id
                  else conf.trustee_domain_admin_name),
        user_domain_id=None if conf.trustee_domain_admin_id else own_id,
        user_domain_name=None if conf.trustee_domain_admin_id else own_name,
        password=conf.trustee_domain_admin_password, **domain)


def ensure_user(name: str, password: str,
                cluster_uuid: str) -> tuple[str, bool]:
    """(id, whether it was there): the user, with this password."""
    session, domain_id = _domain_admin()
    url = f'{openstack.keystone_url()}/users'
    try:
        with openstack.translated('Keystone'):
            made = session.post(url, json={'user': {
                'name': name, 'password': password, 'domain_id': domain_id,
                'description': f'Acts for the nodes of cluster '
                               f'{cluster_uuid}.',
                'options': _OPTIONS}})
        return made.json()['user']['id'], False
    except errors.Conflict:
        user_id = _find_user(session, domain_id, name)
    if user_id is None:
        raise errors.ServiceUnavailable(
            f'Keystone rejected user {name} as a duplicate, but has no user '
            'with that name.')
    with openstack.translated('Keystone'):
        session.patch(f'{url}/{user_id}', json={'user': {
            'password': password}})
    return user_id, True


def _find_user(session: Any, domain_id: str, name: str) -> str | None:
    with openstack.translated('Keystone'):
        found = session.get(f'{openstack.keystone_url()}/users', params={
            'name': name, 'domain_id': domain_id}).json()['users']
    return found[0]['id'] if found else None


def _find_trust(cloud: openstack.Cloud, trustee_user_id: str,
                project_id: str) -> str | None:
    # Asked for a trustor and a trustee, Keystone looks at the trustor alone.
    with openstack.translated('Keystone'):
        found = cloud.session.get(
            f'{openstack.keystone_url()}/OS-TRUST/trusts', params={
                'trustor_user_id': cloud.user_id}).json()['trusts']
    for trust in found:
        if (trust['trustee_user_id'], trust['project_id']) == (
                trustee_user_id, project_id):
            return trust['id']
    return None


def _create_trust(cloud: openstack.Cloud, trustee_user_id: str,
                  project_id: str, roles: list[str]) -> str:
    with openstack.translated('Keystone'):
        made = cloud.session.post(
            f'{openstack.keystone_url()}/OS-TRUST/trusts', json={'trust': {
                'trustor_user_id': cloud.user_id,
                'trustee_user_id': trustee_user_id,
                'project_id': project_id, 'impersonation': True,
                'allow_redelegation': False,
                'roles': [{'name': role} for role in roles]}})
    return made.json()['trust']['id']
