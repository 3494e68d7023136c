# SPDX-License-Identifier: Apache-2.0
"""What the API tells of operations while they are at work.

What of them is told in the end is in `gabbits/operations`.
"""

import pytest
import sqlalchemy as sa

from magnum.db import session as db
from magnum import errors
from magnum import policy
from magnum.tests import conducting
from magnum.tests import factories
from magnum.tests.fakes import driver as fake_driver
from magnum.tests import wsgi


@pytest.fixture
def cluster(api):
    template = factories.template(name='t', driver='able')
    row = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, row, *factories.nodegroups(row))
    wsgi.certified(row.uuid)
    return row


def get(api, path, **options):
    answer = api('GET', path, **options)
    assert answer.status_int == 200, answer.text
    return answer.json


def operations(api, ident='c', **options):
    return get(api, f'/v1/clusters/{ident}/operations',
               **options)['operations']


def newest(api):
    return get(api, f'/v1/operations/{operations(api)[-1]["uuid"]}')


def resize(api, node_count):
    assert api('POST', '/v1/clusters/c/actions/resize',
               {'node_count': node_count},
               version='latest').status_int == 202


def states(operation):
    return [step['state'] for step in operation['steps']]


def attempts(operation):
    return [step['attempts'] for step in operation['steps']]


def test_what_is_at_work_tells_what_it_waits_for(api, cluster):
    resize(api, 3)
    with fake_driver.outcome('UPDATE_IN_PROGRESS'):
        for _ in range(3):
            conducting.work_once()
        found = newest(api)
    assert found['state'] == 'RUNNING'
    assert states(found) == ['DONE', 'RUNNING']
    assert attempts(found) == [1, 3]
    assert found['message'] == 'It is UPDATE_IN_PROGRESS.'
    assert found['percent'] is None
    assert found['started_at'] and found['deadline']
    assert (found['steps'][1]['waits_for_type'],
            found['steps'][1]['waits_for_id']) == (
                'stack', f'stack-of-{cluster.uuid}')
    assert found['steps'][0]['waits_for_id'] is None


def test_what_is_refused_for_a_while_tells_by_whom(api, cluster, monkeypatch):
    def refuse(*arguments):
        raise errors.ServiceUnavailable('Heat does not answer.')

    monkeypatch.setattr(fake_driver.FakeDriver, 'apply', refuse)
    resize(api, 3)
    conducting.work_once()
    conducting.work_once()
    found = newest(api)
    assert (states(found), attempts(found)) == (['RUNNING', 'PENDING'],
                                                [2, 0])
    assert found['code'] == 'SERVICE_UNAVAILABLE'
    assert found['message'].endswith('Heat does not answer.')
    monkeypatch.undo()


def test_the_reason_to_wait_goes_with_the_wait(api, cluster):
    resize(api, 3)
    with fake_driver.outcome('UPDATE_IN_PROGRESS'):
        conducting.work_once()
    assert newest(api)['message']
    conducting.work()
    found = newest(api)
    assert (found['state'], found['message']) == ('DONE', None)


def test_those_that_a_deletion_stops_say_so(api, cluster):
    resize(api, 3)
    with fake_driver.outcome('UPDATE_IN_PROGRESS'):
        conducting.work_once()
    assert api('DELETE', '/v1/clusters/c').status_int == 204
    assert [found['state'] for found in operations(api)] == [
        'STOPPING', 'QUEUED']
    conducting.work()
    resized, deleted = operations(api, cluster.uuid)
    assert (resized['state'], deleted['state']) == ('CANCELLED', 'DONE')
    found = get(api, f'/v1/operations/{resized["uuid"]}')
    assert states(found) == ['DONE', 'SKIPPED']


def test_a_resize_that_another_replaced_says_so(api, cluster):
    resize(api, 3)
    resize(api, 4)
    replaced, left = operations(api)
    assert (replaced['state'], left['state']) == ('CANCELLED', 'QUEUED')
    assert 'newer resize' in replaced['message']
    assert get(api, f'/v1/operations/{left["uuid"]}')['changes'][0][
        'before'] == 1


def test_what_the_release_before_recorded_can_be_read(api, cluster):
    factories.store(factories.operation(
        cluster, kind='update_cluster', cluster_project_id=None,
        nodegroup_uuid=None, changes=None, history=None,
        args={'nodegroup': cluster.uuid, 'old_node_count': 1,
              'node_count': 5}))
    found = newest(api)
    assert found['project_id'] == 'p'
    assert found['nodegroup_uuid'] == cluster.uuid
    assert [(one['before'], one['after']) for one in found['changes']] == [
        (1, 5)]
    assert attempts(found) == [None, 3]


def test_what_a_newer_release_recorded_can_be_read(api, cluster):
    factories.store(factories.operation(cluster, kind='to_mars'),
                    factories.operation(cluster, step='to_the_moon'))
    for found in operations(api):
        assert get(api, f'/v1/operations/{found["uuid"]}')['steps'] == []


def test_a_cluster_that_has_gone_is_its_projects_own(api):
    """Also when only administrators of elsewhere asked for anything."""
    gone = factories.cluster()
    factories.store(factories.operation(gone, project_id='r',
                                        user_id='admin'))
    assert len(operations(api, gone.uuid)) == 1
    path = f'/v1/clusters/{gone.uuid}/operations'
    assert api('GET', path, token='stranger').status_int == 404
    assert api('GET', path, token='bystander').status_int == 403
    assert len(operations(api, gone.uuid, token='far-admin')) == 1


def test_options_that_are_nobodys_business_are_not_told(api, cluster):
    secret = 'ssh-ed25519 very secret'
    factories.store(factories.operation(
        cluster, sealed_token=secret, progress={'word': secret},
        args={'public_key': secret, 'max_batch_size': 2,
              'nodes_to_remove': ['1']},
        changes={cluster.uuid: {'trustee_password': [secret, secret],
                                'cluster_template_id': ['a', 'b']}}))
    found = newest(api)
    assert secret not in str(found)
    assert (found['max_batch_size'], found['nodes_to_remove']) == (2, ['1'])
    assert [one['attribute'] for one in found['changes']] == [
        'cluster_template_id']


@pytest.mark.parametrize('operations_of', ['c', 'gone'])
def test_a_page_takes_as_many_statements_whatever_its_length(api, cluster,
                                                             operations_of):
    gone = factories.cluster()
    whose = {'c': cluster, 'gone': gone}[operations_of]
    ident = {'c': 'c', 'gone': gone.uuid}[operations_of]

    def statements():
        seen = []

        def note(connection, cursor, statement, *rest):
            seen.append(statement)

        sa.event.listen(db.engine(), 'before_cursor_execute', note)
        operations(api, ident)
        sa.event.remove(db.engine(), 'before_cursor_execute', note)
        return len([one for one in seen if one.startswith('SELECT')])

    factories.store(factories.operation(whose))
    few = statements()
    factories.store(*(factories.operation(whose) for _ in range(30)))
    assert len(operations(api, ident)) == 31
    assert statements() == few <= 3


NEW = {'cluster_template_id': 't', 'keypair': 'key'}
RESIZE = [{'op': 'replace', 'path': '/node_count', 'value': 2}]
HEALTH = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]
WIDEN = [{'op': 'replace', 'path': '/max_node_count', 'value': 4}]
HEADER = 'X-Container-Infra-Operation'


@pytest.mark.parametrize(('method', 'path', 'body', 'version', 'kind'), [
    ('POST', 'clusters', NEW, '1.1', 'create_cluster'),
    ('PATCH', 'clusters/c', RESIZE, '1.1', 'resize_cluster'),
    ('DELETE', 'clusters/c', None, '1.1', 'delete_cluster'),
    ('POST', 'clusters/c/actions/resize', {'node_count': 2}, '1.7',
     'resize_cluster'),
    ('POST', 'clusters/c/actions/upgrade', {'cluster_template': 't'}, '1.8',
     'upgrade_cluster'),
    ('POST', 'clusters/c/nodegroups', {'name': 'n'}, '1.9',
     'create_nodegroup'),
    ('PATCH', 'clusters/c/nodegroups/extra', WIDEN, '1.9',
     'limit_nodegroup'),
    ('DELETE', 'clusters/c/nodegroups/extra', None, '1.9',
     'delete_nodegroup'),
    ('PATCH', 'certificates/c', None, '1.5', 'rotate_ca'),
    ('PATCH', 'credentials/c', None, '1.12', 'rotate_credential'),
    ('POST', 'bays', {'baymodel_id': 't'}, '1.1', 'create_cluster'),
    ('POST', 'bays', {'baymodel_id': 't'}, '1.2', 'create_cluster'),
    ('PATCH', 'bays/c', RESIZE, '1.1', 'resize_cluster'),
    ('DELETE', 'bays/c', None, '1.1', 'delete_cluster')])
def test_what_has_begun_names_its_operation(api, cluster, method, path, body,
                                            version, kind):
    factories.store(factories.nodegroup(cluster, name='extra'))
    answer = api(method, f'/v1/{path}', body, version=version,
                 headers={'Idempotency-Key': '1'})
    assert answer.status_int < 300, answer.text
    found = get(api, f'/v1/operations/{answer.headers[HEADER]}')
    assert (found['kind'], found['state']) == (kind, 'QUEUED')
    # No client of today expects it of what has only begun.
    assert ('Location' in answer.headers) == (answer.status_int == 201)


def test_the_same_answer_names_the_same_operation(api, cluster):
    first, second = (api('PATCH', '/v1/clusters/c', RESIZE,
                         headers={'Idempotency-Key': '1'})
                     for _ in range(2))
    assert first.headers[HEADER] == second.headers[HEADER]
    assert len(operations(api)) == 1
    # And so does that of a deletion which is under way.
    first, second = (api('DELETE', '/v1/clusters/c') for _ in range(2))
    assert first.headers[HEADER] == second.headers[HEADER]


@pytest.mark.parametrize('body', [[], HEALTH])
def test_what_begins_nothing_names_no_operation(api, cluster, body):
    answer = api('PATCH', '/v1/clusters/c', body)
    assert answer.status_int == 202
    assert HEADER not in answer.headers


def test_a_retry_needs_the_rule_of_the_request_too(api, cluster, tmp_path):
    failed = factories.operation(cluster, kind='rotate_ca', state='FAILED',
                                 changes={}, nodegroup_uuid=None)
    factories.store(failed)
    (tmp_path / 'policy.yaml').write_text(
        '"certificate:rotate_ca": "role:admin"\n')
    policy.reset()
    path = f'/v1/operations/{failed.uuid}/retry'
    refused = api('POST', path)
    assert refused.status_int == 403
    assert 'certificate:rotate_ca' in refused.text
    assert api('POST', path, token='admin').status_int == 202


def test_an_abort_and_a_retry_may_be_sent_again(api, cluster):
    resize(api, 3)
    path = f'/v1/operations/{operations(api)[-1]["uuid"]}'

    def twice(what, key):
        first, second = (api('POST', f'{path}/{what}',
                             headers={'Idempotency-Key': key})
                         for _ in range(2))
        assert first.status_int == second.status_int == 202
        assert (first.json, first.headers[HEADER]) == (
            second.json, second.headers[HEADER])
        return first.json

    assert twice('abort', '1')['state'] == 'CANCELLED'
    assert twice('retry', '2')['uuid'] == operations(api)[-1]['uuid']
    assert len(operations(api)) == 2
