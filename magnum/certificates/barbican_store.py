# SPDX-License-Identifier: Apache-2.0
"""Certificates in Barbican, owned by the service's own project.

A certificate is a container of secrets: the certificate, its encrypted key
and the passphrase, as release 22.0.0 also made them.  All secrets of a cluster
share a name, so that those are found which a crash left without a container.
"""

from typing import Any

from magnum.certificates import stores
from magnum.certificates import x509
from magnum import errors
from magnum import openstack


class BarbicanStore(stores.Store):
    """Barbican as a store."""

    def save(self, cluster_uuid: str, name: str, pair: x509.Pair,
             project_id: str, user_id: str) -> str:
        passphrase = stores.new_passphrase()
        key = x509.private_key_pem(x509.read_key(pair.private_key),
                                   passphrase)
        parts = {'certificate': pair.certificate, 'private_key': key,
                 'private_key_passphrase': passphrase}
        refs = [{'name': part, 'secret_ref': _call(
            'post', '/secrets', json={
                'name': _name(cluster_uuid), 'payload': payload,
                'payload_content_type': 'text/plain'})['secret_ref']}
            for part, payload in parts.items()]
        return _call('post', '/containers', json={
            'name': _name(cluster_uuid, name), 'type': 'certificate',
            'secret_refs': refs})['container_ref']

    def find(self, cluster_uuid: str, name: str) -> str | None:
        found = _call('get', '/containers', params={
            'name': _name(cluster_uuid, name), 'type': 'certificate'})
        for container in found['containers']:
            return container['container_ref']
        return None

    def load(self, ref: str) -> x509.Pair:
        parts = _parts(ref)
        passphrase = (_payload(parts['private_key_passphrase'])
                      if 'private_key_passphrase' in parts else None)
        key = x509.read_key(_payload(parts['private_key']), passphrase)
        return x509.Pair(_payload(parts['certificate']),
                         x509.private_key_pem(key))

    def certificate(self, ref: str) -> str:
        return _payload(_parts(ref)['certificate'])

    def delete(self, ref: str) -> None:
        try:
            parts = _parts(ref)
        except errors.NotFound:
            return
        for part in parts.values():
            _delete(_path(part, 'secrets'))
        _delete(_path(ref, 'containers'))

    def retire(self, cluster_uuid: str) -> None:
        super().retire(cluster_uuid)
        while True:
            found = _call('get', '/secrets', params={
                'name': _name(cluster_uuid), 'limit': 100})['secrets']
            for secret in found:
                _delete(_path(secret['secret_ref'], 'secrets'))
            if not found:
                return


def _name(cluster_uuid: str, name: str | None = None) -> str:
    return ' '.join(filter(None, ('magnum', cluster_uuid, name)))


def _parts(ref: str) -> dict[str, str]:
    """References to the secrets of a container, by what they hold."""
    container = _call('get', _path(ref, 'containers'))
    return {part['name']: part['secret_ref']
            for part in container['secret_refs']}


def _payload(ref: str) -> str:
    return _request('get', f'{_path(ref, "secrets")}/payload',
                    headers={'Accept': 'text/plain'}).text.strip()


def _delete(path: str) -> None:
    try:
        _request('delete', path)
    except errors.NotFound:
        # Somebody was faster, or we were before a crash.
        pass


def _path(ref: str, collection: str) -> str:
    """The path of a reference; the host may have changed since."""
    return f'/{collection}/{ref.rstrip("/").rpartition("/")[2]}'


def _call(method: str, path: str, **arguments: Any) -> dict[str, Any]:
    return _request(method, path, **arguments).json()


def _request(method: str, path: str, **arguments: Any) -> Any:
    cloud = openstack.service_cloud()
    url = cloud.endpoint('barbican').rstrip('/')
    if not url.endswith('/v1'):
        url += '/v1'
    arguments.setdefault('headers', {'Accept': 'application/json'})
    with openstack.translated('Barbican'):
        return cloud.session.request(url + path, method.upper(), **arguments)
