# SPDX-License-Identifier: Apache-2.0
"""Who may do what, as `magnum.tests.permissions` has it in one table."""

import pathlib

import pytest

from magnum.api import routes
from magnum import policies
from magnum.tests import factories
from magnum.tests import permissions
from magnum.tests import wsgi

PAGE = (pathlib.Path(__file__).parents[3]
        / 'doc' / 'source' / 'admin' / 'permissions.rst')


def cases():
    """Operations and callers that can share one world: nothing is changed."""
    for operation in permissions.TABLE:
        idle, busy = {}, {}
        for caller, code in operation.expected.items():
            changes = code < 400 and operation.method != 'GET'
            (busy if changes else idle)[caller] = code
        name = ' '.join(filter(None, [operation.method, operation.path,
                                      operation.about]))
        for callers in filter(None, [idle, *({caller: code} for caller, code
                                             in busy.items())]):
            yield pytest.param(
                operation, callers,
                id=f'{name}-{"all" if callers is idle else [*callers][0]}')


@pytest.fixture
def world(api):
    private = factories.template(name='t')
    used = factories.template(name='used')
    cluster = factories.cluster(name='c', cluster_template_id=used.uuid,
                                trustee_user_id='trustee')
    factories.store(private, used, cluster, *factories.nodegroups(cluster),
                    factories.operation(cluster, uuid=permissions.OPERATION),
                    factories.template(name='public', public=True),
                    factories.federation(name='f'), factories.quota())
    return api


@pytest.mark.parametrize(('operation', 'expected'), cases())
def test_each_gets_what_the_table_says(world, operation, expected):
    assert {caller: world(operation.method, operation.path, operation.body,
                          token=caller, version=operation.version).status_int
            for caller in expected} == expected


def test_the_table_has_every_operation_and_every_kind_of_caller():
    assert ({(operation.method, operation.route)
             for operation in permissions.TABLE}
            == {(method, f'/{path}') for path, methods in routes.ROUTES.items()
                for method in methods})
    assert set(permissions.CALLERS) - {None} == set(wsgi.CALLERS)


def test_the_table_has_every_rule():
    assert ({rule for operation in permissions.TABLE
             for rule in permissions.rules(operation)}
            == {rule.name for rule in policies.list_rules()
                if ':' in rule.name})


def test_the_page_in_the_documentation_is_this_table():
    assert PAGE.read_text().splitlines() == list(permissions.page()), (
        f'python -m magnum.tests.permissions >{PAGE}')


@pytest.mark.parametrize('path', ['/v1/clusters', '/v1/clusters/detail'])
def test_a_list_shows_a_project_its_own_and_administrators_all(api, path):
    factories.store(factories.cluster(name='ours'),
                    factories.cluster(name='theirs', project_id='q'))

    def seen(token):
        return [cluster['name'] for cluster in
                api('GET', path, token=token).json['clusters']]

    assert seen('member') == ['ours']
    assert seen('stranger') == ['theirs']
    assert seen('admin') == seen('far-admin') == ['ours', 'theirs']
