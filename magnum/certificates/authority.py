# SPDX-License-Identifier: Apache-2.0
"""The certificates of a cluster: three authorities, and the service's own.

The authorities are the cluster's (`kubernetes`), etcd's and the front
proxy's.  With the fourth certificate the service itself talks to the cluster.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from concurrent import futures
from typing import Any

from magnum.certificates import stores
from magnum.certificates import x509
from magnum import context as contexts
from magnum import errors
from magnum import specs

# Columns of the cluster's row that refer to certificates.
KINDS = stores.COLUMNS

_SUFFIXES = {'ca_cert_ref': '', 'etcd_ca_cert_ref': '-etcd',
             'front_proxy_ca_cert_ref': '-front-proxy'}

_KINDS = ('kubernetes', 'etcd', 'front_proxy')

# What a client may call the authorities; anything else is `kubernetes`.
_COLUMNS = {'etcd': 'etcd_ca_cert_ref',
            'front_proxy': 'front_proxy_ca_cert_ref',
            'front-proxy': 'front_proxy_ca_cert_ref'}


def issue(cluster_uuid: str, cluster_name: str | None, project_id: str,
          user_id: str, generation: int = 0) -> dict[str, str]:
    """Make what the cluster does not have yet; column -> reference."""
    store = stores.current()
    names = stores.names(generation)
    refs = store.find(cluster_uuid, *names.values())
    made = {}
    for column, suffix in _SUFFIXES.items():
        if names[column] not in refs:
            made[names[column]] = x509.make_ca(
                _common_name(cluster_name or cluster_uuid, suffix))
    own, main = names['magnum_cert_ref'], names['ca_cert_ref']
    if own not in refs:
        ca = made[main] if main in made else store.load(refs[main])
        made[own] = x509.make_client(ca, 'admin', 'system:masters')
    if made:
        refs |= store.save(cluster_uuid, made, project_id, user_id)
    return {column: refs[name] for column, name in names.items()}


def retire(cluster_uuid: str, refs: Mapping[str, str | None]) -> None:
    """Remove all certificates of a cluster, also those that a crash left."""
    discard(refs.values())
    stores.current().retire(cluster_uuid)


def discard_generation(cluster_uuid: str, generation: int) -> None:
    """Remove what was made of one generation, if anything was."""
    names = stores.names(generation).values()
    discard(stores.current().find(cluster_uuid, *names).values())


def discard(refs: Iterable[str | None]) -> None:
    """Remove these certificates, and no others; None is none."""
    known = {ref for ref in refs if ref}
    for store in {stores.of(ref) for ref in known}:
        store.delete(*(ref for ref in known if stores.of(ref) is store))


def ca_certificate(cluster: Any, ca_cert_type: str | None = None) -> str:
    """The certificate of one of the cluster's authorities, as PEM.

    :raises NotFound: it has none yet.
    """
    ref = _ca_ref(cluster, ca_cert_type)
    return stores.of(ref).certificate(ref)


def sign(cluster: Any, csr: str, ca_cert_type: str | None = None) -> str:
    """A certificate for the request, as PEM.

    :raises InvalidCsr: the request cannot be read, or asks too much.
    :raises NotFound: the cluster has no such authority.
    :raises Conflict: it is still being made.
    """
    ref = _ca_ref(cluster, ca_cert_type)
    return x509.sign(csr, stores.of(ref).load(ref))


def authorities(cluster: Any) -> specs.Authorities:
    """All three with their keys, for the nodes."""
    refs = [_ca_ref(cluster, kind) for kind in _KINDS]
    with futures.ThreadPoolExecutor(
            len(refs), initializer=contexts.joining()) as pool:
        pairs = pool.map(lambda ref: stores.of(ref).load(ref), refs)
        return specs.Authorities(**{
            kind: specs.KeyPair(pair.certificate, pair.private_key)
            for kind, pair in zip(_KINDS, pairs, strict=True)})


def access(cluster: Any) -> specs.Access:
    """How this service itself reaches the cluster's API.

    :raises NotFound: it has no certificates, or no address yet.
    """
    if not cluster.api_address or not cluster.magnum_cert_ref:
        raise errors.NotFound('The way to the API of cluster', cluster.uuid)
    own = cluster.magnum_cert_ref
    return specs.Access(cluster.api_address, ca_certificate(cluster),
                        stores.of(own).load(own))


def _ca_ref(cluster: Any, ca_cert_type: str | None) -> str:
    column = _COLUMNS.get(ca_cert_type or '', 'ca_cert_ref')
    # Clusters older than the column have one authority for everything.
    ref = getattr(cluster, column) or cluster.ca_cert_ref
    if not ref and cluster.status == 'CREATE_IN_PROGRESS':
        raise errors.Conflict(f'The CA of cluster {cluster.uuid} is still '
                              f'being created; try again later.')
    if not ref:
        raise errors.NotFound('CA of cluster', cluster.uuid)
    return ref


def _common_name(cluster_name: str, suffix: str) -> str:
    """At most 64 characters, as X.509 demands, and yet three of them."""
    return cluster_name[:x509.MAX_COMMON_NAME - len(suffix)] + suffix
