# SPDX-License-Identifier: Apache-2.0
"""Nodegroups, attribute by attribute: what is taken, refused, and shown."""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db import session as db
from magnum.tests import factories

PATH = '/v1/clusters/c/nodegroups'
LABELS = {'a': '1', 'b': '2'}

SHORT = {'uuid', 'name', 'flavor_id', 'image_id', 'node_count', 'role',
         'is_default', 'status', 'stack_id', 'min_node_count',
         'max_node_count', 'merge_labels'}
# A list may say more than the reference's does, but nothing that is a list.
MORE = {'project_id', 'status_reason', 'created_at', 'updated_at'}
FULL = SHORT | MORE | {
    'id', 'cluster_id', 'docker_volume_size', 'labels', 'node_labels',
    'node_taints', 'node_addresses', 'version', 'labels_overridden',
    'labels_added', 'labels_skipped', 'links'}

LONGEST, TOO_LONG = 'x' * 255, 'x' * 256
TAINT = {'key': 'gpu', 'value': 'yes', 'effect': 'NoExecute'}


@pytest.fixture
def world(api):
    template = factories.template(name='t', driver='able')
    api.cluster = factories.cluster(
        name='c', cluster_template_id=template.uuid, labels=LABELS,
        docker_volume_size=7, status='UPDATE_COMPLETE')
    factories.store(template, api.cluster,
                    *factories.nodegroups(api.cluster))
    return api


def post(world, microversion='latest', **body):
    return world('POST', PATH, {'name': 'n', **body}, version=microversion)


def patch(world, *operations, name='default-worker', version='latest',
          token='member'):
    return world('PATCH', f'{PATH}/{name}',
                 [dict(zip(('op', 'path', 'value'), operation, strict=False))
                  for operation in operations], version=version, token=token)


def title(answer):
    return answer.json['errors'][0]['title']


def groups():
    with db.reader() as session:
        return session.scalar(sa.select(sa.func.count(models.NodeGroup.id)))


@pytest.mark.parametrize(('sent', 'shown'), [
    ({}, {'role': 'worker', 'node_count': 1, 'min_node_count': 0,
          'max_node_count': None, 'flavor_id': 'm1.small',
          'image_id': 'ubuntu-k8s', 'docker_volume_size': None,
          'labels': LABELS, 'merge_labels': False, 'node_labels': {},
          'node_taints': [], 'is_default': False, 'node_addresses': [],
          'stack_id': None, 'status': 'CREATE_IN_PROGRESS',
          'status_reason': None, 'version': None, 'project_id': 'p',
          'labels_overridden': {}, 'labels_added': {}, 'labels_skipped': {},
          'updated_at': None}),
    ({'name': LONGEST}, {'name': LONGEST}),
    ({'name': 'ä b/c'}, {'name': 'ä b/c'}),
    ({'name': '7'}, {'name': '7'}),
    ({'role': LONGEST}, {'role': LONGEST}),
    ({'role': 'Master'}, {'role': 'Master'}),
    ({'role': None}, {'role': 'worker'}),
    ({'node_count': 0}, {'node_count': 0}),
    ({'node_count': '4'}, {'node_count': 4}),
    ({'node_count': None}, {'node_count': 1}),
    ({'min_node_count': 1}, {'min_node_count': 1}),
    ({'min_node_count': None}, {'min_node_count': 0}),
    ({'max_node_count': 0}, {'max_node_count': 0}),
    ({'max_node_count': None}, {'max_node_count': None}),
    ({'node_count': 3, 'min_node_count': 3, 'max_node_count': 3},
     {'node_count': 3, 'min_node_count': 3, 'max_node_count': 3}),
    ({'node_count': 9, 'min_node_count': 5, 'max_node_count': 0},
     {'node_count': 9}),
    ({'flavor_id': 'm1.large'}, {'flavor_id': 'm1.large'}),
    ({'flavor_id': None}, {'flavor_id': 'm1.small'}),
    # An image is not looked for.
    ({'image_id': 'nowhere'}, {'image_id': 'nowhere'}),
    ({'image_id': None}, {'image_id': 'ubuntu-k8s'}),
    ({'docker_volume_size': 1}, {'docker_volume_size': 1}),
    ({'docker_volume_size': None}, {'docker_volume_size': None}),
    ({'labels': None}, {'labels': LABELS}),
    ({'labels': {}}, {'labels': {}, 'labels_skipped': LABELS}),
    ({'labels': {}, 'merge_labels': True}, {'labels': LABELS}),
    ({'labels': None, 'merge_labels': True}, {'labels': LABELS}),
    ({'labels': {'b': 3, 'c': True, 'd': 1.5, 'e': ''}},
     {'labels': {'b': '3', 'c': 'True', 'd': '1.5', 'e': ''},
      'labels_overridden': {'b': '2'}, 'labels_skipped': {'a': '1'},
      'labels_added': {'c': 'True', 'd': '1.5', 'e': ''}}),
    ({'labels': {'b': 3}, 'merge_labels': 'yes'},
     {'labels': {'a': '1', 'b': '3'}, 'merge_labels': False,
      'labels_overridden': {'b': '2'}, 'labels_skipped': {}}),
    ({'merge_labels': None}, {'merge_labels': False}),
    ({'node_labels': None}, {'node_labels': {}}),
    ({'node_labels': {'a': 'b', 'kubernetes.io/os': 'linux'}},
     {'node_labels': {'a': 'b', 'kubernetes.io/os': 'linux'}}),
    ({'node_taints': None}, {'node_taints': []}),
    ({'node_taints': [TAINT]}, {'node_taints': [TAINT]}),
    ({'node_taints': [{'key': 'a', 'effect': 'PreferNoSchedule'}]},
     {'node_taints': [{'key': 'a', 'effect': 'PreferNoSchedule'}]}),
    ({'id': 99}, {}), ({'uuid': '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'}, {}),
    ({'cluster_id': '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'}, {}),
    ({'is_default': True}, {'is_default': False}),
    ({'status': 'CREATE_FAILED'}, {'status': 'CREATE_IN_PROGRESS'}),
    ({'status_reason': 'x', 'version': 'v1'},
     {'status_reason': None, 'version': None}),
    ({'labels_overridden': {'x': 'y'}, 'labels_added': {},
      'labels_skipped': None}, {'labels_overridden': {}})])
@pytest.mark.parametrize('version', ['1.9', 'latest'])
def test_a_new_group_is_what_was_asked_for(world, version, sent, shown):
    answer = post(world, version, **sent)
    assert answer.status_int == 202, answer.text
    assert set(answer.json) == FULL
    assert shown.items() <= answer.json.items()
    assert answer.json['cluster_id'] == world.cluster.uuid
    assert answer.json['id'] != 99
    assert not answer.json['uuid'].startswith('5d12f6fd')
    read = world('GET', f'{PATH}/{answer.json["uuid"]}', version=version)
    assert read.json == answer.json


@pytest.mark.parametrize('wrong', [
    {'name': None}, {'name': ''}, {'name': TOO_LONG}, {'name': 5},
    {'role': ''}, {'role': TOO_LONG}, {'role': 5}, {'role': 'master'},
    {'node_count': -1}, {'node_count': 1.5}, {'node_count': True},
    {'node_count': 'many'}, {'node_count': 2 ** 31},
    {'min_node_count': -1}, {'min_node_count': 'x'},
    {'max_node_count': -1}, {'max_node_count': []},
    {'flavor_id': ''}, {'flavor_id': 5}, {'flavor_id': 'nowhere'},
    {'flavor_id': 'diskless'},
    {'image_id': ''}, {'image_id': TOO_LONG}, {'image_id': 5},
    {'docker_volume_size': 0}, {'docker_volume_size': 'x'},
    {'labels': []}, {'labels': 'a=b'}, {'labels': {'a': None}},
    {'labels': {'a': {}}}, {'labels': {'refuse': 'yes'}},
    {'merge_labels': 'maybe'}, {'merge_labels': 5},
    {'node_labels': []}, {'node_labels': {'a': 1}},
    {'node_labels': {'a': None}}, {'node_labels': 'a=b'},
    {'node_taints': {}}, {'node_taints': ['a']},
    {'node_taints': [{'key': 'a', 'effect': None}]},
    {'node_taints': [{'key': 1, 'effect': 'NoSchedule'}]},
    {'project_id': 'p'}, {'project_id': None}, {'node_addresses': []},
    {'node_addresses': None}, {'stack_id': None}, {'links': None},
    {'created_at': None}, {'updated_at': None}, {'colour': 'blue'},
    {'id': 'x'}, {'uuid': 'x'}, {'is_default': 'maybe'}, {'status': 'NEW'}],
    ids=lambda wrong: str(wrong)[:40])
def test_a_wrong_attribute_is_named(world, wrong):
    answer = post(world, **wrong)
    assert answer.status_int == 400
    assert next(iter(wrong)) in title(answer)
    assert groups() == 2
    assert world('GET', '/v1/clusters/c').json['status'] == 'UPDATE_COMPLETE'


@pytest.mark.parametrize('wrong', [
    {'name': 'default-worker'}, {'name': 'default-master'},
    {'min_node_count': 2}, {'node_count': 3, 'max_node_count': 2},
    {'node_count': 2, 'min_node_count': 3, 'max_node_count': 1},
    {'role': 'master', 'node_labels': {'a': 'b'}},
    {'role': 'master', 'node_taints': [TAINT]},
    {'node_labels': {'kubernetes.io/x': ''}},
    {'node_labels': {'k8s.io/x': ''}},
    {'node_labels': {'x.kubernetes.io/arch': ''}},
    {'node_labels': {'x.k8s.io/y': ''}},
    {'node_labels': {'x.kubelet.kubernetes.io/y': ''}},
    {'node_taints': [{'key': '', 'effect': 'NoSchedule'}]},
    {'node_taints': [{'effect': 'NoSchedule'}]},
    {'node_taints': [{'key': 'a'}]},
    {'node_taints': [{'key': 'a', 'effect': 'noschedule'}]},
    {'node_taints': [TAINT, {**TAINT, 'when': 'now'}]}],
    ids=lambda wrong: str(wrong)[:40])
def test_what_does_not_go_together_is_a_conflict(world, wrong):
    answer = post(world, **wrong)
    assert answer.status_int == 409, answer.text
    assert groups() == 2


# Each request is wrong in all ways of those that follow it.
@pytest.mark.parametrize(('token', 'body', 'status', 'word'), [
    ('reader', {'name': 'default-worker', 'colour': 'blue'}, 400, 'colour'),
    ('reader', {'name': 'default-worker'}, 403, 'nodegroup:create'),
    ('member', {'name': 'default-worker', 'min_node_count': 2}, 409,
     'already exists'),
    ('member', {'name': 'n', 'min_node_count': 2, 'role': 'master',
                'node_labels': {'k8s.io/x': ''}}, 409, 'min_node_count'),
    ('member', {'name': 'n', 'role': 'master',
                'node_labels': {'k8s.io/x': ''}}, 409, 'Masters'),
    ('member', {'name': 'n', 'node_labels': {'k8s.io/x': ''},
                'flavor_id': 'nowhere'}, 409, 'k8s.io/x'),
    ('member', {'name': 'n', 'role': 'master', 'flavor_id': 'nowhere'}, 400,
     'role'),
    ('member', {'name': 'n', 'flavor_id': 'nowhere',
                'labels': {'refuse': 'yes'}}, 400, 'flavor_id')])
def test_what_is_wrong_first_is_told(world, token, body, status, word):
    answer = world('POST', PATH, body, token=token, version='latest')
    assert answer.status_int == status
    assert word in title(answer)


def test_an_api_must_be_there_to_join_before_anything_else(world):
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(api_address=None))
    answer = post(world, name='default-worker')
    assert answer.status_int == 409
    assert 'no API' in title(answer)


@pytest.mark.parametrize(('size', 'flavor', 'status'), [
    ('10', 'diskless', 202), ('0', 'diskless', 400), ('0', 'm1.small', 202),
    ('-1', 'diskless', 202), ('-1', 'nowhere', 400)])
def test_a_root_disk_is_wanted_where_there_is_no_volume(world, size, flavor,
                                                        status):
    with db.writer() as session:
        session.execute(sa.update(models.Cluster).values(
            labels={'boot_volume_size': size}))
    assert post(world, flavor_id=flavor).status_int == status


@pytest.mark.parametrize('body', [[], [{'name': 'n'}], 'n', 5])
def test_a_body_is_an_object(world, body):
    answer = world('POST', PATH, body, version='latest')
    assert answer.status_int == 400
    assert 'JSON object' in title(answer)


@pytest.mark.parametrize('method', ['POST', 'PATCH'])
def test_a_body_is_needed(world, method):
    path = PATH if method == 'POST' else f'{PATH}/default-worker'
    assert world(method, path, version='latest').status_int == 400


@pytest.mark.parametrize('name', [
    'name', 'cluster_id', 'docker_volume_size', 'labels', 'flavor_id',
    'image_id', 'node_addresses', 'node_count', 'role', 'is_default',
    'stack_id', 'status', 'status_reason', 'version', 'created_at', 'id',
    'links', 'updated_at', 'uuid', 'project_id', 'merge_labels',
    'labels_added', 'colour'])
def test_the_rest_of_a_group_stays(world, name):
    before = world('GET', f'{PATH}/default-worker', version='latest').json
    for operation in (('add', f'/{name}', 'x'), ('replace', f'/{name}', 'x'),
                      ('remove', f'/{name}'), ('add', f'/{name}/x', 'y'),
                      ('replace', f'/{name}/x', 'y'),
                      ('remove', f'/{name}/0')):
        answer = patch(world, ('replace', '/max_node_count', 9), operation)
        assert answer.status_int == 400, operation
        assert name in title(answer)
    assert world('GET', f'{PATH}/default-worker',
                 version='latest').json == before


@pytest.mark.parametrize(('operations', 'shown'), [
    ([], {'status': 'UPDATE_COMPLETE'}),
    ([('replace', '/min_node_count', 0)], {'status': 'UPDATE_COMPLETE'}),
    ([('remove', '/max_node_count')], {'status': 'UPDATE_COMPLETE'}),
    ([('remove', '/max_node_count', None)], {'status': 'UPDATE_COMPLETE'}),
    ([('replace', '/min_node_count', 1), ('replace', '/max_node_count', 3)],
     {'min_node_count': 1, 'max_node_count': 3,
      'status': 'UPDATE_IN_PROGRESS'}),
    ([('replace', '/max_node_count', '3')], {'max_node_count': 3}),
    ([('add', '/max_node_count', 3), ('replace', '/max_node_count', 4)],
     {'max_node_count': 4}),
    ([('add', '/max_node_count', 3), ('remove', '/max_node_count')],
     {'max_node_count': None, 'status': 'UPDATE_COMPLETE'}),
    ([('replace', '/node_labels', "{'a': 'b'}")],
     {'node_labels': {'a': 'b'}, 'status': 'UPDATE_IN_PROGRESS'}),
    ([('replace', '/node_labels', '{"a": "b"}')],
     {'node_labels': {'a': 'b'}}),
    ([('replace', '/node_labels', {'a': 'b'})], {'node_labels': {'a': 'b'}}),
    ([('add', '/node_labels/a', 'b'), ('add', '/node_labels/a', 'c')],
     {'node_labels': {'a': 'c'}}),
    ([('replace', '/node_taints', "[{'key': 'a', 'effect': 'NoExecute'}]")],
     {'node_taints': [{'key': 'a', 'effect': 'NoExecute'}]}),
    ([('add', '/node_taints', [TAINT])], {'node_taints': [TAINT]}),
    ([('replace', '/node_taints', '[]'), ('replace', '/node_labels', '{}')],
     {'node_taints': [], 'node_labels': {}, 'status': 'UPDATE_COMPLETE'})])
@pytest.mark.parametrize('version', ['1.9', 'latest'])
def test_a_patch_answers_with_the_new_values(world, version, operations,
                                             shown):
    answer = patch(world, *operations, version=version)
    assert answer.status_int == 202, answer.text
    assert set(answer.json) == FULL
    assert shown.items() <= answer.json.items()
    assert world('GET', f'{PATH}/default-worker',
                 version=version).json == answer.json
    assert world('GET', '/v1/clusters/c').json['status'] == (
        answer.json['status'])


@pytest.mark.parametrize(('operation', 'status'), [
    (('replace', '/min_node_count', -1), 400),
    (('replace', '/min_node_count', 1.5), 400),
    (('replace', '/min_node_count', None), 400),
    (('replace', '/max_node_count', True), 400),
    (('replace', '/max_node_count/x', 1), 400),
    (('replace', '/node_labels', 'a=b'), 400),
    (('replace', '/node_labels', '[]'), 400),
    (('replace', '/node_labels', {'a': 1}), 400),
    (('replace', '/node_labels/a', 'b'), 400),
    (('remove', '/node_labels/a'), 400),
    (('replace', '/node_taints', '{}'), 400),
    (('replace', '/node_taints', [{'key': 1}]), 400),
    (('add', '/node_taints/0', 'x'), 400),
    (('move', '/node_taints', 'x'), 400),
    (('replace', '/min_node_count', 2), 409),
    (('replace', '/node_labels', {'k8s.io/a': 'b'}), 409),
    (('replace', '/node_taints', [{'key': 'a'}]), 409)])
def test_a_patch_is_refused_as_a_whole(world, operation, status):
    answer = patch(world, ('add', '/max_node_count', 9), operation)
    assert answer.status_int == status, answer.text
    read = world('GET', f'{PATH}/default-worker', version='latest').json
    assert (read['max_node_count'], read['status']) == (None,
                                                        'UPDATE_COMPLETE')


def test_limits_are_looked_at_together(world):
    assert patch(world, ('replace', '/min_node_count', 1),
                 ('add', '/max_node_count', 1)).status_int == 202
    # Each by itself would contradict what there is.
    world('POST', '/v1/clusters/c/actions/resize', {'node_count': 1},
          version='latest')
    answer = patch(world, ('replace', '/min_node_count', 3),
                   ('replace', '/max_node_count', 2))
    assert answer.status_int == 409
    assert title(answer) == 'min_node_count 3 is above max_node_count 2'


@pytest.mark.parametrize(('token', 'cluster', 'name', 'status'), [
    ('reader', 'nothing', 'nothing', 404), ('reader', 'c', 'nothing', 403),
    ('member', 'c', 'nothing', 404), ('far-admin', 'c', 'default-worker',
                                      202)])
def test_a_patch_looks_for_the_cluster_the_right_and_the_group(
        world, token, cluster, name, status):
    answer = world('PATCH', f'/v1/clusters/{cluster}/nodegroups/{name}',
                   [{'op': 'add', 'path': '/max_node_count', 'value': 2}],
                   token=token, version='latest')
    assert answer.status_int == status


def test_masters_have_limits_and_no_labels(world):
    assert patch(world, ('add', '/max_node_count', 3),
                 name='default-master').status_int == 202
    assert patch(world, ('add', '/node_labels/a', 'b'),
                 name='default-master').status_int == 409
