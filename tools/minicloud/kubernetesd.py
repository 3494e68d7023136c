# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API of every cluster, as far as a first client goes.

The addresses of clusters exist nowhere, so this is an HTTP proxy on loopback:
who sets HTTPS_PROXY to it and connects to ADDRESS:6443 talks TLS with the
cluster whose first master was told that address.  As kubeadm would, it makes
the server's certificate from the authority and the names in that master's
user data, and takes only clients that the same authority has certified:
`system:masters` may read, others are forbidden.  It knows nodes and pods.
Runs in the cloud's own virtual environment, while a test needs it.
"""

import base64
import datetime
import http.server
import ipaddress
import json
import pathlib
import ssl
import tempfile
import urllib.parse

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
import openstack
import yaml

from tools.minicloud import settings
from tools.minicloud import userdata

SECONDS = 30
PORT = 6443
PODS = ('etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler')
Usage = x509.oid.ExtendedKeyUsageOID


class Cluster:
    """What the nodes of one cluster were told."""

    def __init__(self, master, settings_of_api, nodes):
        self.names = settings_of_api['certSANs']
        self.authority = x509.load_pem_x509_certificate(
            master.files[userdata.PKI + 'ca.crt'].content)
        self._key = serialization.load_pem_private_key(
            master.files[userdata.PKI + 'ca.key'].content, None)
        self.masters = [name for name, role in nodes if role == 'master']
        self.nodes = [name for name, _ in nodes]

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self.authority.public_bytes(
            serialization.Encoding.PEM).decode())
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, 'pair')
            file.write_bytes(self._pair())
            context.load_cert_chain(file)
        return context

    def _pair(self):
        """A server's certificate for these names, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        hour = datetime.timedelta(hours=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string('CN=kube-apiserver'))
            .issuer_name(self.authority.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - hour).not_valid_after(now + hour)
            .add_extension(x509.SubjectAlternativeName(
                [general_name(name) for name in self.names]), False)
            .add_extension(x509.ExtendedKeyUsage([Usage.SERVER_AUTH]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.authority.public_key()), False)
            .sign(self._key, hashes.SHA256()))
        pem = serialization.Encoding.PEM
        return certificate.public_bytes(pem) + key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())


def general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def find(address):
    """The cluster whose API has this address, or None."""
    nova = openstack.connect(cloud='admin').compute
    answer = nova.get('/servers/detail?all_tenants=1&status=ACTIVE',
                      microversion='2.79', timeout=SECONDS)
    answer.raise_for_status()
    nodes = []
    for server in answer.json()['servers']:
        try:
            nodes.append((server['name'], userdata.check(base64.b64decode(
                server['OS-EXT-SRV-ATTR:user_data'] or b''), server['name'])))
        except userdata.Broken:
            continue
    for _, node in nodes:
        told = next((d['apiServer'] for d in yaml.safe_load_all(
            node.files[userdata.KUBEADM].text) if 'apiServer' in (d or {})),
            None)
        if told and address in told['certSANs']:
            return Cluster(node, told, [
                (name, other.role) for name, other in nodes
                if authority(other) == authority(node)])
    return None


def authority(node):
    own = node.files.get(userdata.PKI + 'ca.crt')
    return (own or node.files[userdata.CA]).content.strip()


class Proxy(http.server.BaseHTTPRequestHandler):
    """Takes CONNECT, and nothing else."""

    timeout = SECONDS

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(':')
        cluster = find(host) if port == str(PORT) else None
        if not cluster:
            self.send_error(502, f'No cluster has the address {self.path}')
            return
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            with cluster.tls().wrap_socket(self.connection,
                                           server_side=True) as tls:
                Kubernetes(tls, self.client_address, cluster)
        except ssl.SSLError as e:
            self.log_message('%s', e)


class Kubernetes(http.server.BaseHTTPRequestHandler):
    """One connection to a cluster, which stands where a server would."""

    timeout = SECONDS
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        cluster, path = self.server, urllib.parse.urlsplit(self.path).path
        certificate = self.connection.getpeercert()
        if not certificate:
            return self._refuse(401, 'Unauthorized')
        if 'system:masters' not in groups(certificate):
            return self._refuse(403, 'Forbidden')
        if path == '/api/v1/nodes':
            return self._send(200, 'NodeList', items=[
                {'metadata': {'name': name}, 'status': {'conditions': [
                    {'type': 'Ready', 'status': 'True'}]}}
                for name in cluster.nodes])
        if path == '/api/v1/pods':
            return self._send(200, 'PodList', items=[
                {'metadata': {'name': f'{pod}-{name}',
                              'namespace': 'kube-system'},
                 'status': {'phase': 'Running'}}
                for pod in PODS for name in cluster.masters])
        return self._refuse(404, 'NotFound')

    def _refuse(self, code, reason):
        self._send(code, 'Status', status='Failure', reason=reason, code=code)

    def _send(self, code, kind, **more):
        body = json.dumps({'kind': kind, 'apiVersion': 'v1', 'metadata': {},
                           **more}).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def groups(certificate):
    return [value for name in certificate['subject'] for key, value in name
            if key == 'organizationName']


if __name__ == '__main__':
    http.server.ThreadingHTTPServer(
        (settings.IP, settings.PORTS['kubernetes']), Proxy).serve_forever()
