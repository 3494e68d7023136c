# SPDX-License-Identifier: Apache-2.0
"""Who sees which templates, makes clusters of them, and changes them.

One table; its rows are those of the contract.
"""

import pytest

from magnum.tests import factories

# What a template is: (project, public, hidden).
KINDS = {'own': ('p', False, False), 'own-public': ('p', True, False),
         'own-hidden': ('p', False, True),
         'own-both': ('p', True, True),
         'other': ('q', False, False), 'public': ('q', True, False),
         'both': ('q', True, True), 'hidden': ('q', False, True)}

# (list, get, new cluster, the same below 1.10, patch, delete)
MEMBER = {'own': (True, 200, 202, 202, 200, 204),
          'own-public': (True, 200, 202, 202, 200, 204),
          'own-hidden': (True, 200, 403, 403, 200, 204),
          'own-both': (True, 200, 403, 403, 200, 204),
          'other': (False, 404, 404, 400, 404, 404),
          'public': (True, 200, 202, 202, 403, 403),
          'both': (False, 404, 404, 400, 404, 404),
          'hidden': (False, 404, 404, 400, 404, 404)}

ADMIN = {kind: (True, 200, 202, 202, 200, 204) for kind in KINDS}
# An administrator makes clusters of what is the project's or public.
ADMIN['other'] = ADMIN['hidden'] = (True, 200, 404, 400, 200, 204)

CASES = [(caller, kind, *expected)
         for caller, table in (('member', MEMBER), ('admin', ADMIN))
         for kind, expected in table.items()]


@pytest.fixture
def uuids(api):
    rows = {kind: factories.template(name=kind, project_id=project,
                                     public=public, hidden=hidden)
            for kind, (project, public, hidden) in KINDS.items()}
    factories.store(*rows.values())
    return {kind: row.uuid for kind, row in rows.items()}


@pytest.mark.parametrize(
    ('caller', 'kind', 'listed', 'shown', 'made', 'made_before', 'changed',
     'deleted'), CASES)
def test_each_sees_and_does_what_the_table_says(
        api, uuids, caller, kind, listed, shown, made, made_before, changed,
        deleted):
    for path in ('/v1/clustertemplates', '/v1/clustertemplates/detail'):
        names = [item['name'] for item in
                 api('GET', path, token=caller).json['clustertemplates']]
        assert (kind in names) is listed
        assert len(names) == len(set(names))
    for ident in (kind, uuids[kind]):
        path = f'/v1/clustertemplates/{ident}'
        assert api('GET', path, token=caller).status_int == shown
        for version, status in (('1.10', made), ('1.9', made_before)):
            answer = api('POST', '/v1/clusters',
                         {'cluster_template_id': ident, 'name': 'c'},
                         token=caller, version=version)
            assert answer.status_int == status, answer.text
            if status == 202:
                uuid = answer.json['uuid']
                assert api('GET', f'/v1/clusters/{uuid}', token=caller).json[
                    'cluster_template_id'] == uuids[kind]
                api('GET', f'/_played/{uuid}/DELETE_COMPLETE')
        for tags in ('x', 'y'):
            assert api('PATCH', path, [
                {'op': 'add', 'path': '/tags', 'value': tags}],
                token=caller).status_int == changed
    assert api('DELETE', path, token=caller).status_int == deleted
    assert api('GET', path, token='far-admin').status_int == (
        404 if deleted == 204 else 200)


@pytest.mark.parametrize(('kind', 'status'), [
    ('own', 403), ('own-public', 200), ('own-hidden', 403),
    ('own-both', 200), ('public', 200), ('both', 404), ('hidden', 404)])
def test_what_is_public_needs_no_role(api, uuids, kind, status):
    assert api('GET', f'/v1/clustertemplates/{kind}', token='bystander'
               ).status_int == status


@pytest.mark.parametrize('flag', ['public', 'hidden'])
def test_only_administrators_publish_and_hide(api, uuids, flag):
    body = {'coe': 'kubernetes', 'image_id': 'ubuntu-k8s'}
    for token, value, status in (
            ('member', True, 403), ('member', 'yes', 403),
            ('member', False, 201), ('member', None, 201),
            ('admin', True, 201)):
        answer = api('POST', '/v1/clustertemplates', {**body, flag: value},
                     token=token)
        assert answer.status_int == status, answer.text
        assert status != 201 or answer.json[flag] is (value is True)
    for token, kind, value, status in (
            ('member', 'own', True, 403), ('member', 'own-both', False, 403),
            # No change is nobody's business.
            ('member', 'own', 'False', 200), ('member', 'own-both', 1, 200),
            ('admin', 'own', True, 200), ('admin', 'own', 'off', 200)):
        answer = api('PATCH', f'/v1/clustertemplates/{kind}', [
            {'op': 'replace', 'path': f'/{flag}', 'value': value}],
            token=token)
        assert answer.status_int == status, answer.text


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'DELETE'])
@pytest.mark.parametrize('kind', ['clusters', 'clustertemplates'])
def test_a_name_of_several_is_a_conflict_a_uuid_is_not(api, method, kind):
    make, patched = {
        'clusters': (factories.cluster, 202),
        'clustertemplates': (factories.template, 200)}[kind]
    rows = [make(name='twin') for _ in range(2)]
    # Those that the caller cannot see do not count.
    factories.store(*rows, make(name='lone'),
                    make(name='lone', project_id='q'))
    word = 'clusters' if kind == 'clusters' else 'ClusterTemplates'
    answer = api(method, f'/v1/{kind}/twin', [] if method == 'PATCH' else None)
    assert answer.status_int == 409
    assert answer.json['errors'][0]['detail'].startswith(
        f'Multiple {word} exist with same name.')
    assert 'uuid' in answer.json['errors'][0]['detail']
    found = {'DELETE': 204, 'PATCH': patched, 'GET': 200}[method]
    for ident, status in (
            ('lone', found), (rows[0].uuid, found),
            # The stored form of a uuid is compared literally.
            (rows[1].uuid.replace('-', ''), 404),
            (rows[1].uuid.upper(), 404)):
        answer = api(method, f'/v1/{kind}/{ident}',
                     [] if method == 'PATCH' else None)
        assert answer.status_int == status, answer.text


@pytest.mark.parametrize('ident', ['7', 'nothing',
                                   '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'])
@pytest.mark.parametrize('method', ['GET', 'PATCH', 'DELETE'])
def test_what_there_is_none_of_is_not_found(api, method, ident):
    factories.store(*(factories.template() for _ in range(7)))
    for kind, word in (('clusters', 'Cluster'),
                       ('clustertemplates', 'ClusterTemplate')):
        answer = api(method, f'/v1/{kind}/{ident}',
                     [] if method == 'PATCH' else None)
        assert answer.status_int == 404
        assert answer.json['errors'][0]['detail'] == (
            f'{word} {ident} could not be found.')


def test_a_template_named_like_a_number_is_found_by_its_name(api):
    factories.store(factories.template(), factories.template(name='1'))
    uuid = api('GET', '/v1/clustertemplates/1').json['uuid']
    made = api('POST', '/v1/clusters', {'cluster_template_id': '1'})
    assert api('GET', f'/v1/clusters/{made.json["uuid"]}').json[
        'cluster_template_id'] == uuid
