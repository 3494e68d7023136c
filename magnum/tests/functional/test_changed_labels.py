# SPDX-License-Identifier: Apache-2.0
"""PATCH of a cluster's labels: which may change, and what becomes of it."""

import pytest

from magnum.db import models
from magnum.db import session as db
from magnum.drivers import labels as label_table
from magnum.operations import change_labels
from magnum.tests import factories
from magnum.tests.fakes import world as worlds
from magnum.tests import wsgi

TABLE = label_table.table(
    label_table.Label('min_node_count', label_table.number(), 0, 'Fewest.',
                      mutable=True),
    label_table.Label('max_node_count', label_table.number(), None, 'Most.',
                      'no limit', mutable=True),
    label_table.Label('mode', label_table.choice('a', 'b'), 'a', 'Which.'),
    label_table.Label('on', label_table.BOOLEAN, True, 'Whether.'))

LABELS = {'mode': 'a', 'on': 'True', 'max_node_count': '5', 'mine': 'x'}


@pytest.fixture
def told(api, monkeypatch):
    """A cluster of three workers, whose driver has a table."""
    monkeypatch.setattr(api.driver, 'labels', TABLE)
    template = factories.template(name='t', labels={'mode': 'a'})
    cluster = factories.cluster(
        name='c', cluster_template_id=template.uuid, labels=LABELS)
    groups = factories.nodegroups(cluster)
    for group in groups:
        group.labels = LABELS
    groups[1].node_count = 3
    factories.store(template, cluster, *groups, factories.nodegroup(
        cluster, name='own', labels={'own': '1'}))
    api.driver.stacks[cluster.uuid] = None
    return api


def patch(told, *operations):
    return told('PATCH', '/v1/clusters/c', [
        {'op': op, 'path': path, **({} if op == 'remove' else {
            'value': value})} for op, path, value in operations],
        version='latest')


def work(status='UPDATE_COMPLETE'):
    wsgi.played(worlds.cluster().uuid, status)


def group(told, name='default-worker'):
    return told('GET', f'/v1/clusters/c/nodegroups/{name}',
                version='latest').json


def refusal(answer):
    assert answer.status_int == 400, answer.text
    return answer.json['errors'][0]['detail']


@pytest.mark.parametrize(('operation', 'changed'), [
    (('add', '/labels/max_node_count', 7), {'max_node_count': '7'}),
    (('replace', '/labels/max_node_count', '7'), {'max_node_count': '7'}),
    (('add', '/labels/min_node_count', '2'), {'min_node_count': '2'}),
    (('remove', '/labels/max_node_count', None), {'max_node_count': None}),
    (('replace', '/labels', str({**LABELS, 'max_node_count': '7'})),
     {'max_node_count': '7'}),
    (('replace', '/labels/on', 'true'), {'on': 'true'})])
def test_a_mutable_label_changes_by_an_operation(told, operation, changed):
    answer = patch(told, operation)
    assert answer.status_int == 202, answer.text
    assert 'Warning' not in answer.headers
    wanted = {name: value for name, value in {**LABELS, **changed}.items()
              if value is not None}
    shown = told('GET', '/v1/clusters/c').json
    assert (shown['labels'], shown['status']) == (wanted,
                                                  'UPDATE_IN_PROGRESS')
    assert worlds.operations()[-1].kind == 'change_labels'
    assert patch(told, operation).status_int in (202, 400, 409)
    work()
    shown = told('GET', '/v1/clusters/c').json
    assert (shown['labels'], shown['status']) == (wanted, 'UPDATE_COMPLETE')
    assert shown['labels_added'] == {
        name: value for name, value in wanted.items() if name != 'mode'}
    assert shown['labels_overridden'] == {}
    assert told.driver.applied[-1].labels == wanted
    for name in ('default-master', 'default-worker'):
        assert group(told, name)['labels'] == wanted
        assert group(told, name)['labels_overridden'] == {}
        assert group(told, name)['status'] == 'UPDATE_COMPLETE'
    assert group(told, 'own')['labels'] == {'own': '1'}
    assert group(told, 'own')['status'] == 'CREATE_COMPLETE'
    assert group(told)['min_node_count'] == int(
        changed.get('min_node_count', 0))


@pytest.mark.parametrize('operation', [
    ('replace', '/labels/mode', 'b'), ('remove', '/labels/mode', None),
    ('replace', '/labels/on', 'no'), ('replace', '/labels', {'on': 'True'}),
    ('remove', '/labels', None)])
def test_a_label_that_is_read_at_creation_cannot_change(told, operation):
    text = refusal(patch(told, operation))
    name = 'on' if operation[1] == '/labels/on' else 'mode'
    assert (f'label {name} cannot be changed: the driver reads it only when '
            f'it creates a cluster.') in text
    assert told('GET', '/v1/clusters/c').json['status'] == 'CREATE_COMPLETE'
    assert not worlds.operations()


@pytest.mark.parametrize(('name', 'value', 'text'), [
    ('max_node_count', 'many', 'label max_node_count is "many", expected: a '
                               'whole number'),
    ('min_node_count', '-1', 'min_node_count'),
    ('min_node_count', '4', '3 is below min_node_count 4 of nodegroup '
                            'default-worker')])
def test_a_wrong_value_is_refused(told, name, value, text):
    assert text in refusal(patch(told, ('add', f'/labels/{name}', value)))
    assert told('GET', '/v1/clusters/c').json['labels'] == LABELS


def test_unknown_labels_may_change_and_are_warned_of(told):
    answer = patch(told, ('add', '/labels/auto_healing_enabled', True),
                   ('remove', '/labels/mine', None))
    assert answer.status_int == 202, answer.text
    assert 'auto_healing_enabled' in answer.headers['Warning']
    assert 'mine' not in answer.headers['Warning']
    work()
    assert told('GET', '/v1/clusters/c').json['labels'] == {
        'mode': 'a', 'on': 'True', 'max_node_count': '5',
        'auto_healing_enabled': 'True'}


def test_labels_and_size_change_together(told):
    answer = patch(told, ('replace', '/node_count', 2),
                   ('add', '/labels/min_node_count', 2),
                   ('replace', '/health_status', 'HEALTHY'))
    assert answer.status_int == 202, answer.text
    work()
    found = group(told)
    assert (found['node_count'], found['min_node_count']) == (2, 2)
    assert told('GET', '/v1/clusters/c').json['health_status'] == 'HEALTHY'
    assert told.driver.applied[-1].workers.node_count == 2
    # One operation, or none.
    assert len(worlds.operations()) == 1
    assert '1 is below min_node_count 2' in refusal(patch(
        told, ('replace', '/node_count', 1),
        ('add', '/labels/max_node_count', 9)))
    assert told('GET', '/v1/clusters/c').json['labels'][
        'max_node_count'] == '5'


def test_who_is_refused_later_finds_the_old_labels(told, monkeypatch):
    monkeypatch.setattr(told.driver, 'apply', lambda cloud, spec: 1 / 0)
    patch(told, ('add', '/labels/min_node_count', 2))
    work('UPDATE_FAILED')
    assert told('GET', '/v1/clusters/c').json['labels'] == LABELS
    assert group(told)['labels'] == LABELS
    assert group(told)['min_node_count'] == 0


def test_a_change_meanwhile_is_noticed(told, monkeypatch):
    begin = change_labels.submit.begin_change

    def late(session, wish):
        session.execute(models.Cluster.__table__.update().values(
            labels={**LABELS, 'mine': 'y'}))
        return begin(session, wish)

    monkeypatch.setattr(change_labels.submit, 'begin_change', late)
    answer = patch(told, ('add', '/labels/max_node_count', 9))
    assert answer.status_int == 409
    assert 'were changed while' in answer.json['errors'][0]['detail']
    with db.reader() as session:
        row = session.query(models.Cluster).one()
        assert (row.labels, row.status) == (LABELS, 'CREATE_COMPLETE')


@pytest.mark.parametrize(('status', 'code'), [
    ('UPDATE_IN_PROGRESS', 409), ('CREATE_FAILED', 409),
    ('UPDATE_COMPLETE', 202)])
def test_only_a_settled_cluster_changes(told, status, code):
    with db.writer() as session:
        session.execute(models.Cluster.__table__.update().values(
            status=status))
    assert patch(told, ('add', '/labels/max_node_count', 9)
                 ).status_int == code


def test_a_driver_without_a_table_changes_none(told, monkeypatch):
    monkeypatch.setattr(told.driver, 'labels', {})
    assert 'label mine cannot be changed: the driver of the cluster' in (
        refusal(patch(told, ('replace', '/labels/mine', 'y'))))
