# SPDX-License-Identifier: Apache-2.0
"""The certificates of a cluster: three authorities, and the service's own.

The authorities are the cluster's (`kubernetes`), etcd's and the front
proxy's.  With the fourth certificate the service itself talks to the cluster.
"""

from collections.abc import Mapping
from concurrent import futures
from typing import Any

from magnum.certificates import stores
from magnum.certificates import x509
from magnum.drivers import base
from magnum import errors

# Columns of the cluster's row that refer to certificates.
KINDS = stores.COLUMNS

_SUFFIXES = {'ca_cert_ref': '', 'etcd_ca_cert_ref': '-etcd',
             'front_proxy_ca_cert_ref': '-front-proxy'}

# What a client may call the authorities; anything else is `kubernetes`.
_COLUMNS = {'etcd': 'etcd_ca_cert_ref',
            'front_proxy': 'front_proxy_ca_cert_ref',
            'front-proxy': 'front_proxy_ca_cert_ref'}


def issue(cluster_uuid: str, cluster_name: str, project_id: str,
          user_id: str, generation: int = 0) -> dict[str, str]:
    """Make what the cluster does not have yet; column -> reference."""
    store = stores.current()
    owner = {'project_id': project_id, 'user_id': user_id}

    def ensure_ca(column: str) -> str:
        name = stores.name(column, generation)
        return store.find(cluster_uuid, name) or store.save(
            cluster_uuid, name,
            x509.make_ca(_common_name(cluster_name, _SUFFIXES[column])),
            **owner)

    with futures.ThreadPoolExecutor(len(_SUFFIXES)) as pool:
        refs = dict(zip(_SUFFIXES, pool.map(ensure_ca, _SUFFIXES),
                        strict=True))
    name = stores.name('magnum_cert_ref', generation)
    refs['magnum_cert_ref'] = store.find(cluster_uuid, name) or store.save(
        cluster_uuid, name,
        x509.make_client(store.load(refs['ca_cert_ref']), 'admin',
                         'system:masters'), **owner)
    return refs


def retire(cluster_uuid: str, refs: Mapping[str, str | None]) -> None:
    """Remove all certificates of a cluster, also those that a crash left."""
    known = {ref for ref in refs.values() if ref}
    for ref in known:
        stores.of(ref).delete(ref)
    stores.current().retire(cluster_uuid)


def ca_certificate(cluster: Any, ca_cert_type: str | None = None) -> str:
    """The certificate of one of the cluster's authorities, as PEM.

    :raises NotFound: it has none yet.
    """
    ref = _ca_ref(cluster, ca_cert_type)
    return stores.of(ref).certificate(ref)


def sign(cluster: Any, csr: str, ca_cert_type: str | None = None) -> str:
    """A certificate for the request, as PEM.

    :raises InvalidCsr: the request cannot be read, or asks too much.
    :raises NotFound: the cluster has no such authority yet.
    """
    ref = _ca_ref(cluster, ca_cert_type)
    return x509.sign(csr, stores.of(ref).load(ref))


def authorities(cluster: Any) -> base.Authorities:
    """All three with their keys, for the nodes."""
    pairs = {}
    for kind in ('kubernetes', 'etcd', 'front_proxy'):
        ref = _ca_ref(cluster, kind)
        pair = stores.of(ref).load(ref)
        pairs[kind] = base.KeyPair(pair.certificate, pair.private_key)
    return base.Authorities(**pairs)


def _ca_ref(cluster: Any, ca_cert_type: str | None) -> str:
    column = _COLUMNS.get(ca_cert_type or '', 'ca_cert_ref')
    # Clusters older than the column have one authority for everything.
    ref = getattr(cluster, column) or cluster.ca_cert_ref
    if not ref:
        raise errors.NotFound('CA of cluster', cluster.uuid)
    return ref


def _common_name(cluster_name: str, suffix: str) -> str:
    """At most 64 characters, as X.509 demands, and yet three of them."""
    return cluster_name[:x509.MAX_COMMON_NAME - len(suffix)] + suffix
