# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every operation by every kind of caller, in one table.

`functional/test_rbac.py` proves it, and that the page in the documentation is
made of it:

    python -m magnum.tests.permissions >doc/source/admin/permissions.rst

A dot is the operation's own answer to those who may.  The cluster `c` and the
private template `t` are of project p and user `owner`; `public` is a public
template of the same.
"""

import dataclasses
from typing import Any

from magnum.api import dispatch
from magnum import policies

# token: how it is called in the documentation, and what that means
CALLERS = {
    'member': ('owner', 'who made it, with role member in its project'),
    'reader': ('owner reading', 'the same user, with role reader only'),
    'colleague': ('member', 'another member of the project'),
    'other-reader': ('reader', 'another user, with role reader'),
    'bystander': ('other role', 'a user of the project with neither role'),
    'stranger': ('elsewhere', 'a member of another project'),
    'trustee': ('cluster', "the cluster's own user, by its trust"),
    'service': ('service', 'a service user, with role service elsewhere'),
    'admin': ('admin', 'an administrator, with a token of the project'),
    'pure-admin': ('only admin', 'the same, where admin implies no role'),
    'far-admin': ('admin elsewhere',
                  'an administrator, with a token of another project'),
    'system': ('system admin', 'an administrator, with a system token'),
    'system-member': ('system member', 'the owner, with a system token'),
    'system-reader': ('system reader', 'the same, with role reader only'),
    'domain': ('domain admin', 'an administrator, with a domain token'),
    'domain-member': ('domain member', 'the owner, with a domain token'),
    None: ('no token', 'nobody known'),
}

HEALTH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]
NAME = [{'op': 'replace', 'path': '/name', 'value': 'z'}]
PUBLISH = [{'op': 'replace', 'path': '/public', 'value': True}]
TEMPLATE = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}
SIGN = {'cluster_uuid': 'c', 'csr': 'none'}
OPERATION = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'
FEDERATION = {'hostcluster_id': 'c', 'properties': {}}

# In the order of CALLERS: owner (two), member, reader, other role, elsewhere,
# cluster, service; admin (three); system (three), domain (two), none.
_NO_PROJECT = ' 403 403 403 403 403 401'
LIST = '. . . . 403 . . 403 . . .' + _NO_PROJECT
READ = '. . . . 403 404 . 404 . . .' + _NO_PROJECT
MAKE = '. 403 . 403 403 . . 403 . . .' + _NO_PROJECT
WRITE = '. 403 . 403 403 404 . 404 . . .' + _NO_PROJECT
# The rules of nodegroups are asked about the caller's own project, most of
# them before the cluster is looked for.
READ_GROUP = '. . . . 403 404 . 403 . . .' + _NO_PROJECT
WRITE_GROUP = '. 403 . 403 403 404 . 403 . . .' + _NO_PROJECT
FORCE = '403 403 403 403 403 404 403 404 . . .' + _NO_PROJECT
ROTATE = '. 403 . 403 403 404 . 403 . 403 .' + _NO_PROJECT
# Certificates are the owner's and the cluster's own.
READ_CA = '. . 403 403 403 404 . 404 . . .' + _NO_PROJECT
SIGN_CA = '. 403 403 403 403 400 . 400 . . .' + _NO_PROJECT
WRITE_PUBLIC = '. 403 . 403 403 403 . 403 . . .' + _NO_PROJECT
PUBLISH_NEW = '403 403 403 403 403 403 403 403 . . .' + _NO_PROJECT
PUBLISH_OLD = '403 403 403 403 403 404 403 404 . . .' + _NO_PROJECT
OWN_NUMBERS = '. . . . 403 403 . 403 . . .' + _NO_PROJECT
ADMIN = '403 403 403 403 403 403 403 403 . . . . 403 403 . 403 401'
# Nobody sees federations of another project, administrators neither.
READ_FEDERATION = '. . . . 403 404 . 404 . . 404 404 404 404 404 404 401'
WRITE_FEDERATION = '. 403 . 403 403 404 . 404 . . 404 404 404 404 404 404 401'
# Not the project's private templates, for administrators of elsewhere either.
USE = '. 403 . 403 403 404 . 403 . . 404' + _NO_PROJECT
TOKEN = '. . . . . . . . . . . . . . . . 401'
ANYBODY = '. . . . . . . . . . . . . . . . .'


@dataclasses.dataclass(frozen=True)
class Operation:
    """One request, and what each caller is answered."""

    method: str
    path: str
    body: Any
    success: int
    answers: str
    # What is special about it.
    about: str = ''

    @property
    def expected(self):
        """The status by caller."""
        return {caller: self.success if said == '.' else int(said)
                for caller, said in zip(CALLERS, self.answers.split(),
                                        strict=True)}

    @property
    def route(self):
        """The path as the API's description has it."""
        return '/' + dispatch.find(self.path.partition('?')[0])[0]

    @property
    def version(self):
        """The newest that offers it."""
        return '1.10' if '/bay' in self.path else 'latest'


TABLE = tuple(Operation(*row) for row in (
    ('GET', '/v1/clusters', None, 200, LIST),
    ('GET', '/v1/clusters/detail', None, 200, LIST),
    ('GET', '/v1/clusters/c', None, 200, READ),
    ('POST', '/v1/clusters', {'cluster_template_id': 'public'}, 202, MAKE,
     'of a public template'),
    ('POST', '/v1/clusters', {'cluster_template_id': 't'}, 202, USE,
     'of a private template'),
    ('PATCH', '/v1/clusters/c', [], 202, WRITE),
    ('PATCH', '/v1/clusters/c', HEALTH, 202, WRITE, 'its health'),
    ('DELETE', '/v1/clusters/c', None, 204, WRITE),
    ('DELETE', '/v1/clusters/c?force=true', None, 204, FORCE, 'by force'),
    ('POST', '/v1/clusters/c/actions/resize', {'node_count': 2}, 202, WRITE),
    ('POST', '/v1/clusters/c/actions/upgrade', {'cluster_template': 'public'},
     400, WRITE),
    ('GET', '/v1/clusters/c/nodegroups', None, 200, READ_GROUP),
    ('GET', '/v1/clusters/c/nodegroups/default-worker', None, 200,
     READ_GROUP),
    ('POST', '/v1/clusters/c/nodegroups', {'name': 'n'}, 400, WRITE_GROUP),
    ('PATCH', '/v1/clusters/c/nodegroups/default-worker', [], 202, WRITE),
    ('DELETE', '/v1/clusters/c/nodegroups/default-worker', None, 400,
     WRITE_GROUP),
    ('GET', '/v1/clusters/c/protection', None, 200, READ),
    ('PATCH', '/v1/clusters/c/protection', [], 200, WRITE),
    ('GET', '/v1/clusters/c/operations', None, 200, READ),
    ('GET', f'/v1/operations/{OPERATION}', None, 200, READ),
    # It is done, which is what those are told who may ask.
    ('POST', f'/v1/operations/{OPERATION}/abort', None, 409, WRITE),
    ('POST', f'/v1/operations/{OPERATION}/retry', None, 409, WRITE),
    ('GET', '/v1/clustertemplates', None, 200, LIST),
    ('GET', '/v1/clustertemplates/detail', None, 200, LIST),
    ('GET', '/v1/clustertemplates/t', None, 200, READ),
    ('GET', '/v1/clustertemplates/public', None, 200, TOKEN, 'a public one'),
    ('POST', '/v1/clustertemplates', TEMPLATE, 201, MAKE),
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'public': True}, 201,
     PUBLISH_NEW, 'public'),
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'hidden': True}, 201,
     PUBLISH_NEW, 'hidden'),
    ('PATCH', '/v1/clustertemplates/t', NAME, 200, WRITE),
    ('PATCH', '/v1/clustertemplates/t', PUBLISH, 200, PUBLISH_OLD,
     'whether it is public or hidden'),
    ('PATCH', '/v1/clustertemplates/public', NAME, 200, WRITE_PUBLIC,
     'a public one'),
    ('DELETE', '/v1/clustertemplates/t', None, 204, WRITE),
    ('DELETE', '/v1/clustertemplates/public', None, 204, WRITE_PUBLIC,
     'a public one'),
    # There is no CA here, which is what those are told who may ask.
    ('GET', '/v1/certificates/c', None, 404, READ_CA),
    ('GET', '/v1/certificates/c/etcd', None, 404, READ_CA),
    ('POST', '/v1/certificates', SIGN, 404, SIGN_CA),
    ('PATCH', '/v1/certificates/c', None, 400, WRITE),
    ('PATCH', '/v1/credentials/c', None, 400, ROTATE),
    ('GET', '/v1/quotas', None, 200, ADMIN),
    ('GET', '/v1/quotas?all_tenants=true', None, 200, ADMIN,
     'of all projects'),
    ('GET', '/v1/quotas/p/Cluster', None, 200, OWN_NUMBERS),
    ('POST', '/v1/quotas', {'project_id': 'q'}, 201, ADMIN),
    ('PATCH', '/v1/quotas/p/Cluster', {'hard_limit': 9}, 202, ADMIN),
    ('DELETE', '/v1/quotas/p/Cluster', None, 204, ADMIN),
    ('GET', '/v1/stats', None, 200, LIST),
    ('GET', '/v1/stats?project_id=p', None, 200, OWN_NUMBERS,
     'of one project'),
    ('GET', '/v1/mservices', None, 200, ADMIN),
    ('GET', '/v1/drivers', None, 200, LIST),
    ('GET', '/v1/drivers/fake/labels', None, 200, LIST),
    ('GET', '/v1/federations', None, 200, LIST),
    ('GET', '/v1/federations/detail', None, 200, LIST),
    ('GET', '/v1/federations/f', None, 200, READ_FEDERATION),
    ('POST', '/v1/federations', FEDERATION, 400, MAKE),
    ('PATCH', '/v1/federations/f', [], 202, WRITE_FEDERATION),
    ('DELETE', '/v1/federations/f', None, 204, WRITE_FEDERATION),
    ('GET', '/v1/bays', None, 200, LIST),
    ('GET', '/v1/bays/detail', None, 200, LIST),
    ('GET', '/v1/bays/c', None, 200, READ),
    ('POST', '/v1/bays', {'baymodel_id': 'public'}, 202, MAKE),
    ('PATCH', '/v1/bays/c', [], 202, WRITE),
    ('DELETE', '/v1/bays/c', None, 204, WRITE),
    ('GET', '/v1/baymodels', None, 200, LIST),
    ('GET', '/v1/baymodels/detail', None, 200, LIST),
    ('GET', '/v1/baymodels/t', None, 200, READ),
    ('GET', '/v1/baymodels/public', None, 200, TOKEN, 'a public one'),
    ('POST', '/v1/baymodels', {**TEMPLATE, 'keypair_id': 'key'}, 201, MAKE),
    ('POST', '/v1/baymodels',
     {**TEMPLATE, 'keypair_id': 'key', 'public': True}, 201, PUBLISH_NEW,
     'public'),
    ('PATCH', '/v1/baymodels/t', NAME, 200, WRITE),
    ('PATCH', '/v1/baymodels/t', PUBLISH, 200, PUBLISH_OLD,
     'whether it is public'),
    ('DELETE', '/v1/baymodels/t', None, 204, WRITE),
    ('GET', '/v1/openapi.json', None, 200, TOKEN),
    ('GET', '/', None, 200, ANYBODY),
    ('GET', '/v1', None, 200, ANYBODY),
))

_TITLE = 'Who may do what'
_INTRODUCTION = '''\
The answers of the API while no rule is overridden, about clusters, templates
and federations of a project. This page is made of the table by which the tests
ask them all.

*yes*: the request is not refused for who sent it. *403*: it is, and an
operator may change that by the rules named. *404*: to this caller the thing
does not exist (on signing, 400). *401*: Keystone must be asked for a token
first.

The rules ``*_all_projects`` are asked of administrators besides the first one;
:doc:`policies` has the defaults of all.
'''


def page():
    """The documentation's page, line by line."""
    bar = '=' * len(_TITLE)
    yield from ('.. Made by python -m magnum.tests.permissions.', '',
                bar, _TITLE, bar, '', *_INTRODUCTION.splitlines(), '')
    for name, meaning in CALLERS.values():
        yield from (f'{name}', f'  {meaning}')
    yield from ('', '.. csv-table::', '   :header-rows: 1',
                '   :widths: auto', '')
    yield '   ' + _csv(['Operation', 'Rules',
                        *(name for name, _ in CALLERS.values())])
    for operation in TABLE:
        what = f'``{operation.method} {operation.route}``'
        if operation.about:
            what += f', {operation.about}'
        guards = ', '.join(f'``{rule}``' for rule in rules(operation))
        yield '   ' + _csv([what, guards, *(
            'yes' if said == '.' else said
            for said in operation.answers.split())])


def rules(operation):
    """The names of the rules that guard an operation."""
    here = {'method': operation.method, 'path': operation.route}
    return [rule.name for rule in policies.list_rules()
            if here in getattr(rule, 'operations', ())]


def _csv(cells):
    return ','.join(f'"{cell}"' for cell in cells)


if __name__ == '__main__':
    print('\n'.join(page()))
