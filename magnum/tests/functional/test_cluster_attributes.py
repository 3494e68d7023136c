# SPDX-License-Identifier: Apache-2.0
"""Each attribute of a cluster: what it takes, and what a patch may do.

One table; every value is sent in a POST.
"""

import pytest

from magnum.tests import factories
from magnum.tests.functional import test_template_attributes as templates

Row, Refused = templates.Row, templates.Refused
text, free = templates.text, templates.free

# What the template of these tests has that a new cluster takes over.
OF_TEMPLATE = {'flavor_id': 'm1.small', 'master_flavor_id': 'm1.large',
               'docker_volume_size': 7, 'fixed_network': 'private',
               'fixed_subnet': 'private-subnet', 'master_lb_enabled': True,
               'floating_ip_enabled': False, 'labels': {'a': '1', 'b': '2'}}


def number(name, low, high, odd=False, **options):
    bad = (low - 1, str(low - 1), 2 ** 31, 1.5, float(low), '', 'x', True,
           [low], f'{low}.0', *((2, '4') if odd else ()))
    return Row(name, ((low, low), (str(low), low), (high, high)), bad,
               **options)


def flag(name):
    return Row(name, templates.WORDS, templates.NO_FLAG,
               null=OF_TEMPLATE[name])


TABLE = [
    Row('name', tuple((name, name) for name in (
        'c', 'C', 'a-b_c.9', 'x' * 242)),
        ('x' * 243, '1a', '-a', '_a', '.a', 'a b', 'a/b', 'ü', 'aü', 'a\n',
         '\na', 7, True, ['a'], {'a': 'b'})),
    text('keypair', 'key', null='key'),
    number('node_count', 0, 99, null=1),
    number('master_count', 1, 99, odd=True, null=1),
    number('docker_volume_size', 1, 99, null=7),
    Row('labels', ((({'x': 'y', 'z': ''},) * 2), ({}, OF_TEMPLATE['labels']),
                   ({'i': 1, 't': True, 'f': 1.5},
                    {'i': '1', 't': 'True', 'f': '1.5'})),
        (*templates.NO_LABELS, {'min_node_count': 'few'},
         {'min_node_count': -1}, {'min_node_count': 2 ** 31}),
        null=OF_TEMPLATE['labels']),
    text('flavor_id', 'm1.large', 'f-1', null='m1.small',
         bad=('nothing', 'diskless')),
    text('master_flavor_id', 'm1.small', 'f-2', null='m1.large',
         bad=('nothing', 'diskless')),
    number('create_timeout', 0, 43200),
    Row('discovery_url', (('', None), ('http://d/x', 'http://d/x')),
        ('x' * 256, 7, True, ['a'], 'http://d\nx', 'http://d"', 'http://$d')),
    text('fixed_network', 'private', 'n-2', null='private', bad=('nothing',)),
    text('fixed_subnet', 's-1', null='private-subnet', bad=('nothing',)),
    flag('floating_ip_enabled'),
    flag('master_lb_enabled'),
]

# Checked and dropped: a good value, and a bad one.
IGNORED = {'uuid': (templates.UUID, '7'),
           'status': ('CREATE_COMPLETE', 'FINE'),
           'status_reason': ('x', 7), 'faults': ({'a': 'b'}, ['a']),
           'labels_overridden': ({'q': 'r'}, ['q']),
           'labels_added': ({'q': 'r'}, ['q']),
           'labels_skipped': ({'q': 'r'}, ['q']),
           'health_status': ('HEALTHY', 'FINE'),
           'health_status_reason': ({'a': 'b'}, 'x')}

READONLY = ('stack_id', 'cluster_id', 'api_address', 'coe_version',
            'container_version', 'project_id', 'user_id', 'node_addresses',
            'master_addresses', 'links', 'created_at', 'updated_at')

FULL = ({row.name for row in TABLE} | set(IGNORED) | set(READONLY)
        | {'cluster_template_id', 'merge_labels'}) - {'faults'}

SHORT = {'uuid', 'name', 'cluster_template_id', 'keypair',
         'docker_volume_size', 'labels', 'node_count', 'status',
         'master_flavor_id', 'flavor_id', 'create_timeout', 'master_count',
         'health_status', 'stack_id', 'links', 'merge_labels',
         # What other clients have asked for.
         'project_id', 'api_address', 'status_reason', 'coe_version',
         'floating_ip_enabled', 'fixed_network', 'fixed_subnet',
         'created_at', 'updated_at'}

UNTOUCHABLE = ('created_at', 'id', 'links', 'updated_at', 'uuid',
               'project_id', 'user_id', 'api_address', 'node_addresses',
               'master_addresses', 'stack_id', 'cluster_id', 'ca_cert_ref',
               'magnum_cert_ref', 'etcd_ca_cert_ref',
               'front_proxy_ca_cert_ref')

# Of a cluster that was built: what it has, and what it does not.
PRESENT = {'name': 'c', 'keypair': 'key', 'docker_volume_size': 7,
           'labels': {'a': '1'}, 'flavor_id': 'm1.small',
           'master_flavor_id': 'm1.large', 'create_timeout': 60,
           'discovery_url': 'http://d', 'coe_version': 'v1.31.0',
           'container_version': '1.7', 'fixed_network': 'private',
           'fixed_subnet': 'private-subnet', 'floating_ip_enabled': True,
           'master_lb_enabled': False, 'status': 'UPDATE_COMPLETE',
           'status_reason': 'x'}

table = pytest.mark.parametrize('row', TABLE, ids=lambda row: row.name)


@pytest.fixture
def template(api):
    row = factories.template(name='t', keypair_id='key', **OF_TEMPLATE)
    factories.store(row)
    return row


@pytest.fixture
def cluster(api, template):
    row = factories.cluster(cluster_template_id=template.uuid, **PRESENT)
    factories.store(row, *factories.nodegroups(row))
    return row


def create(api, **attributes):
    return api('POST', '/v1/clusters',
               {'cluster_template_id': 't', **attributes}, version='latest')


def made(api, **attributes):
    answer = create(api, **attributes)
    assert answer.status_int == 202, (attributes, answer.text)
    assert list(answer.json) == ['uuid']
    return api('GET', f'/v1/clusters/{answer.json["uuid"]}',
               version='latest').json


def patch(api, *operations, version='latest'):
    return api('PATCH', '/v1/clusters/c', list(operations), version=version)


def replace(name, value, op='replace'):
    return {'op': op, 'path': f'/{name}', 'value': value}


def remove(name):
    return {'op': 'remove', 'path': f'/{name}'}


def refused(answer, name):
    assert answer.status_int == 400, answer.text
    assert name in answer.json['errors'][0]['title'], answer.text


def test_the_table_has_every_attribute(api, cluster):
    shown = api('GET', '/v1/clusters/c', version='latest').json
    assert set(shown) == FULL
    assert set(api('GET', '/v1/clusters/detail', version='latest').json[
        'clusters'][0]) == FULL
    for path in ('/v1/clusters/c', '/v1/clusters/detail'):
        old = api('GET', path, version='1.12').json
        assert set(old.get('clusters', [old])[0]) == FULL - {'cluster_id'}


def test_the_short_list_has_all_that_was_promised(api, cluster):
    item, = api('GET', '/v1/clusters', version='1.12').json['clusters']
    assert set(item) >= SHORT
    assert 'cluster_id' not in item
    # Go clients join the pages by the first array that they find.
    assert [name for name in item if isinstance(item[name], list)] == [
        'links']
    item, = api('GET', '/v1/clusters', version='1.13').json['clusters']
    assert item['cluster_id'] == item['stack_id'] == cluster.stack_id


@table
def test_what_is_good_is_taken(api, template, row):
    for sent, stored in row.good:
        assert made(api, **{row.name: sent})[row.name] == stored, sent


@table
def test_what_is_bad_is_refused(api, template, row):
    for sent in row.bad:
        refused(create(api, **{row.name: sent}), row.name)
    assert api('GET', '/v1/clusters').json == {'clusters': []}


@table
def test_null_is_as_good_as_nothing(api, template, row):
    shown = made(api, **{row.name: None})
    if row.name == 'name':
        for given in (shown, made(api, name=''), made(api)):
            assert given['name'].endswith('-cluster')
    else:
        assert shown[row.name] == row.null
    if row.name != 'create_timeout':
        assert row.name == 'name' or made(api)[row.name] == row.null


@pytest.mark.parametrize('name', IGNORED)
def test_what_is_ignored_is_checked_and_dropped(api, template, name):
    good, bad = IGNORED[name]
    usual = made(api)
    for sent in (good, None):
        shown = made(api, **{name: sent})
        if name == 'uuid':
            assert shown['uuid'] != good
        elif name == 'faults':
            assert 'faults' not in shown
        else:
            assert shown[name] == usual[name]
    refused(create(api, **{name: bad}), name)


@pytest.mark.parametrize('name', READONLY)
def test_what_is_nobodys_to_set_is_refused_even_if_null(api, template, name):
    for value in (None, 'x'):
        refused(create(api, **{name: value}), name)


def test_all_defaults_are_those_that_are_promised(api, template):
    shown = made(api)
    for name in ('uuid', 'name', 'links', 'created_at'):
        assert shown.pop(name)
    assert shown == {
        'cluster_template_id': template.uuid, 'keypair': 'key',
        'node_count': 1, 'master_count': 1, 'create_timeout': 60,
        **OF_TEMPLATE, 'merge_labels': False, 'labels_overridden': {},
        'labels_added': {}, 'labels_skipped': {}, 'project_id': 'p',
        'user_id': 'owner', 'status': 'CREATE_IN_PROGRESS',
        'health_status_reason': {}, 'node_addresses': [],
        'master_addresses': [], **dict.fromkeys((
            'status_reason', 'health_status', 'stack_id', 'cluster_id',
            'api_address', 'coe_version', 'container_version',
            'discovery_url', 'updated_at'))}


@pytest.mark.parametrize(('own', 'merge', 'stored', 'differences'), [
    (None, True, {'a': '1', 'b': '2'}, ({}, {}, {})),
    ({}, True, {'a': '1', 'b': '2'}, ({}, {}, {})),
    ({}, False, {'a': '1', 'b': '2'}, ({}, {}, {})),
    ({'b': 3, 'c': True}, False, {'b': '3', 'c': 'True'},
     ({'b': '2'}, {'c': 'True'}, {'a': '1'})),
    ({'b': 3, 'c': True}, None, {'b': '3', 'c': 'True'},
     ({'b': '2'}, {'c': 'True'}, {'a': '1'})),
    ({'b': 3, 'c': True}, 'True', {'a': '1', 'b': '3', 'c': 'True'},
     ({'b': '2'}, {'c': 'True'}, {})),
    ({'a': '1'}, True, {'a': '1', 'b': '2'}, ({}, {}, {}))])
def test_labels_are_those_sent_the_templates_or_both(api, template, own,
                                                     merge, stored,
                                                     differences):
    shown = made(api, labels=own, merge_labels=merge)
    assert shown['labels'] == stored
    assert (shown['labels_overridden'], shown['labels_added'],
            shown['labels_skipped']) == differences
    assert shown['merge_labels'] is False
    group = api('GET', f'/v1/clusters/{shown["uuid"]}/nodegroups/'
                       f'default-master', version='latest').json
    assert group['labels'] == stored


def test_the_difference_of_labels_is_to_what_the_template_says_now(api,
                                                                  cluster):
    assert api('GET', '/v1/clusters/c').json['labels_skipped'] == {'b': '2'}
    factories.store(factories.cluster(name='old', labels={'x': 'y'}))
    lost = api('GET', '/v1/clusters/old').json
    assert lost['labels_added'] == {'x': 'y'}
    assert lost['labels_skipped'] == lost['labels_overridden'] == {}


@pytest.mark.parametrize('name', PRESENT)
def test_the_present_value_may_be_given_again_but_no_other(api, cluster,
                                                           name):
    before = api('GET', '/v1/clusters/c').json
    for op in ('replace', 'add'):
        assert patch(api, replace(name, PRESENT[name], op)).status_int == 202
    other = {'labels': {'z': '1'}, 'status': 'UPDATE_FAILED'}.get(
        name, not PRESENT[name] if isinstance(PRESENT[name], bool) else '9')
    refused(patch(api, replace(name, other)), name)
    if name == 'create_timeout':
        # What is left is the default, which it is already.
        assert patch(api, remove(name)).status_int == 202
    else:
        refused(patch(api, remove(name)), name)
    assert api('GET', '/v1/clusters/c').json == before


@pytest.mark.parametrize('name', UNTOUCHABLE)
def test_what_must_not_be_touched_is_refused(api, cluster, name):
    for path in (name, f'{name}/x'):
        for operation in (replace(path, 'x'), replace(path, 'x', 'add'),
                          remove(path)):
            refused(patch(api, operation), f'/{path}')


@pytest.mark.parametrize('operation', [
    remove('cluster_template_id'), replace('cluster_template_id', 'x'),
    replace('master_count', 3), replace('labels/z', 'x', 'add'),
    replace('labels/a', 'x'), remove('labels/a'), remove('color'),
    replace('color', 'red', 'add'), replace('faults', {'a': 'b'}, 'add'),
    replace('labels_added', {'a': 'b'}, 'add'),
    replace('merge_labels', True), replace('health_status', 'FINE'),
    replace('health_status', ''), replace('health_status/x', 'y', 'add'),
    replace('health_status_reason', 'down'),
    replace('health_status_reason', ['down']),
    replace('health_status_reason', {'a': 1}),
    replace('health_status_reason', "{'a': None}"),
    replace('health_status_reason/x', 'y'), remove('health_status_reason/x'),
    replace('node_count', -1), replace('node_count', '-1'),
    replace('node_count', 1.0), replace('node_count', True),
    replace('node_count', 'x'), replace('node_count', None),
    replace('node_count', [1]), replace('node_count', 2 ** 31)])
def test_what_a_cluster_cannot_be_changed_to_is_refused(api, cluster,
                                                        operation):
    name = operation['path'].split('/')[1]
    refused(patch(api, operation), name)
    shown = api('GET', '/v1/clusters/c').json
    assert shown['status'] == 'UPDATE_COMPLETE'
    assert shown['updated_at'] is None


@pytest.mark.parametrize('value', [
    {'api': 'ok', 'n': 'True'}, '{"api": "ok", "n": "True"}',
    "{'api': 'ok', 'n': 'True'}"], ids=['native', 'json', 'python'])
@pytest.mark.parametrize('op', ['replace', 'add'])
def test_health_is_told_in_any_notation(api, cluster, op, value):
    assert patch(api, replace('health_status', 'UNHEALTHY', op),
                 replace('health_status_reason', value, op)
                 ).status_int == 202
    shown = api('GET', '/v1/clusters/c').json
    assert shown['health_status'] == 'UNHEALTHY'
    assert shown['health_status_reason'] == {'api': 'ok', 'n': 'True'}
    assert shown['status'] == 'UPDATE_COMPLETE'
    for name, value in (('health_status', None),
                        ('health_status_reason', {})):
        for _ in range(2):
            assert patch(api, remove(name)).status_int == 202
        assert api('GET', '/v1/clusters/c').json[name] == value


@pytest.mark.parametrize(('operation', 'size'), [
    (replace('node_count', 3), 3), (replace('node_count', '3'), 3),
    (replace('node_count', 3, 'add'), 3), (replace('node_count', 0), 0),
    (remove('node_count'), 1)])
def test_the_size_of_the_default_workers_is_changed(api, cluster, operation,
                                                    size):
    assert patch(api, replace('node_count', 2)).status_int == 202
    api('GET', f'/_played/{cluster.uuid}/UPDATE_COMPLETE')
    assert patch(api, operation).status_int == 202
    shown = api('GET', '/v1/clusters/c').json
    assert shown['node_count'] == size
    assert shown['status'] == 'UPDATE_IN_PROGRESS'
    assert shown['status_reason'] is None
