# SPDX-License-Identifier: Apache-2.0
"""What the operator adds to the documents that kubeadm is given."""

from collections.abc import Iterable
from collections.abc import Mapping
import json
import pathlib
from typing import Any

from oslo_config import cfg
import yaml

from magnum.drivers.k8s_kubeadm_v1 import userdata
from magnum.drivers import options  # noqa: F401  (registers what is read here)
from magnum import errors

CONF = cfg.CONF

KINDS = ('ClusterConfiguration', 'InitConfiguration', 'JoinConfiguration',
         'KubeletConfiguration', 'KubeProxyConfiguration')


def applied(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents with the operator's patches of their kinds.

    :raises InfrastructureFailed: the operator's file cannot be used.
    """
    patches = load()
    return [merged(document, patches.get(document['kind'], {}))
            for document in documents]


def load() -> dict[str, dict[str, Any]]:
    """The patches of the configured file, by kind.

    :raises InfrastructureFailed: it cannot be read, or is no such file.
    """
    path = CONF.kubernetes.kubeadm_patches_file
    if not path:
        return {}
    try:
        found = [document for document in yaml.safe_load_all(
            pathlib.Path(path).read_text()) if document is not None]
    except (OSError, ValueError, yaml.YAMLError) as e:
        raise _unusable(path, ' '.join(str(e).split())) from None
    patches: dict[str, dict[str, Any]] = {}
    for document in found:
        kind = document.get('kind') if isinstance(document, dict) else None
        if kind not in KINDS:
            raise _unusable(path, f'a document has kind {kind}; these can be '
                                  f'patched: {", ".join(KINDS)}')
        if kind in patches:
            raise _unusable(path, f'there are two documents of kind {kind}')
        try:
            json.dumps(document)
        except (TypeError, ValueError) as e:
            # Such as a date, which is text only in quotes.
            raise _unusable(path, f'{kind} has a value that kubeadm cannot '
                                  f'read: {e}') from None
        patches[kind] = {key: _without_words(value)
                         for key, value in document.items()
                         if key not in ('kind', 'apiVersion')}
    return patches


def merged(document: Any, patch: Any) -> Any:
    """A JSON merge patch, applied: null removes, lists are replaced."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _without_words(value: Any) -> Any:
    """Text in which nothing is a word for Heat."""
    if isinstance(value, str):
        return userdata.literal(value)
    if isinstance(value, list):
        return [_without_words(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_words(item) for key, item in value.items()}
    return value


def _unusable(path: str, reason: str) -> errors.InfrastructureFailed:
    return errors.InfrastructureFailed(
        f'[kubernetes] kubeadm_patches_file {path} cannot be used: {reason}.')
