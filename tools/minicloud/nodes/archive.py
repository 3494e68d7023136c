# SPDX-License-Identifier: Apache-2.0
"""Container images as one file, in the format that `docker save` writes.

`ctr images import` takes it; neither a registry nor a container engine is
needed.  The same content makes the same bytes, and a layer that several images
have is in it once.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import platform
import tarfile
import tempfile

PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}

# Path in the image, without the first slash: a file of this machine, the text
# that a link holds, or nothing for a folder that all may write to.
Layer = Mapping[str, pathlib.Path | str | None]


@dataclasses.dataclass(frozen=True)
class Image:
    name: str
    layers: Sequence[Layer]
    entrypoint: Sequence[str] = ()


def write(path, images):
    """All these images into one new file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        layers = _Layers(pathlib.Path(folder))
        manifest, contents = [], {}
        for image in images:
            parts = [layers.made(layer) for layer in image.layers]
            config = _config(image, [digest for _, digest in parts])
            name = hashlib.sha256(config).hexdigest() + '.json'
            contents[name] = config
            manifest.append({'Config': name, 'RepoTags': [image.name],
                             'Layers': [file.name for file, _ in parts]})
        contents['manifest.json'] = json.dumps(manifest).encode()
        with tarfile.open(path, 'w') as tar:
            for name, content in contents.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            for file in sorted(pathlib.Path(folder).iterdir()):
                tar.add(file, arcname=file.name, filter=_plain)


def _config(image, digests):
    return json.dumps({
        'architecture': ARCHITECTURES.get(
            platform.machine(), platform.machine()),
        'os': 'linux',
        'config': {'Entrypoint': list(image.entrypoint) or None,
                   'Env': [f'PATH={PATH}']},
        'rootfs': {'type': 'layers',
                   'diff_ids': [f'sha256:{digest}' for digest in digests]},
    }, sort_keys=True).encode()


class _Layers:
    """Files of layers in a folder, each made once."""

    def __init__(self, folder):
        self.folder = folder
        self.known = {}

    def made(self, layer):
        """Its file, and the digest of what is in it unpacked."""
        key = tuple(sorted((path, str(source))
                           for path, source in layer.items()))
        if key not in self.known:
            self.known[key] = self._make(layer)
        return self.known[key]

    def _make(self, layer):
        file = self.folder / f'{len(self.known):03}.tar.gz'
        with file.open('wb') as raw:
            with gzip.GzipFile('', 'wb', 1, raw, mtime=0) as packed:
                counted = _Digest(packed)
                with tarfile.open(fileobj=counted, mode='w|') as tar:
                    for path, source in sorted(layer.items()):
                        _add(tar, path, source)
        return file, counted.digest.hexdigest()


class _Digest(io.RawIOBase):
    """Passes what is written on, and adds it up."""

    def __init__(self, into):
        self.into = into
        self.digest = hashlib.sha256()

    def write(self, data):
        self.digest.update(data)
        return self.into.write(data)


def _add(tar, path, source):
    entry = tarfile.TarInfo(path)
    if isinstance(source, pathlib.Path):
        entry.size = source.stat().st_size
        entry.mode = source.stat().st_mode & 0o755
        with source.open('rb') as content:
            tar.addfile(entry, content)
        return
    if source is None:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    else:
        entry.type, entry.linkname = tarfile.SYMTYPE, source
        entry.mode = 0o777
    tar.addfile(entry)


def _plain(entry):
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ''
    return entry
