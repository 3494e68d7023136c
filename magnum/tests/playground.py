# SPDX-License-Identifier: Apache-2.0
"""The application with a little of everything, which never runs out.

For those who send requests at random: after so many of them all is again as
it was in the beginning.
"""

import contextlib
import threading

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography import x509
import pytest
import sqlalchemy as sa

from magnum.certificates import authority
from magnum.db import models
from magnum.db import schema
from magnum.db import session as db
from magnum.tests import databases
from magnum.tests import factories
from magnum.tests import wsgi

REQUESTS = 100

# It has certificates, which are too dear to be made anew each time.
CLUSTER = '11111111-2222-3333-4444-555555555555'

CSR = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([
    x509.NameAttribute(x509.NameOID.COMMON_NAME, 'admin')])).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
).public_bytes(serialization.Encoding.PEM).decode()


@contextlib.contextmanager
def prepared(directory):
    """A WSGI application; its database is in `directory`."""
    with (databases.connected(f'sqlite:///{directory}/magnum.sqlite'),
          pytest.MonkeyPatch.context() as monkeypatch,
          wsgi.surrounded(monkeypatch, directory) as api):
        schema.upgrade()
        certificates = authority.issue(CLUSTER, 'c', wsgi.PROJECT, 'owner')
        yield Renewed(api.app, certificates)


class Renewed:
    """Begins anew after `REQUESTS`; one request at a time, as for SQLite."""

    def __init__(self, app, certificates):
        self.app = app
        self.certificates = certificates
        self.left = 0
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        with self.lock:
            if self.left == 0:
                renew(self.certificates)
                self.left = REQUESTS
            self.left -= 1
            return list(self.app(environ, start_response))


def renew(certificates):
    """Make the rows those that there were in the beginning."""
    with db.writer() as session:
        for table in reversed(models.Base.metadata.sorted_tables):
            if table is not models.X509KeyPair.__table__:
                session.execute(sa.delete(table))
    template = factories.template(name='t')
    public = factories.template(name='published', public=True)
    idle = factories.template(name='idle')
    cluster = factories.cluster(name='c', uuid=CLUSTER, labels={'a': 'b'},
                                cluster_template_id=template.uuid,
                                **certificates)
    failed = factories.cluster(name='failed', status='CREATE_FAILED',
                               status_reason='No luck.', api_address=None,
                               cluster_template_id=template.uuid)
    factories.store(template, public, idle, cluster, failed,
                    *factories.nodegroups(cluster),
                    *factories.nodegroups(failed),
                    factories.federation(name='f'), factories.quota(),
                    factories.service())
