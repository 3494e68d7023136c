# SPDX-License-Identifier: Apache-2.0
"""Keystone: logins, tokens, users of the trustee domain, and trusts."""

import itertools

TRUSTEES = 'domain of trustees'

# Passwords of those who may log in, and what they get.
LOGINS = {'magnum': ('service password',
                     {'project': {'id': 'service project', 'name': 'service',
                                  'domain': {'id': 'default'}}}),
          'admin of trustees': ('admin password',
                                {'domain': {'id': TRUSTEES,
                                            'name': 'trustees'}})}

SERVICES = {'identity': 'http://keystone/v3', 'key-manager': 'http://barbican',
            'image': 'http://glance', 'compute': 'http://nova/v2.1',
            'network': 'http://neutron',
            'orchestration': 'http://heat/v1/service project',
            'load-balancer': 'http://octavia/lb'}


class FakeKeystone:
    """Answers as Keystone does; `tokens` are valid until taken out."""

    # Whether application credentials may do anything with trusts.
    credentials_may_trust = False
    # Whether our service's user may assign roles in projects.
    assigns_roles = True
    # Whether those who ask may remove users.
    deletes_users = True

    def __init__(self):
        self.tokens, self.users, self.trusts = {}, {}, {}
        # (user, project): names of roles.
        self.roles = {}
        self.services = dict(SERVICES)
        self._ids = itertools.count(1)

    def user_token(self, user_id='owner', project_id='p',
                   roles=('admin', 'member', 'reader'), **more):
        """A token as a user brings it."""
        return self._issue({'user': {'id': user_id}, **more,
                            'roles': [{'id': role, 'name': role}
                                      for role in roles],
                            'project': {'id': project_id}})

    def admit(self, token, user_id, project_id, roles):
        """Have a token of that name."""
        self.tokens[token] = self.tokens.pop(
            self.user_token(user_id, project_id, roles))

    def owner_of(self, headers):
        """Who asks; None without a valid token."""
        return self.tokens.get(headers.get('X-Auth-Token'))

    def __call__(self, method, path, query, body, headers):
        if path in ('/v3', '/v3/'):
            return 200, {'version': {
                'id': 'v3.14', 'status': 'stable', 'links': [
                    {'rel': 'self', 'href': 'http://keystone/v3/'}]}}
        if (method, path) == ('POST', '/v3/auth/tokens'):
            return self._login(body['auth'])
        asker = self.owner_of(headers)
        if asker is None:
            return _error(401, 'The request you have made requires '
                               'authentication.')
        if path.startswith('/v3/projects/') and '/roles' in path:
            return self._roles_in_project(asker, method, path)
        if path == '/v3/auth/tokens':
            return self._show(headers['X-Subject-Token'])
        if ('OS-TRUST' in path and 'application_credential' in asker
                and not self.credentials_may_trust):
            return _error(403, 'Delegated tokens cannot manage trusts.')
        collection, _, ident = path.removeprefix('/v3/').rpartition('/')
        if collection in ('', 'OS-TRUST'):
            collection, ident = ident, None
        collection = collection.removeprefix('OS-TRUST/')
        handler = getattr(self, f'_{method.lower()}_{collection}')
        return handler(asker, ident, query, body)

    def _login(self, auth):
        user = auth['identity']['password']['user']
        if 'id' in user:
            return self._login_to_project(user, auth['scope']['project'])
        password, scope = LOGINS.get(user['name'], (None, None))
        if user['password'] != password:
            return _error(401, 'Wrong password.')
        token = self._issue({'user': {'id': user['name']},
                             'roles': [{'id': 'a', 'name': 'admin'}],
                             **scope})
        return 201, ({'token': self.tokens[token]}, token)

    def _login_to_project(self, user, project):
        roles = self.roles.get((user['id'], project['id']))
        if not roles or self.users.get(user['id'], {}).get(
                'password') != user['password']:
            return _error(401, 'The request you have made requires '
                               'authentication.')
        token = self.user_token(user['id'], project['id'], roles)
        return 201, ({'token': self.tokens[token]}, token)

    def _roles_in_project(self, asker, method, path):
        if asker['user']['id'] != 'magnum' or not self.assigns_roles:
            return _error(403, 'You are not authorized to perform the '
                               'requested action: identity:create_grant.')
        _, _, _, project, _, user, _, *role = path.split('/')
        if method == 'GET':
            return 200, {'roles': []}
        if user not in self.users:
            return _error(404, f'Could not find user: {user}.')
        self.roles.setdefault((user, project), set()).update(role)
        return 204, ''

    def _get_roles(self, asker, ident, query, body):
        return 200, {'roles': [{'id': query['name'],
                                'name': query['name']}]}

    def _issue(self, content):
        token = f'token {next(self._ids)}'
        self.tokens[token] = {
            'expires_at': '2100-01-01T00:00:00.000000Z',
            'issued_at': '2020-01-01T00:00:00.000000Z',
            'methods': ['password'], 'catalog': self._catalog(), **content}
        return token

    def _catalog(self):
        return [{'type': kind, 'name': kind, 'endpoints': [
            {'interface': interface, 'region': 'RegionOne',
             'region_id': 'RegionOne', 'url': url}
            for interface in ('public', 'internal')]}
            for kind, url in self.services.items()]

    def _show(self, token):
        if token not in self.tokens:
            return _error(404, 'Could not find token.')
        return 200, {'token': self.tokens[token]}

    def _post_users(self, asker, ident, query, body):
        wanted = body['user']
        if any(user['name'] == wanted['name'] for user in self.users.values()):
            return _error(409, 'Conflict occurred attempting to store user.')
        ident = f'user-{next(self._ids)}'
        self.users[ident] = {**wanted, 'id': ident}
        return 201, {'user': {'id': ident}}

    def _get_users(self, asker, ident, query, body):
        if ident:
            if ident not in self.users:
                return _error(404, f'Could not find user: {ident}.')
            return 200, {'user': {'enabled': True, **self.users[ident]}}
        return 200, {'users': [
            user for user in self.users.values()
            if all(user[key] == value for key, value in query.items())]}

    def _patch_users(self, asker, ident, query, body):
        self.users[ident].update(body['user'])
        return 200, {'user': self.users[ident]}

    def _delete_users(self, asker, ident, query, body):
        if not self.deletes_users:
            return _error(403, 'You are not authorized.')
        if self.users.pop(ident, None) is None:
            return _error(404, f'Could not find user: {ident}.')
        # The roles and trusts that a user holds go with the user.
        self.roles = {key: roles for key, roles in self.roles.items()
                      if key[0] != ident}
        self.trusts = {key: trust for key, trust in self.trusts.items()
                       if trust['trustee_user_id'] != ident}
        return 204, ''

    def _post_trusts(self, asker, ident, query, body):
        wanted = body['trust']
        if asker['user']['id'] != wanted['trustor_user_id']:
            return _error(403, 'The trustor must be the requesting user.')
        ident = f'trust-{next(self._ids)}'
        self.trusts[ident] = {**wanted, 'id': ident}
        return 201, {'trust': {'id': ident}}

    def _delete_trusts(self, asker, ident, query, body):
        if asker['user']['id'] not in (
                'magnum', self.trusts[ident]['trustor_user_id']):
            return _error(403, 'You are not authorized.')
        del self.trusts[ident]
        return 204, ''

    def _get_role_assignments(self, asker, ident, query, body):
        held = self.roles.get((query['user.id'], query['scope.project.id']),
                              ())
        return 200, {'role_assignments': [{'role': {'id': role}}
                                          for role in held]}

    def _get_trusts(self, asker, ident, query, body):
        if ident:
            trust = self.trusts[ident]
            return 200, {'trust': {**trust, 'roles': [
                {'id': role['name'], **role} for role in trust['roles']]}}
        # Given both, the real one filters by the trustor alone.
        key = next(key for key in ('trustor_user_id', 'trustee_user_id')
                   if key in query)
        return 200, {'trusts': [trust for trust in self.trusts.values()
                                if trust[key] == query[key]]}


def _error(status, message):
    return status, {'error': {'code': status, 'message': message}}
