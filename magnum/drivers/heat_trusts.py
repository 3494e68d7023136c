# SPDX-License-Identifier: Apache-2.0
"""Stacks whose owner has gone.

Heat holds a trust of whoever changed a stack last.  When another user changes
or deletes the stack, Heat makes a trust of that user's and removes the old
one, in the name of its trustor.  Keystone refuses that name when the trustor
is disabled or has lost a role; then Heat answers 500 to everybody, and leaves
the new trust behind each time.  Of a trust that Keystone does not know any
more Heat makes nothing, so this module removes those that are of no use.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from oslo_log import log

from magnum import errors
from magnum import openstack

LOG = log.getLogger(__name__)


def changed(cloud: openstack.Cloud, owner_id: str, project_id: str,
            change: Callable[[], None]) -> None:
    """Make a change of a stack, whoever of its users has gone.

    Only what Keystone refuses anyway is removed, one trust after another
    until Heat takes the change: which trust is the stack's Heat does not say.

    :param owner_id: who is likely to have changed the stack before.
    """
    try:
        change()
        return
    except errors.ServiceFailed as e:
        failure = e
    own, service = Keystone(cloud), Keystone(openstack.service_cloud())
    heats = _left_behind(change, own, cloud.user_id)
    if heats is None:
        return
    try:
        for trust in _of_no_use(service, owner_id, project_id, heats):
            LOG.warning('Keystone refuses trust %s of user %s, and so Heat '
                        'fails: removing it.', trust['id'],
                        trust['trustor_user_id'])
            service.remove(trust)
            if _left_behind(change, own, cloud.user_id) is None:
                return
    except errors.Forbidden as e:
        raise errors.ServiceUnavailable(
            f'{failure} Heat is probably no longer allowed to act for the '
            'owner of the stack, and this service is not allowed to replace '
            f'the trust that Heat uses ({e}): ask the operator to remove that '
            'trust.') from e
    raise failure


def _left_behind(change: Callable[[], None], own: 'Keystone',
                 user_id: str) -> set[str] | None:
    """None: the change is made; else for whom Heat made a trust in vain."""
    before = own.trusts(trustor_user_id=user_id)
    try:
        change()
    except errors.ServiceFailed:
        pass
    else:
        return None
    made = [trust for ident, trust
            in own.trusts(trustor_user_id=user_id).items()
            if ident not in before]
    # Of several, some may be for what the same user does elsewhere.
    if len(made) == 1:
        own.remove(made[0])
    return {trust['trustee_user_id'] for trust in made}


def _of_no_use(service: 'Keystone', owner_id: str, project_id: str,
               heats: set[str]) -> Iterator[Mapping[str, Any]]:
    """The trusts held by Heat for this project that Keystone refuses."""
    seen = set()
    queries = [{'trustor_user_id': owner_id},
               *({'trustee_user_id': heat} for heat in sorted(heats))]
    for query in queries:
        for trust in service.trusts(**query).values():
            if (trust['id'] in seen or trust['project_id'] != project_id
                    or trust['trustee_user_id'] not in heats):
                continue
            seen.add(trust['id'])
            if service.refuses(trust):
                yield trust


class Keystone:
    """The few questions about trusts, as one user."""

    def __init__(self, cloud: openstack.Cloud) -> None:
        self._session = cloud.session

    def trusts(self, **query: str) -> dict[str, Mapping[str, Any]]:
        """Trusts by id."""
        found = self._get('OS-TRUST/trusts', **query)['trusts']
        return {trust['id']: trust for trust in found}

    def refuses(self, trust: Mapping[str, Any]) -> bool:
        """Whether nobody can act by it: its trustor has not the rights."""
        try:
            user = self._get(f'users/{trust["trustor_user_id"]}')['user']
            roles = self._get(f'OS-TRUST/trusts/{trust["id"]}')['trust'][
                'roles']
        except errors.NotFound:
            return True
        held = self._get('role_assignments', **{
            'effective': '', 'user.id': trust['trustor_user_id'],
            'scope.project.id': trust['project_id']})['role_assignments']
        return not user['enabled'] or not (
            {role['id'] for role in roles}
            <= {assignment['role']['id'] for assignment in held})

    def remove(self, trust: Mapping[str, Any]) -> None:
        """Absent is success."""
        try:
            with openstack.translated('Keystone'):
                self._session.delete(f'{openstack.keystone_url()}'
                                     f'/OS-TRUST/trusts/{trust["id"]}')
        except errors.NotFound:
            pass

    def _get(self, path: str, **query: str) -> Any:
        with openstack.translated('Keystone'):
            return self._session.get(
                f'{openstack.keystone_url()}/{path}', params=query,
                headers={'Accept': 'application/json'}).json()
