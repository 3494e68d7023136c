# SPDX-License-Identifier: Apache-2.0
"""Stacks of users who have gone: the trusts by which Heat acted for them."""

import pytest

from magnum.drivers import heat_trusts
from magnum import errors
from magnum import openstack
from magnum.tests.fakes import web

cloud = web.cloud

ROLES = ('member', 'reader')


class Heat:
    """A stack, as far as it is about trusts; made by `owner`."""

    def __init__(self, keystone):
        self.keystone = keystone
        self.number = 0
        self.trust_id = self.trust_of('owner')
        self.changes = 0

    def trust_of(self, user_id, trustee='heat', project_id='p'):
        self.number += 1
        ident = f'{trustee}-for-{user_id}-{self.number}'
        self.keystone.trusts[ident] = {
            'id': ident, 'trustor_user_id': user_id,
            'trustee_user_id': trustee, 'project_id': project_id,
            'roles': [{'name': role} for role in ROLES]}
        return ident

    def refused(self, ident):
        trust = self.keystone.trusts.get(ident)
        if trust is None:
            return False
        trustor = trust['trustor_user_id'], trust['project_id']
        return (not self.keystone.users[trustor[0]].get('enabled', True)
                or set(self.keystone.roles[trustor]) < set(ROLES))

    def change_by(self, user_id):
        """Change the stack as this user."""
        def change():
            made = self.trust_of(user_id)
            if self.refused(self.trust_id):
                raise errors.ServiceFailed('Heat answered with status 500.')
            self.keystone.trusts.pop(self.trust_id, None)
            self.trust_id = made
            self.changes += 1
        return change


@pytest.fixture
def heat(cloud):
    for user_id in ('owner', 'mate', 'third'):
        cloud.keystone.users[user_id] = {'id': user_id}
        cloud.keystone.roles[user_id, 'p'] = ROLES
    return Heat(cloud.keystone)


@pytest.fixture
def mate(cloud):
    return openstack.token_cloud(cloud.keystone.user_token('mate'))


def change(heat, mate):
    heat_trusts.changed(mate, 'owner', 'p', heat.change_by('mate'))


@pytest.fixture(params=['disabled', 'without the role', 'last to change'])
def gone(request, heat, cloud):
    """Why Keystone refuses the trust of the stack."""
    if request.param == 'disabled':
        cloud.keystone.users['owner']['enabled'] = False
    elif request.param == 'without the role':
        cloud.keystone.roles['owner', 'p'] = ('reader',)
    else:
        heat.change_by('third')()
        cloud.keystone.users['third']['enabled'] = False


def test_a_stack_outlives_its_owner(heat, mate, gone):
    change(heat, mate)
    assert not heat.refused(heat.trust_id)
    assert heat.keystone.trusts[heat.trust_id]['trustor_user_id'] == 'mate'


def test_only_what_is_of_no_use_is_removed(heat, mate, cloud):
    living = [heat.trust_of('owner', project_id='other'),
              heat.trust_of('owner', trustee='trustee-of-a-cluster'),
              heat.trust_of('third')]
    cloud.keystone.users['owner']['enabled'] = False
    change(heat, mate)
    assert set(living) < set(cloud.keystone.trusts)


def test_what_heat_made_in_vain_is_removed(heat, mate, cloud):
    cloud.keystone.users['owner']['enabled'] = False
    change(heat, mate)
    own = [trust['id'] for trust in cloud.keystone.trusts.values()
           if trust['trustor_user_id'] == 'mate']
    # One of the first try, of which nothing was known yet.
    assert len(own) == 2


def test_heat_that_fails_for_another_reason_costs_no_trust(
        heat, mate, cloud):
    def broken():
        raise errors.ServiceFailed('Heat answered with status 500 (no db).')
    with pytest.raises(errors.ServiceFailed, match='no db'):
        heat_trusts.changed(mate, 'owner', 'p', broken)
    assert heat.trust_id in cloud.keystone.trusts


def test_a_service_without_the_right_says_who_has_it(
        heat, mate, cloud, monkeypatch):
    cloud.keystone.users['owner']['enabled'] = False
    monkeypatch.setattr(openstack, 'service_cloud', lambda: mate)
    with pytest.raises(errors.Temporary, match='ask the operator to remove'):
        change(heat, mate)
