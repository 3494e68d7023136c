# SPDX-License-Identifier: Apache-2.0
"""Check a node's user data as strictly as a node would, and more helpfully.

`check()` raises Broken with one sentence that says what is wrong.  It stands
for cloud-init, for the node script's first phase, and for a suspicious reader:
a worker must not be able to sign anything in the cluster's name.
"""

import base64
import binascii
import dataclasses
import gzip
import json
import re
import shlex
import subprocess
import zlib

from cryptography.hazmat.primitives import serialization
from cryptography import x509
import yaml

# What Nova takes, after base64.
LIMIT = 65535
SCRIPT = '/usr/local/sbin/magnum-node'
ENVIRONMENT = '/etc/magnum/node.env'
SIGNAL = '/etc/magnum/signal.json'
KUBEADM = '/etc/magnum/kubeadm.yaml'
DISCOVERY = '/etc/magnum/discovery.conf'
CA = '/etc/magnum/ca.crt'
PKI = '/etc/kubernetes/pki/'
AUTHORITIES = ('ca', 'front-proxy-ca', 'etcd/ca')
EXPECTED = {
    'master': [KUBEADM, '/etc/magnum/addons.yaml', PKI + 'sa.key',
               PKI + 'sa.pub', *(f'{PKI}{name}.{suffix}'
                                 for name in AUTHORITIES
                                 for suffix in ('crt', 'key'))],
    'worker': [KUBEADM, DISCOVERY, CA]}
VARIABLES = ('NODE_NAME', 'ROLE', 'INDEX', 'KUBE_VERSION')
SIGNAL_KEYS = ('auth_url', 'user_id', 'password', 'project_id', 'alarm_url')
PRIVATE_KEY = re.compile(
    rb'-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----',
    re.S)
CERTIFICATE = re.compile(
    rb'-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----', re.S)


class Broken(Exception):
    """The text says what is wrong with the user data."""


@dataclasses.dataclass(frozen=True)
class File:
    path: str
    content: bytes
    mode: int

    @property
    def text(self):
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise Broken(f'{self.path} is no text')


@dataclasses.dataclass(frozen=True)
class Node:
    """What a node learns from its user data."""

    files: dict[str, File]
    variables: dict[str, str]
    signal: dict[str, str]
    role: str


def signal_of(raw):
    """How to reach Heat, even if all the rest is broken; else None."""
    try:
        return _signal(_files(_document(raw)))
    except Broken:
        return None


def check(raw, server_name):
    """The node that this user data makes, or Broken."""
    document = _document(raw)
    files = _files(document)
    signal = _signal(files)
    variables = _variables(files, server_name)
    role = variables['ROLE']
    for path in EXPECTED[role]:
        _need(files, path)
    _check_script(files, document, variables)
    _check_kubeadm(files, variables)
    if role == 'master':
        _check_authorities(files)
    else:
        _check_worker(files)
    return Node(files, variables, signal, role)


def _document(raw):
    size = len(base64.b64encode(raw))
    if size > LIMIT:
        raise Broken(f'{size} bytes of base64; Nova takes {LIMIT}')
    if not raw.startswith(b'#cloud-config\n'):
        raise Broken('the first line is not #cloud-config')
    try:
        document = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise Broken('no YAML: ' + ' '.join(str(e).split()))
    if not isinstance(document, dict):
        raise Broken('no mapping at the top')
    return document


def _files(document):
    files = {}
    for number, entry in enumerate(document.get('write_files') or ()):
        if not isinstance(entry, dict) or not isinstance(
                entry.get('path'), str):
            raise Broken(f'write_files[{number}] has no path')
        path = entry['path']
        if not path.startswith('/') or path in files:
            raise Broken(f'{path}: not absolute, or written twice')
        files[path] = File(path, _content(path, entry), _mode(path, entry))
    return files


def _content(path, entry):
    content = entry.get('content')
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, bytes):
        raise Broken(f'{path} has no content')
    parts = re.split('[+]', entry.get('encoding') or 'text/plain')
    try:
        if parts[-1] in ('b64', 'base64'):
            content = base64.b64decode(b''.join(content.split()),
                                       validate=True)
            parts.pop()
        if parts and parts[-1] in ('gz', 'gzip'):
            content = gzip.decompress(content)
            parts.pop()
    except (binascii.Error, gzip.BadGzipFile, zlib.error, EOFError) as e:
        raise Broken(f'{path} does not decode: {e}')
    if parts not in ([], ['text/plain']):
        raise Broken(f'{path}: unknown encoding {entry["encoding"]}')
    return content


def _mode(path, entry):
    mode = entry.get('permissions', '0644')
    try:
        # YAML has read an unquoted 0600 as octal already.
        return mode if isinstance(mode, int) else int(mode, 8)
    except (TypeError, ValueError):
        raise Broken(f'{path}: permissions {mode!r}')


def _need(files, path):
    if path not in files:
        raise Broken(f'{path} is missing')
    return files[path]


def _need_private(files, path):
    file = _need(files, path)
    if file.mode & 0o077:
        raise Broken(f'{path} is for others to read: {file.mode:04o}')
    return file


def _signal(files):
    try:
        signal = json.loads(_need_private(files, SIGNAL).text)
    except ValueError as e:
        raise Broken(f'{SIGNAL} is no JSON: {e}')
    for key in SIGNAL_KEYS:
        if not isinstance(signal, dict) or not signal.get(key):
            raise Broken(f'{SIGNAL} has no {key}')
    return signal


def _variables(files, server_name):
    variables = {}
    for line in _need_private(files, ENVIRONMENT).text.splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError as e:
            raise Broken(f'{ENVIRONMENT}: {e}')
        if not words:
            continue
        name, equals, value = words[0].partition('=')
        if len(words) > 1 or not equals or not name.isidentifier():
            raise Broken(f'{ENVIRONMENT}: not NAME=value: {name}')
        variables[name] = value
    for name in VARIABLES:
        if not variables.get(name):
            raise Broken(f'{ENVIRONMENT} has no {name}')
    if variables['NODE_NAME'] != server_name:
        raise Broken(f'the node is called {variables["NODE_NAME"]}, its '
                     f'server {server_name}')
    if variables['ROLE'] not in EXPECTED:
        raise Broken(f'unknown role {variables["ROLE"]}')
    return variables


def _check_script(files, document, variables):
    script = _need(files, SCRIPT)
    if script.mode & 0o111 != 0o111:
        raise Broken(f'{SCRIPT} cannot be executed: {script.mode:04o}')
    if not script.content.startswith(b'#!/'):
        raise Broken(f'{SCRIPT} does not begin with #!')
    syntax = subprocess.run(['sh', '-n'], input=script.content, timeout=10,
                            capture_output=True)
    if syntax.returncode:
        raise Broken(f'{SCRIPT}: {syntax.stderr.decode()[:200]}')
    # It runs with `set -u`: a variable that nobody set ends it.
    used = set(re.findall(r'\$\{?([A-Z][A-Z_]+)\b(?!:-)', script.text))
    own = set(re.findall(r'\b([A-Z][A-Z_]+)=', script.text))
    unset = sorted(used - own - set(variables))
    if unset:
        raise Broken(f'{SCRIPT} uses what {ENVIRONMENT} does not set: '
                     + ' '.join(unset))
    if [SCRIPT, 'up'] not in (document.get('runcmd') or ()):
        raise Broken(f'runcmd does not call {SCRIPT} up')


def _check_kubeadm(files, variables):
    try:
        documents = [d for d in yaml.safe_load_all(files[KUBEADM].text) if d]
    except yaml.YAMLError as e:
        raise Broken(f'{KUBEADM}: ' + ' '.join(str(e).split()))
    for document in documents:
        if not isinstance(document, dict) or 'kind' not in document:
            raise Broken(f'{KUBEADM} has a document without a kind')
        version = document.get('kubernetesVersion')
        if version and version.lstrip('v') != variables[
                'KUBE_VERSION'].lstrip('v'):
            raise Broken(f'{KUBEADM} wants {version}, {ENVIRONMENT} '
                         f'{variables["KUBE_VERSION"]}')
    if not documents:
        raise Broken(f'{KUBEADM} is empty')
    for path in re.findall(r'/etc/magnum/[\w./-]*\w', files[KUBEADM].text):
        _need(files, path)


def _check_authorities(files):
    for name in AUTHORITIES:
        path = f'{PKI}{name}'
        certificate = _certificate(path + '.crt', files[path + '.crt'].content)
        key = _key(path + '.key', _need_private(files, path + '.key').content)
        if _public_pem(certificate.public_key()) != _public_pem(
                key.public_key()):
            raise Broken(f'{path}.crt and {path}.key are no pair')
    public = _public_pem(_key(PKI + 'sa.key', _need_private(
        files, PKI + 'sa.key').content).public_key())
    try:
        given = _public_pem(serialization.load_pem_public_key(
            files[PKI + 'sa.pub'].content))
    except ValueError as e:
        raise Broken(f'{PKI}sa.pub: {e}')
    if given != public:
        raise Broken(f'{PKI}sa.pub and {PKI}sa.key are no pair')


def _check_worker(files):
    """Nothing on it can sign for the cluster; its way in is there."""
    # kubeadm refuses to join where there are such files already.
    for path in files:
        if path.startswith(PKI):
            raise Broken(f'{path} has no place on a worker')
    _certificate(CA, files[CA].content)
    discovery = _unpacked(_need_private(files, DISCOVERY).content)
    authorities = {
        _public_pem(_certificate(DISCOVERY, pem).public_key())
        for pem in CERTIFICATE.findall(discovery)
        if _is_authority(_certificate(DISCOVERY, pem))}
    if not authorities:
        raise Broken(f'{DISCOVERY} has no certificate of an authority')
    for path, file in files.items():
        for pem in PRIVATE_KEY.findall(_unpacked(file.content)):
            if _public_pem(_key(path, pem).public_key()) in authorities:
                raise Broken(f"{path}: an authority's key on a worker")


def _is_authority(certificate):
    try:
        return certificate.extensions.get_extension_for_class(
            x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _unpacked(content):
    """The content, and after it what is in base64 within it."""
    inner = []
    for text in re.findall(rb'LS0tLS1CRUdJTi[A-Za-z0-9+/=]+', content):
        try:
            inner.append(base64.b64decode(text))
        except binascii.Error:
            continue
    return b'\n'.join([content, *inner])


def _certificate(path, pem):
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as e:
        raise Broken(f'{path} is no certificate: {e}')


def _key(path, pem):
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (TypeError, ValueError) as e:
        raise Broken(f'{path} is no private key: {e}')


def _public_pem(key):
    return key.public_bytes(serialization.Encoding.PEM,
                            serialization.PublicFormat.SubjectPublicKeyInfo)
