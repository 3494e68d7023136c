# SPDX-License-Identifier: Apache-2.0
"""The network: fake services by host name, and what can go wrong with it."""

import contextlib
import json
from urllib import parse

from oslo_config import cfg
import pytest
import requests

from magnum import identity
from magnum import openstack
from magnum.openstack import options
from magnum.tests.fakes import barbican
from magnum.tests.fakes import keystone

CONF = cfg.CONF

LOGIN = {'auth_url': 'http://keystone/v3', 'username': 'magnum',
         'password': 'service password', 'project_name': 'service',
         'user_domain_name': 'Default', 'project_domain_name': 'Default'}

TRUST = {'trustee_domain_name': 'trustees',
         'trustee_domain_admin_name': 'admin of trustees',
         'trustee_domain_admin_password': 'admin password'}


class Web(requests.adapters.BaseAdapter):
    """Carries requests to functions, by host.

    A service is a function of (method, path, query, body, headers) that
    returns (status, body).  `seen` has the method and path of each request,
    `timeouts` what the caller would have waited.  A host in `broken` answers
    with that status, or raises that exception.
    """

    def __init__(self):
        super().__init__()
        self.services, self.broken = {}, {}
        self.seen, self.timeouts = [], []

    def send(self, request, timeout=None, **kwargs):
        url = parse.urlsplit(request.url)
        self.seen.append(f'{request.method} {url.path}')
        self.timeouts.append(timeout)
        status, body = 404, {'error': {'message': 'no such host'}}
        fault = self.broken.get(url.hostname)
        if isinstance(fault, Exception):
            raise fault
        if fault:
            status, body = fault, {'error': {'message': 'out of order'}}
        elif url.hostname in self.services:
            status, body = self.services[url.hostname](
                request.method, url.path,
                dict(parse.parse_qsl(url.query, keep_blank_values=True)),
                json.loads(request.body) if request.body else None,
                request.headers)
        return _response(request, status, body)

    def close(self):
        pass

    def writes(self):
        return [seen for seen in self.seen if not seen.startswith('GET')]


def _response(request, status, body):
    response = requests.Response()
    response.status_code, response.request = status, request
    response.url = request.url
    if isinstance(body, tuple):
        body, token = body
        response.headers['X-Subject-Token'] = token
    kind = 'text/plain' if isinstance(body, str) else 'application/json'
    response.headers['Content-Type'] = kind
    text = body if isinstance(body, str) else json.dumps(body)
    response._content = text.encode()
    return response


class Cloud:
    """A web with Keystone and Barbican, and the service logged in."""

    def __init__(self):
        self.web = Web()
        self.keystone = keystone.FakeKeystone()
        self.barbican = barbican.FakeBarbican(self.keystone)
        self.web.services = {'keystone': self.keystone,
                             'barbican': self.barbican}

    def connect(self):
        """Be all that the service speaks to, as if its process were new."""
        openstack.reset()
        identity.reset()
        openstack.service_session().session.mount('http://', self.web)


@contextlib.contextmanager
def configured():
    """The options by which the service finds such a cloud and logs in."""
    options._login()
    values = [*((name, value, 'keystone_auth')
                for name, value in LOGIN.items()),
              *((name, value, 'trust') for name, value in TRUST.items())]
    for name, value, group in values:
        CONF.set_override(name, value, group)
    yield
    for name, _, group in values:
        CONF.clear_override(name, group)
    openstack.reset()
    identity.reset()


@pytest.fixture
def cloud():
    """The fake cloud, in place of all that the service speaks to."""
    with configured():
        made = Cloud()
        made.connect()
        yield made
