# SPDX-License-Identifier: Apache-2.0
"""The application with a little of everything, which never runs out.

For those who send requests at random.  A conductor works after each request,
so that the next one finds a cluster that can be changed.
What there was in the beginning comes back some time after it was changed:
not at once, because a client may well look whether what it deleted has gone.
"""

import contextlib
import threading
import uuid

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
from magnum.operations import journal
from magnum.tests import conducting
from magnum.tests import databases
from magnum.tests import factories
from magnum.tests import wsgi

# So many requests after a change all is as it was, but for what is new; and
# after so many, what is new goes, too.
PATIENCE = 20
FORGETTING = 2000

# It has certificates, which are too dear to be made anew each time.
CLUSTER = '11111111-2222-3333-4444-555555555555'

# Done, waiting (to be aborted), and failed (to be retried).
OPERATIONS = ('5d12f6fd-a196-4bf0-ae4c-1f639a523a52',
              '5d12f6fd-a196-4bf0-ae4c-1f639a523a53',
              '5d12f6fd-a196-4bf0-ae4c-1f639a523a54')

CSR = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([
    x509.NameAttribute(x509.NameOID.COMMON_NAME, 'admin')])).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
).public_bytes(serialization.Encoding.PEM).decode()


@contextlib.contextmanager
def prepared(directory, dialect='sqlite'):
    """A WSGI application; its database is in `directory`, if in a file."""
    with (databases.scratch(dialect, directory) as url,
          databases.connected(url),
          pytest.MonkeyPatch.context() as monkeypatch,
          wsgi.surrounded(monkeypatch, directory) as api):
        schema.upgrade()
        yield Renewed(api.app)


class Renewed:
    """Serves one request at a time, and tidies up between them."""

    def __init__(self, app):
        self.app = app
        self.certificates = authority.issue(CLUSTER, 'c', wsgi.PROJECT,
                                            'owner')
        self.keys = stored_keys()
        self.lock = threading.Lock()
        self.served = 0
        # How many requests to wait until what was changed comes back.
        self.left = None
        renew(self.certificates, self.keys, everything=True)

    def __call__(self, environ, start_response):
        with self.lock:
            if self.left == 0 or self.served == FORGETTING:
                renew(self.certificates, self.keys,
                      self.served == FORGETTING)
                self.left = None
                self.served %= FORGETTING
            self.served += 1
            codes = []

            def noted(status, *rest):
                codes.append(int(status.split()[0]))
                return start_response(status, *rest)

            answer = list(self.app(environ, noted))
            method = environ['REQUEST_METHOD']
            changed = method != 'GET' and codes[-1] < 300
            if changed:
                conducting.work()
            if changed and (self.left is None or method == 'DELETE'):
                self.left = PATIENCE
            elif self.left is not None:
                self.left -= 1
            return answer


def stored_keys():
    """The certificates as the database has them."""
    with db.reader() as session:
        return [dict(row) for row in session.execute(
            sa.select(models.X509KeyPair.__table__)).mappings()]


def renew(certificates, keys, everything):
    """Make the rows those that there were in the beginning.

    :param everything: those that came later go.
    """
    rows = _rows(certificates)
    with db.writer() as session:
        if everything:
            for table in reversed(models.Base.metadata.sorted_tables):
                session.execute(sa.delete(table))
        else:
            # A rotation deletes old keys, and new ones may reuse their ids.
            session.execute(sa.delete(models.X509KeyPair).where(sa.or_(
                models.X509KeyPair.uuid.in_([key['uuid'] for key in keys]),
                models.X509KeyPair.id.in_([key['id'] for key in keys]))))
            for row in rows:
                session.execute(_older(row))
        session.execute(sa.insert(models.X509KeyPair), keys)
    factories.store(*rows)


def _older(row):
    """Delete what stands where a row is to be."""
    unique = {'nodegroup': ('cluster_id', 'name'),
              'quotas': ('project_id', 'resource'),
              'magnum_service': ('host',)}.get(row.__tablename__, ('uuid',))
    columns = row.__table__.columns
    return sa.delete(row.__table__).where(*(
        columns[name] == getattr(row, name) for name in unique))


def _rows(certificates):
    template = _known(factories.template, 't', driver='able')
    feeble = _known(factories.template, 'feeble')
    cluster = factories.cluster(name='c', uuid=CLUSTER, labels={'a': 'b'},
                                cluster_template_id=template.uuid,
                                **certificates)
    failed = _known(factories.cluster, 'failed', status='CREATE_FAILED',
                    status_reason='No luck.', api_address=None,
                    cluster_template_id=template.uuid)
    busy = _known(factories.cluster, 'busy', status='UPDATE_IN_PROGRESS',
                  cluster_template_id=template.uuid, **certificates)
    weak = _known(factories.cluster, 'weak',
                  cluster_template_id=feeble.uuid)
    queued = _known(factories.cluster, 'queued', status='UPDATE_IN_PROGRESS',
                    cluster_template_id=template.uuid, **certificates)
    stuck = _known(factories.cluster, 'stuck', status='UPDATE_FAILED',
                   cluster_template_id=template.uuid, **certificates)
    clusters = (cluster, failed, busy, weak, queued, stuck)
    groups = [group for one in clusters
              for group in factories.nodegroups(one)]
    groups.append(factories.nodegroup(cluster, name='extra'))
    for group in groups:
        group.uuid = _uuid(group.cluster_id + group.name)
    return [template, feeble,
            _known(factories.template, 'published', public=True),
            _known(factories.template, 'idle'), *clusters, *groups,
            *_operations(cluster, queued, stuck),
            _known(factories.federation, 'f'), factories.quota(hard_limit=100),
            factories.service(host='here')]


def _operations(cluster, queued, stuck):
    """As many as there are uuids; each is about default workers."""
    done, waiting, failed = OPERATIONS

    def resize(one, **columns):
        group = _uuid(one.uuid + 'default-worker')
        return factories.operation(
            one, nodegroup_uuid=group, lane=journal.lane_of(one.uuid),
            changes={group: {'node_count': [1, 2]}}, **columns)

    return [resize(cluster, uuid=done),
            resize(queued, uuid=waiting, state=journal.ACTIVE, attempt=0,
                   step=None, history=[], started_at=None, deadline=None,
                   finished_at=None),
            resize(stuck, uuid=failed, state=journal.FAILED,
                   error='No valid host was found.')]


def _known(make, name, **columns):
    """A row that has the same uuid each time it is made."""
    return make(name=name, uuid=_uuid(name), **columns)


def _uuid(name):
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
