# SPDX-License-Identifier: Apache-2.0
"""Each attribute of a cluster template: what it takes, and what it is then.

One table; every value is sent in a POST and in a PATCH.
"""

import dataclasses
from typing import Any

import pytest

from magnum.tests import factories

MINIMAL = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}
UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

NO_TEXT = ('', 'x' * 256, 7, 1.5, True, ['a'], {'a': 'b'}, 'a\0b')
WORDS = ((True, True), (1, True), ('1', True), ('t', True), ('True', True),
         ('ON', True), ('y', True), ('yes', True), (False, False),
         (0, False), ('0', False), ('f', False), ('FALSE', False),
         ('off', False), ('n', False), ('No', False))
NO_FLAG = ('maybe', '', 2, -1, 1.0, [True], {'a': True})


@dataclasses.dataclass
class Row:
    """One attribute.

    :param good: pairs of what is sent and what is answered.
    :param null: what null in a POST comes to.
    :param removed: what a patch's remove comes to.
    """

    name: str
    good: tuple
    bad: tuple
    null: Any = None
    removed: Any = None


class Refused:
    """A `null` or a `removed` that is answered with 400."""


def text(name, *values, bad=(), **options):
    """An attribute that is text of one of these values."""
    return Row(name, tuple((value, value) for value in values),
               (*NO_TEXT, *bad), **options)


def free(name):
    """An attribute that is any text."""
    return text(name, 'x', 'x' * 255, 'two words, ü', '7')


def flag(name, initial, **options):
    return Row(name, WORDS, NO_FLAG, null=initial, **options)


def number(name, low, high):
    return Row(name, ((low, low), (str(low), low), (high, high),
                      (str(high), high)),
               (low - 1, high + 1, str(low - 1), 1.5, float(low), '', 'x',
                True, [low], f'{low}.0', f'-{low}'))


PROXIES = ('http://proxy', 'http://proxy:3128', 'https://10.0.0.1:3128/',
           'http://me:p%40ss@proxy.example.org:3128', 'proxy:3128',
           'socks5://me@proxy', 'http://[fd00::1]:3128', 'http://a_b/x')
NO_PROXIES = ('http://p:1"\nExecStartPre=/bin/sh -c "touch /pwned"\n#',
              'http://a b', 'http://p%4', "http://'x'", 'http://$x:1',
              'http://p`x`', 'http://a\\b', 'ftp://p', 'http://', 'http://ü',
              'http://p\n', ' http://p', 'http://p?x=%0a')

LABELS = ((({'a': 'b', 'c': ''},) * 2), ({}, {}),
          ({'i': 1, 't': True, 'f': 1.5, 'n': False},
           {'i': '1', 't': 'True', 'f': '1.5', 'n': 'False'}))
NO_LABELS = ({'a': None}, {'a': []}, {'a': {}}, ['a'], 7, 'a=b',
             {'boot_volume_size': 'big'})

TABLE = [
    free('name'),
    text('coe', 'kubernetes', null=Refused, removed=Refused,
         bad=('Kubernetes', 'swarm', 'swarm-mode', 'mesos')),
    text('image_id', 'ubuntu-k8s', 'i-1', null=Refused, removed=Refused,
         bad=('nothing', 'plain')),
    text('flavor_id', 'm1.small', 'f-2', bad=('nothing', 'diskless')),
    text('master_flavor_id', 'm1.small', 'f-2', bad=('nothing', 'diskless')),
    text('dns_nameserver', '8.8.8.8', '8.8.8.8,8.8.4.4',
         ' 8.8.8.8 , 8.8.4.4 ', '2001:db8::1', '::', '1:2:3:4:5:6:7:8',
         '::1, 8.8.8.8,fe80::1:2', '1:2:3:4:5:6:7::', bad=(
             'dns.example.org', '8.8.8', '8.8.8.8,', '8.8.8.8 8.8.4.4',
             ','.join(['8.8.8.8'] * 40), '2001:db8::1::', '2001:db8:1',
             'fe80::1%eth0', 'fe80::1%\n"', '[::1]')),
    free('keypair_id'),
    text('external_network_id', 'public', 'n-1', bad=('nothing', 'private'),
         removed=Refused),
    text('fixed_network', 'private', 'n-2', bad=('nothing',)),
    text('fixed_subnet', 'private-subnet', 's-1', bad=('nothing',)),
    text('network_driver', 'flannel', 'calico', null='flannel',
         bad=('cilium', 'nothing', 'Flannel'), removed=Refused),
    number('apiserver_port', 1024, 65535),
    number('docker_volume_size', 1, 2 ** 31 - 1),
    text('http_proxy', *PROXIES, bad=NO_PROXIES),
    text('https_proxy', *PROXIES, bad=NO_PROXIES),
    text('no_proxy', 'localhost,.local', '10.0.0.0/8, *.example.org', '*',
         'a b', '[::1],fd00::/8', 'x' * 255,
         bad=('a\nb', 'a"', "a'", 'a\\b', '%', '$x', '`x`', 'a;b', 'ü')),
    text('volume_driver', 'cinder', bad=('rexray', 'nothing')),
    flag('registry_enabled', False, removed=Refused),
    Row('labels', LABELS, NO_LABELS, null={}, removed={}),
    flag('tls_disabled', False, removed=Refused),
    flag('public', False, removed=Refused),
    text('server_type', 'vm', null=Refused, removed=Refused,
         bad=('lpar', 'VM')),
    text('insecure_registry', 'registry', 'registry:5000', '10.0.0.1:5000',
         '[fd00::1]:5000', 'x' * 255, bad=(
             '../../../../home/x', 'a/b', 'http://registry:5000', 'a b',
             'a"]', 'a\n[x]', '.', '..', 'registry:', 'registry:123456',
             '10.0.0.0/8', 'ü')),
    text('docker_storage_driver', 'overlay2', 'x' * 255, '7',
         bad=('two words', 'a;b', '$(x)', 'a\nb', '-x', '../x', 'ü')),
    flag('master_lb_enabled', False, removed=False),
    flag('floating_ip_enabled', True, removed=True),
    flag('hidden', False, removed=Refused),
    Row('tags', (('', ''), ('a,b', 'a,b'), ('x' * 255, 'x' * 255)),
        tuple(value for value in NO_TEXT if value != '')),
    text('driver', 'fake', 'able', null='fake', removed='fake',
         bad=('nothing',)),
]

# Attributes that are nobody's to set, and what else nobody may patch.
READONLY = ('project_id', 'user_id', 'created_at', 'updated_at', 'links',
            'status')
UNTOUCHABLE = ('uuid', 'id', *READONLY)

ALL = {row.name for row in TABLE} | {'uuid', 'cluster_distro', *READONLY}

table = pytest.mark.parametrize('row', TABLE, ids=lambda row: row.name)


def create(api, token='admin', **attributes):
    return api('POST', '/v1/clustertemplates', {**MINIMAL, **attributes},
               token=token)


def patch(api, op, path, value=None, what='t'):
    operation = {'op': op, 'path': path}
    if value is not None:
        operation['value'] = value
    return api('PATCH', f'/v1/clustertemplates/{what}', [operation],
               token='admin')


def refused(answer, name):
    assert answer.status_int == 400, answer.text
    assert name in answer.json['errors'][0]['title'], answer.text


def made(api, **columns):
    row = factories.template(**{'name': 't', **columns})
    factories.store(row)
    return row


def test_the_table_has_every_attribute(api):
    assert set(create(api).json) == ALL
    assert set(api('GET', '/v1/clustertemplates').json[
        'clustertemplates'][0]) == ALL


@table
def test_what_is_good_is_taken_by_a_post(api, row):
    for sent, stored in row.good:
        answer = create(api, **{row.name: sent})
        assert answer.status_int == 201, (sent, answer.text)
        assert answer.json[row.name] == stored, sent
        shown = api('GET', answer.headers['Location'], token='admin')
        assert shown.json == answer.json


@table
def test_what_is_bad_is_refused_by_a_post(api, row):
    for sent in row.bad:
        refused(create(api, **{row.name: sent}), row.name)
    assert api('GET', '/v1/clustertemplates', token='admin').json == {
        'clustertemplates': []}


@table
def test_null_is_as_good_as_nothing_in_a_post(api, row):
    answer = create(api, **{row.name: None})
    if row.null is Refused:
        return refused(answer, row.name)
    assert answer.status_int == 201, answer.text
    if row.name == 'name':
        assert answer.json['name'].endswith('-template')
    else:
        assert answer.json[row.name] == row.null
        assert create(api).json[row.name] == row.null


@table
def test_what_is_good_is_taken_by_a_patch(api, row):
    template = made(api)
    for sent, stored in row.good:
        # Whether it has a value already or not.
        op = 'replace' if sent == row.good[0][0] else 'add'
        answer = patch(api, op, f'/{row.name}', sent, template.uuid)
        assert answer.status_int == 200, (sent, answer.text)
        assert answer.json[row.name] == stored, sent
        assert set(answer.json) == ALL
        shown = api('GET', f'/v1/clustertemplates/{template.uuid}',
                    token='admin')
        assert shown.json == answer.json


@table
def test_what_is_bad_is_refused_by_a_patch(api, row):
    made(api)
    before = api('GET', '/v1/clustertemplates/t').json
    for op in ('replace', 'add'):
        for sent in (*row.bad, None):
            refused(patch(api, op, f'/{row.name}', sent), row.name)
    assert api('GET', '/v1/clustertemplates/t').json == before


@table
def test_remove_gives_the_default_again_or_is_refused(api, row):
    stored = next((stored for _, stored in reversed(row.good) if stored),
                  None)
    template = made(api, **{row.name: stored})
    for more in ({}, {'value': None}):
        answer = api('PATCH', f'/v1/clustertemplates/{template.uuid}',
                     [{'op': 'remove', 'path': f'/{row.name}', **more}],
                     token='admin')
        if row.removed is Refused:
            refused(answer, row.name)
        else:
            # The second time there is nothing left to be removed.
            assert answer.status_int == 200, answer.text
            assert answer.json[row.name] == row.removed


@pytest.mark.parametrize('row', [row for row in TABLE if row.good is WORDS
                                 or row.name.endswith(('port', 'size'))],
                         ids=lambda row: row.name)
def test_words_and_digits_are_stored_as_what_they_mean(api, row):
    for _, stored in row.good:
        assert type(create(api, **{row.name: str(stored)}).json[row.name]
                    ) is type(stored)


@pytest.mark.parametrize('name', READONLY)
def test_what_is_nobodys_to_set_is_refused_even_if_null(api, name):
    for value in (None, 'x'):
        refused(create(api, **{name: value}), name)


@pytest.mark.parametrize('name', UNTOUCHABLE)
def test_what_is_nobodys_to_change_is_refused(api, name):
    made(api)
    for op in ('add', 'replace', 'remove'):
        for path in (f'/{name}', f'/{name}/x'):
            refused(patch(api, op, path, 'x'), name)


def test_the_distribution_is_the_images_whatever_is_sent(api):
    for sent in ('fedora-coreos', 'x' * 255, None):
        assert create(api, cluster_distro=sent
                      ).json['cluster_distro'] == 'ubuntu'
    for sent in NO_TEXT:
        refused(create(api, cluster_distro=sent), 'cluster_distro')


def test_the_distribution_can_be_changed_but_not_removed(api):
    made(api)
    assert patch(api, 'replace', '/cluster_distro', 'flatcar'
                 ).json['cluster_distro'] == 'flatcar'
    refused(patch(api, 'remove', '/cluster_distro'), 'cluster_distro')
    for sent in NO_TEXT:
        refused(patch(api, 'replace', '/cluster_distro', sent),
                'cluster_distro')


def test_another_image_brings_its_distribution(api):
    made(api, driver='able')
    assert patch(api, 'replace', '/image_id', 'coreos'
                 ).json['cluster_distro'] == 'coreos'


def test_a_template_without_a_driver_needs_a_distribution_of_one(api):
    made(api, driver=None)
    assert patch(api, 'replace', '/cluster_distro', 'flatcar'
                 ).status_int == 400


def test_administrators_may_choose_the_uuid_but_once(api):
    for sent in (UUID, UUID.upper().replace('-', '')):
        answer = create(api, uuid=sent)
        assert answer.status_int == (201 if sent == UUID else 409)
        assert sent != UUID or answer.json['uuid'] == UUID
    assert create(api, uuid=None).json['uuid'] != UUID


def test_nobody_learns_from_a_uuid_that_it_is_taken(api):
    create(api, uuid=UUID)
    answer = create(api, uuid=UUID, token='stranger')
    assert answer.status_int == 201
    assert answer.json['uuid'] != UUID


def test_nobody_takes_over_the_uuid_of_a_template_that_is_gone(api):
    factories.store(factories.cluster(cluster_template_id=UUID))
    assert create(api, uuid=UUID, token='stranger').json['uuid'] != UUID
    assert create(api, uuid=UUID, token='member').json['uuid'] != UUID


def test_a_uuid_must_be_one(api):
    for sent in ('7', '', 7, UUID + 'x', [UUID]):
        refused(create(api, uuid=sent), 'uuid')


@pytest.mark.parametrize('value', [
    {'a': 'b', 'c': True}, '{"a": "b", "c": true}', "{'a': 'b', 'c': True}",
    '{"a": "b", "c": "True"}', {'a': 'b', 'c': 'True'}],
    ids=['native', 'json', 'python', 'json-text', 'text'])
@pytest.mark.parametrize('op', ['replace', 'add'])
def test_a_map_may_come_in_any_notation(api, op, value):
    made(api, labels={'old': 'x'})
    assert patch(api, op, '/labels', value).json['labels'] == {
        'a': 'b', 'c': 'True'}


def test_one_label_is_added_changed_and_removed(api):
    made(api)
    for op, path, value, labels in (
            ('add', '/labels/a', 'b', {'a': 'b'}),
            ('add', '/labels/a', 3, {'a': '3'}),
            ('replace', '/labels/a', True, {'a': 'True'}),
            ('add', '/labels/c-d_e', '', {'a': 'True', 'c-d_e': ''}),
            ('remove', '/labels/a', None, {'c-d_e': ''})):
        assert patch(api, op, path, value).json['labels'] == labels
    for op, path, value in (
            ('replace', '/labels/x', 'y'), ('remove', '/labels/x', None),
            ('add', '/labels/x/y', 'z'), ('add', '/labels/x', ['y']),
            ('add', '/labels/x', {}), ('add', '/labels/x', None)):
        refused(patch(api, op, path, value), 'labels')


def test_a_generated_name_is_a_letter_and_a_number(api):
    for _ in range(20):
        letter, number, kind = create(api).json['name'].split('-')
        assert letter in (
            'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda '
            'mu nu xi omicron pi rho sigma tau upsilon phi chi psi '
            'omega').split()
        assert 1 <= int(number) <= 24
        assert kind == 'template'


def test_all_defaults_are_those_that_are_promised(api):
    shown = create(api).json
    for name in ('uuid', 'name', 'links', 'created_at'):
        assert shown.pop(name)
    assert shown == {
        'coe': 'kubernetes', 'image_id': 'ubuntu-k8s', 'driver': 'fake',
        'cluster_distro': 'ubuntu', 'network_driver': 'flannel',
        'server_type': 'vm', 'labels': {}, 'registry_enabled': False,
        'tls_disabled': False, 'public': False, 'hidden': False,
        'master_lb_enabled': False, 'floating_ip_enabled': True,
        'project_id': 'p', 'user_id': 'admin', 'updated_at': None,
        'status': 'CREATE_COMPLETE', **dict.fromkeys((
            'flavor_id', 'master_flavor_id', 'dns_nameserver', 'keypair_id',
            'external_network_id', 'fixed_network', 'fixed_subnet',
            'apiserver_port', 'docker_volume_size', 'http_proxy',
            'https_proxy', 'no_proxy', 'volume_driver', 'insecure_registry',
            'docker_storage_driver', 'tags'))}


def test_the_state_says_whether_it_was_ever_changed(api):
    made(api)
    assert patch(api, 'replace', '/name', 't').json['status'] == (
        'CREATE_COMPLETE')
    answer = patch(api, 'replace', '/public', True)
    assert answer.json['status'] == 'UPDATE_COMPLETE'
    assert answer.json['updated_at'].endswith('+00:00')
    assert answer.json['public'] is True
