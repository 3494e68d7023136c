# SPDX-License-Identifier: Apache-2.0
"""Sessions, tokens, look-ups, and what other services' refusals become."""

import time

from heatclient import exc as heat_exc
from keystoneauth1 import exceptions as ka_exc
from oslo_config import cfg
import pytest
import requests

from magnum import errors
from magnum import openstack
from magnum.openstack import records
from magnum.openstack import sessions
from magnum.tests.fakes import web

CONF = cfg.CONF

UUID = '5d12f6fd-a196-4bf0-ae4c-1f639a523a52'

cloud = web.cloud


@pytest.fixture
def user(cloud):
    """The cloud as a user."""
    return openstack.token_cloud(cloud.keystone.user_token())


def serve(cloud, host, answers):
    """Have a host answer by path; a value may ask for the query."""
    def answer(method, path, query, body, headers):
        if path not in answers:
            return 404, {'itemNotFound': {'message': 'none'}}
        found = answers[path]
        return 200, found(query) if callable(found) else found
    cloud.web.services[host] = answer


def named(key, rows):
    """A list that can be filtered, as Neutron's and Glance's can."""
    def listed(query):
        return {key: [row for row in rows
                      if all(str(row.get(name)) == value
                             for name, value in query.items()
                             if name != 'fields')]}
    return listed


def test_a_token_is_shown_to_keystone_once(cloud):
    token = cloud.keystone.user_token()
    known = openstack.token_cloud(token)
    cloud.web.seen.clear()
    assert openstack.token_cloud(token) is known
    assert cloud.web.seen == []
    assert (known.user_id, known.project_id) == ('owner', 'p')
    assert known.roles == ['admin', 'member', 'reader']


def test_only_so_many_tokens_are_remembered(cloud, monkeypatch):
    monkeypatch.setattr(sessions, 'TOKENS', 2)
    for _ in range(5):
        openstack.token_cloud(cloud.keystone.user_token())
    assert len(sessions._clouds) == 2


def test_a_token_that_ended_is_refused(cloud):
    with pytest.raises(errors.AuthorisationEnded):
        openstack.token_cloud('never issued')


def test_a_token_that_ends_later_is_noticed(cloud, user):
    serve(cloud, 'nova', {})
    cloud.web.broken['nova'] = 401
    with pytest.raises(errors.AuthorisationEnded, match='Nova'):
        user.flavor('m1.small')


def test_a_refused_login_of_the_service_is_not_the_users_fault(cloud):
    CONF.set_override('password', 'wrong', 'keystone_auth')
    openstack.reset()
    openstack.service_session().session.mount('http://', cloud.web)
    with pytest.raises(errors.ServiceUnavailable, match='own login'):
        openstack.token_cloud(cloud.keystone.user_token())


@pytest.mark.parametrize('fault', [
    502, 503, 429, requests.ConnectionError(), requests.Timeout(),
    requests.exceptions.SSLError()])
def test_a_service_out_of_order_is_temporary(cloud, user, fault):
    cloud.web.broken['neutron'] = fault
    with pytest.raises(errors.Temporary, match='Neutron'):
        user.network('private')


def test_all_calls_have_a_time_out(cloud, user):
    serve(cloud, 'glance', {'/v2/images': {'images': []}})
    with pytest.raises(errors.NotFound):
        user.image('x')
    assert set(cloud.web.timeouts) == {sessions.TIMEOUT}


class Caller:
    """The context of a request, as far as its cloud needs it."""

    project_id, user_id, roles = 'p', 'owner', ['member']

    def __init__(self, auth):
        self.auth_plugin = auth


def test_the_look_ups_of_a_request_have_a_limit_together(cloud, user,
                                                         monkeypatch):
    serve(cloud, 'glance', {'/v2/images': {'images': []}})
    now = [1000.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    mine = openstack.request_cloud(Caller(user._auth))
    cloud.web.timeouts.clear()
    for passed, timeout in ((0, 10), (20, 5), (8, 1)):
        now[0] += passed
        with pytest.raises(errors.NotFound):
            mine.image('x')
        # With its repetition a call ends in time.
        assert set(cloud.web.timeouts) == {timeout}
        cloud.web.timeouts.clear()
    now[0] += 2
    with pytest.raises(errors.ServiceUnavailable, match='Glance'):
        mine.image('x')
    assert cloud.web.timeouts == []


def test_calls_of_a_user_carry_the_services_token_too(cloud, user):
    seen = []

    def nova(method, path, query, body, headers):
        seen.append(headers)
        return 200, {'keypair': {}}
    cloud.web.services['nova'] = nova
    user.keypair('key')
    asked = cloud.keystone.tokens
    assert asked[seen[0]['X-Auth-Token']]['user']['id'] == 'owner'
    assert asked[seen[0]['X-Service-Token']]['user']['id'] == 'magnum'


def test_an_answer_that_is_no_json_is_temporary(cloud, user):
    cloud.web.services['neutron'] = lambda *_: (200, '<html>Welcome!</html>')
    with pytest.raises(errors.Temporary, match='Neutron'):
        user.network('private')


def test_a_service_that_is_not_there_is_named(cloud, user):
    with pytest.raises(errors.InfrastructureFailed, match='Cinder'):
        user.volume_types()
    assert user.has_service('load-balancer')
    assert not user.has_service('block-storage')


def test_an_image_is_found_by_name_and_id(cloud, user):
    image = {'id': UUID, 'name': 'ubuntu', 'os_distro': 'ubuntu', 'size': 3}
    serve(cloud, 'glance', {f'/v2/images/{UUID}': image,
                            '/v2/images': named('images', [image])})
    assert user.image('ubuntu') == user.image(UUID)
    assert user.image('ubuntu').properties['os_distro'] == 'ubuntu'


def test_an_image_of_the_community_is_found_by_name(cloud, user):
    image = {'id': UUID, 'name': 'ubuntu', 'visibility': 'community'}

    def images(query):
        # As Glance: in no list unless asked for.
        return {'images': [image] if query == {
            'name': 'ubuntu', 'visibility': 'community'} else []}
    serve(cloud, 'glance', {'/v2/images': images})
    assert user.image('ubuntu').id == UUID
    with pytest.raises(errors.NotFound):
        user.image('other')


def test_an_image_says_what_it_needs(cloud, user):
    serve(cloud, 'glance', {f'/v2/images/{UUID}': {
        'id': UUID, 'name': None, 'status': 'deactivated', 'min_disk': 5,
        'min_ram': 512, 'size': 3 * 2 ** 29}})
    image = user.image(UUID)
    assert (image.status, image.min_disk, image.min_ram, image.size) == (
        'deactivated', 5, 512, 1.5)


ROUTERS = [{'id': 'r1', 'external_gateway_info': {'network_id': 'public'}},
           {'id': 'r2', 'external_gateway_info': None}]


@pytest.mark.parametrize(('ports', 'reached'), [
    ([], set()), ([('r1', 's')], {'public'}), ([('r2', 's')], set()),
    ([('r1', 's'), ('r2', 's')], {'public'}), ([('r1', 'other')], set()),
    # A router of somebody else's may lead anywhere.
    ([('r3', 's')], None), ([('r1', 's'), ('r3', 's')], None)])
def test_routers_tell_what_is_outside_of_a_network(cloud, user, ports,
                                                   reached):
    def router_rows(query):
        return {'routers': [row for row in ROUTERS
                            if row['id'] in dict(ports)]}
    serve(cloud, 'neutron', {'/v2.0/routers': router_rows, '/v2.0/ports': {
        'ports': [{'device_id': device, 'fixed_ips': [{'subnet_id': subnet}]}
                  for device, subnet in ports]}})
    cloud.web.seen.clear()
    assert user.networks_outside('n', 's') == reached
    assert len(cloud.web.seen) <= 2


def test_zones_and_types_that_can_be_used(cloud, user):
    serve(cloud, 'nova', {'/v2.1/os-availability-zone': {
        'availabilityZoneInfo': [
            {'zoneName': name, 'zoneState': {'available': available}}
            for name, available in (('a', True), ('b', False))]}})
    assert user.zones() == ['a']


def test_quotas_are_those_of_the_project(cloud, user):
    serve(cloud, 'nova', {'/v2.1/limits': {'limits': {'absolute': {
        'maxTotalInstances': 10, 'totalInstancesUsed': 3,
        'maxTotalCores': -1, 'totalCoresUsed': 7, 'maxTotalKeypairs': 9}}}})
    assert user.allowances('nova') == {
        'instances': records.Allowance(10, 3),
        'cores': records.Allowance(None, 7)}
    serve(cloud, 'neutron', {
        f'/v2.0/quotas/{user.project_id}/details.json': {'quota': {
            'port': {'limit': 9, 'used': 2, 'reserved': 1}}}})
    assert user.allowances('neutron') == {'port': records.Allowance(9, 3)}


def test_a_name_of_several_images_is_no_name(cloud, user):
    twins = [{'id': ident, 'name': 'twin'} for ident in 'ab']
    serve(cloud, 'glance', {'/v2/images': named('images', twins)})
    with pytest.raises(errors.Conflict, match='use the id'):
        user.image('twin')


def test_an_image_that_may_not_be_seen_is_forbidden(cloud, user):
    cloud.web.broken['glance'] = 403
    with pytest.raises(errors.Forbidden):
        user.image('secret')


def test_a_flavor_is_found_by_id_in_one_call(cloud, user):
    serve(cloud, 'nova', {'/v2.1/flavors/7': {'flavor': flavor('7')}})
    cloud.web.seen.clear()
    assert user.flavor('7').name == 'flavor 7'
    assert len(cloud.web.seen) == 1


def test_a_flavor_on_the_second_page_is_found(cloud, user):
    pages = {None: [flavor('1'), flavor('2')], '2': [flavor('3')], '3': []}
    serve(cloud, 'nova', {'/v2.1/flavors/detail': lambda query: {
        'flavors': pages[query.get('marker')]}})
    assert user.flavor('flavor 3').disk == 20
    with pytest.raises(errors.NotFound, match='flavor 4'):
        user.flavor('flavor 4')


def flavor(ident):
    return {'id': ident, 'name': f'flavor {ident}', 'disk': 20, 'ram': 512,
            'vcpus': 1}


@pytest.mark.parametrize('ident', ['', '.', '..'])
def test_what_would_bend_a_path_is_not_asked_for(cloud, user, ident):
    cloud.web.seen.clear()
    for look_up in (user.flavor, user.image, user.network, user.keypair,
                    user.project):
        with pytest.raises(errors.NotFound):
            look_up(ident)
    assert cloud.web.seen == []


def test_a_slash_in_a_name_stays_in_it(cloud, user):
    serve(cloud, 'nova', {'/v2.1/os-keypairs/a%2Fb': {
        'keypair': {'name': 'a/b', 'public_key': 'ssh-rsa AAAA'}}})
    found = user.keypair('a/b')
    assert (found.name, found.public_key) == ('a/b', 'ssh-rsa AAAA')


def test_networks_are_found_by_name_and_id(cloud, user):
    rows = [{'id': UUID, 'name': 'public', 'router:external': 'True'},
            {'id': 'n', 'name': 'private'}]
    serve(cloud, 'neutron', {'/v2.0/networks': named('networks', rows)})
    assert user.external_network('public').id == UUID
    assert user.external_network(UUID).name == 'public'
    assert user.network('private').id == 'n'
    with pytest.raises(errors.NotFound, match='private'):
        user.external_network('private')


def test_a_version_is_added_to_addresses_without_one(cloud, user):
    serve(cloud, 'octavia', {'/lb/v2/lbaas/loadbalancers': {
        'loadbalancers': []}})
    assert user.load_balancers() == []


@pytest.mark.parametrize('service, kind', [
    ('nova/v2.1', 'servers'), ('neutron/v2.0', 'ports'),
    ('cinder/v3', 'volumes')])
def test_things_are_found_by_the_beginning_of_their_names(
        cloud, service, kind):
    cloud.keystone.services['block-storage'] = 'http://cinder/v3'
    user = openstack.token_cloud(cloud.keystone.user_token())
    host, version = service.split('/')
    serve(cloud, host, {f'/{version}/{kind}': {kind: [
        {'id': '1', 'name': 'a.b-node-0'}, {'id': '2', 'name': 'axb-node-0'},
        {'id': '3', 'name': None}, {'id': '4', 'name': 'other-a.b-node'}]}})
    found = getattr(user, kind)('a.b-')
    assert [(thing.id, thing.name) for thing in found] == [
        ('1', 'a.b-node-0')]


def test_removing_what_is_gone_is_a_success(cloud, user):
    serve(cloud, 'octavia', {})
    serve(cloud, 'neutron', {})
    user.delete_load_balancer('gone')
    user.delete_floating_ip('gone')


def test_the_service_looks_at_the_stacks_of_any_project(cloud):
    heat = openstack.service_cloud('p').heat
    assert heat.http_client.endpoint_override == 'http://heat/v1/p'


def test_a_client_may_have_tls_options_of_its_own(cloud, user):
    CONF.set_override('ca_file', '/ca.pem', 'heat_client')
    try:
        client = user.heat.http_client.session
        assert client.verify == '/ca.pem'
        assert client.timeout == sessions.TIMEOUT
    finally:
        CONF.clear_override('ca_file', 'heat_client')
    assert user.session.verify is True


@pytest.mark.parametrize('raised, becomes', [
    (heat_exc.HTTPBadRequest('{"error": {"message": "bad template"}}'),
     errors.InfrastructureFailed),
    (heat_exc.HTTPNotFound(), errors.NotFoundElsewhere),
    (heat_exc.HTTPConflict(), errors.Conflict),
    (heat_exc.HTTPUnauthorized(), errors.AuthorisationEnded),
    (heat_exc.HTTPForbidden(), errors.Forbidden),
    (heat_exc.HTTPInternalServerError('{"error": "text"}'),
     errors.ServiceFailed),
    (heat_exc.HTTPServiceUnavailable(), errors.ServiceUnavailable),
    (heat_exc.HTTPBadRequest('{"error": "text"}'),
     errors.InfrastructureFailed),
    (heat_exc.CommunicationError(), errors.ServiceUnavailable),
    (ka_exc.BadRequest(), errors.InfrastructureFailed),
    (ka_exc.ConnectFailure(), errors.ServiceUnavailable),
    (ka_exc.EndpointNotFound(), errors.InfrastructureFailed)])
def test_refusals_become_our_own(raised, becomes):
    with pytest.raises(becomes) as caught, openstack.translated('Heat'):
        raise raised
    assert type(caught.value) is becomes
    assert 'Heat' in str(caught.value)


def test_a_failure_of_heat_is_given_in_its_own_words():
    # So the real one answers; no message is in it.
    raised = heat_exc.HTTPInternalServerError(
        '{"code": 500, "title": "Internal Server Error", "explanation": "The '
        'server has either erred or is incapable of performing the requested '
        'operation.", "error": {"type": "RemoteError", "traceback": null}}')
    with pytest.raises(errors.ServiceFailed, match='500 .RemoteError.'):
        with openstack.translated('Heat'):
            raise raised


@pytest.mark.parametrize('raised, code', [
    (ka_exc.Forbidden('Quota exceeded for cores: Requested 4, used 8 of 10'),
     'CLOUD_QUOTA_EXCEEDED'),
    (heat_exc.HTTPForbidden('{"error": {"message": "You have reached the '
                            'maximum number of stacks per project, 512. '
                            'Please delete some stacks."}}'),
     'CLOUD_QUOTA_EXCEEDED'),
    (ka_exc.Forbidden('Policy does not allow it'), 'CLOUD_FORBIDDEN'),
    (ka_exc.Unauthorized(), 'AUTHORISATION_ENDED'),
    (ka_exc.NotFound(), 'CLOUD_NOT_FOUND'),
    (ka_exc.Conflict('busy'), 'CLOUD_CONFLICT'),
    (ka_exc.HttpError(http_status=429), 'CLOUD_UNAVAILABLE'),
    (ka_exc.BadRequest('bad'), 'CLOUD_REFUSED')])
def test_refusals_carry_a_code(raised, code):
    with pytest.raises(errors.MagnumError) as caught, (
            openstack.translated('Nova')):
        raise raised
    assert caught.value.code == code


def test_what_another_service_does_not_have_is_named(cloud, user):
    serve(cloud, 'neutron', {})
    with pytest.raises(errors.NotFound, match='Neutron.*/ports/p-17'):
        user.call('neutron', 'get', '/ports/p-17')
