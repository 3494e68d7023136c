# SPDX-License-Identifier: Apache-2.0
"""Certificates in Barbican, owned by the service's own project.

A certificate is a container of secrets, as in release 22.0.0.  That release
encrypted keys with a passphrase that it stored beside them; such keys are
read, but ours have none: keeping secrets is what Barbican is for.

All secrets of a cluster share one name, and say in their `mode`, which means
nothing to Barbican, what they belong to.  So one list call tells what there
is, also of what a crash left without a container or a reference.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from concurrent import futures
from typing import Any

from magnum.certificates import stores
from magnum.certificates import x509
from magnum import context as contexts
from magnum import errors
from magnum import openstack
from magnum import specs

# How many calls at the same time.
CALLS = 4

# The largest page of a list that Barbican gives.
PAGE = 100


class BarbicanStore(stores.Store):
    """Barbican as a store."""

    def find(self, cluster_uuid: str, *names: str) -> dict[str, str]:
        there = {secret['mode'] for secret in _secrets(cluster_uuid)}
        found = _each(lambda name: (name, _containers(cluster_uuid, name)),
                      there.intersection(names))
        return {name: refs[0] for name, refs in found if refs}

    def save(self, cluster_uuid: str, pairs: Mapping[str, specs.KeyPair],
             project_id: str, user_id: str) -> dict[str, str]:
        return dict(_each(
            lambda item: (item[0], _save(cluster_uuid, *item)),
            pairs.items()))

    def load(self, ref: str) -> specs.KeyPair:
        parts = _parts(ref)
        passphrase = (_payload(parts['private_key_passphrase'])
                      if 'private_key_passphrase' in parts else None)
        key = _payload(parts['private_key'])
        if passphrase:
            key = x509.private_key_pem(x509.read_key(key, passphrase))
        return specs.KeyPair(_payload(parts['certificate']), key)

    def certificate(self, ref: str) -> str:
        return _payload(_parts(ref)['certificate'])

    def delete(self, *refs: str) -> None:
        _each(_delete_container, refs)

    def retire(self, cluster_uuid: str) -> None:
        while secrets := _secrets(cluster_uuid):
            # Containers first: without secrets nothing would lead to them.
            for name in {secret['mode'] for secret in secrets}:
                _each(_delete_container, _containers(cluster_uuid, name))
            _each(lambda secret: _delete('secrets', secret['secret_ref']),
                  secrets)


def _each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """What the function says to each, some at the same time."""
    with futures.ThreadPoolExecutor(
            CALLS, initializer=contexts.joining()) as pool:
        return list(pool.map(function, items))


def _save(cluster_uuid: str, name: str, pair: specs.KeyPair) -> str:
    secrets = [
        {'name': part, 'secret_ref': _call('post', '/secrets', json={
            'name': _name(cluster_uuid), 'mode': name, 'payload': payload,
            'payload_content_type': 'text/plain'})['secret_ref']}
        for part, payload in (('certificate', pair.certificate),
                              ('private_key', pair.private_key))]
    # Made last: a container that is found is complete.
    return _call('post', '/containers', json={
        'name': _name(cluster_uuid, name), 'type': 'certificate',
        'secret_refs': secrets})['container_ref']


def _name(cluster_uuid: str, name: str | None = None) -> str:
    return ' '.join(filter(None, ('magnum', cluster_uuid, name)))


def _secrets(cluster_uuid: str) -> list[dict[str, Any]]:
    """The first secrets of a cluster; a page holds more than it ever has."""
    return _call('get', '/secrets', params={
        'name': _name(cluster_uuid), 'limit': PAGE})['secrets']


def _containers(cluster_uuid: str, name: str) -> list[str]:
    found = _call('get', '/containers', params={
        'name': _name(cluster_uuid, name), 'limit': PAGE})
    return [container['container_ref'] for container in found['containers']]


def _parts(ref: str) -> dict[str, str]:
    """References to the secrets of a container, by what they hold."""
    container = _call('get', _path('containers', ref))
    return {part['name']: part['secret_ref']
            for part in container['secret_refs']}


def _payload(ref: str) -> str:
    return _request('get', f'{_path("secrets", ref)}/payload',
                    headers={'Accept': 'text/plain'}).text.strip()


def _delete_container(ref: str) -> None:
    """Together with its secrets; a repeat finds them by the container."""
    try:
        parts = _parts(ref)
    except errors.NotFound:
        return
    for part in parts.values():
        _delete('secrets', part)
    _delete('containers', ref)


def _delete(collection: str, ref: str) -> None:
    try:
        _request('delete', _path(collection, ref))
    except errors.NotFound:
        # Somebody was faster, or we were before a crash.
        pass


def _path(collection: str, ref: str) -> str:
    """The path of a reference; the host may have changed since."""
    return f'/{collection}/{ref.rstrip("/").rpartition("/")[2]}'


def _call(method: str, path: str, **arguments: Any) -> dict[str, Any]:
    return _request(method, path, **arguments).json()


def _request(method: str, path: str, **arguments: Any) -> Any:
    arguments.setdefault('headers', {'Accept': 'application/json'})
    try:
        return openstack.service_cloud().call('barbican', method, path,
                                              **arguments)
    except errors.AuthorisationEnded:
        # It is this service's own, and a new one is got all the time.
        raise errors.ServiceUnavailable(
            'Barbican does not accept the token of this service; an operator '
            'should look at [keystone_auth].') from None
