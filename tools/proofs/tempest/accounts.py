# SPDX-License-Identifier: Apache-2.0
"""Users for tests of roles; and what tests leave, taken away."""

import contextlib
import uuid

import openstack
import yaml

from tools.minicloud import settings

# Key pairs are of users, and the tests of roles use one that they never make.
KEYPAIR = 'magnum-test'
# What a role is called in our policies, and what else its user needs.
ROLES = {'admin': ('load-balancer_admin',),
         'member': ('heat_stack_owner', 'load-balancer_member', 'creator'),
         'reader': ('load-balancer_observer',)}
# One for each class of tests: they hold their accounts for long.
PROJECTS = 4


@contextlib.contextmanager
def of_roles():
    """An accounts.yaml: users of each role, in projects of their own."""
    keystone = openstack.connect(cloud='admin').identity
    roles = {role.name: role for role in keystone.roles()}
    made, accounts = [], []
    try:
        for _ in range(PROJECTS):
            name = f'tempest-{uuid.uuid4().hex[:8]}'
            project = keystone.create_project(name=name, domain_id='default')
            made.append(project)
            for role, more in ROLES.items():
                user = keystone.create_user(
                    name=f'{name}-{role}', password=settings.PASSWORD,
                    domain_id='default')
                made.insert(0, user)
                for each in (role, *more):
                    keystone.assign_project_role_to_user(project, user,
                                                         roles[each])
                # `roles`: what Tempest chooses the account by.
                accounts.append({
                    'username': user.name, 'password': settings.PASSWORD,
                    'project_name': name, 'domain_name': 'Default',
                    'user_domain_name': 'Default',
                    'project_domain_name': 'Default', 'roles': [role]})
                if role == 'member':
                    as_user(user, project).compute.create_keypair(
                        name=KEYPAIR)
        yield yaml.safe_dump(accounts)
    finally:
        for thing in made:
            thing.delete(keystone)


def as_user(user, project):
    return openstack.connect(
        auth_url=settings.AUTH_URL, username=user.name,
        password=settings.PASSWORD, project_name=project.name,
        user_domain_name='Default', project_domain_name='Default',
        region_name='RegionOne')


@contextlib.contextmanager
def left_tidy():
    """The plugin does not delete all templates that it makes."""
    yield
    magnum = openstack.connect(
        cloud='admin').container_infrastructure_management
    for template in magnum.cluster_templates():
        if template.name.startswith('tempest-'):
            try:
                magnum.delete_cluster_template(template)
            except openstack.exceptions.HttpException as e:
                print(f'Template {template.name} stays: {e}')
