# SPDX-License-Identifier: Apache-2.0
"""magnum-status: what an operator should look at before an upgrade."""

import functools
import sys

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_upgradecheck import common_checks
from oslo_upgradecheck import upgradecheck
from sqlalchemy import exc
from stevedore import exception

from magnum.api import keystone
from magnum.certificates import stores
from magnum.db import audit
from magnum.db import schema
from magnum.db import session
from magnum import drivers
from magnum import errors
from magnum import identity
from magnum import openstack
from magnum.openstack import options
from magnum import seals

CONF = cfg.CONF

DB_ERRORS = (db_exception.DBError, exc.SQLAlchemyError)

# So many things are named, the others counted.
SHOWN = 5

# What every cluster is built of.
NEEDED = [options.CLIENTS[word] for word in ('glance', 'heat', 'neutron',
                                             'nova')]

NO_CLUSTER = '00000000-0000-0000-0000-000000000000'


def success(details=None):
    return upgradecheck.Result(upgradecheck.Code.SUCCESS, details)


def warning(details):
    return upgradecheck.Result(upgradecheck.Code.WARNING, details)


def failure(details):
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


def of_the_rows(check):
    """A check of rows: it is not made where there are none to read."""
    @functools.wraps(check)
    def checked(self):
        engine = self.engine
        try:
            if engine is None:
                return warning('Not checked: the database cannot be reached.')
            if audit.is_empty(engine):
                return success('The database is empty.')
            return check(self, engine)
        except DB_ERRORS as e:
            return warning(f'Not checked: the database cannot be read: '
                           f'{brief(e)}')
    return checked


class Checks(upgradecheck.UpgradeCommands):
    """Each returns a result with what to do about it."""

    @functools.cached_property
    def engine(self):
        try:
            engine = session.engine()
            with engine.connect():
                return engine
        except DB_ERRORS as e:
            self.why_no_engine = e
            return None

    def database_revision(self):
        if self.engine is None:
            return failure(f'The database cannot be reached: '
                           f'{brief(self.why_no_engine)}')
        try:
            schema.refuse_strangers()
            current = schema.current()
        except (schema.CannotMigrate, *DB_ERRORS) as e:
            return failure(brief(e))
        if current != schema.head():
            return failure(f'The database is at revision {current or "none"}, '
                           f'this release needs {schema.head()}. Run '
                           f'"magnum-db-manage upgrade".')
        return success()

    def service_credentials(self):
        try:
            if openstack.service_session().auth is not None:
                return success()
        except errors.MagnumError as e:
            return failure(str(e))
        except cfg.Error as e:
            return failure(f'[keystone_auth] does not make a login: {e}')
        return failure('[keystone_auth] names no user and password.')

    def token_validation(self):
        try:
            keystone.check()
        except errors.InfrastructureFailed as e:
            return failure(str(e))
        return success()

    def cloud(self):
        try:
            cloud = openstack.service_cloud()
            missing = [client.name for client in NEEDED
                       if not cloud.has_service(client.service_type)]
        except (errors.MagnumError, cfg.Error) as e:
            return warning(f'The cloud does not let the service user log in: '
                           f'{brief(e)}')
        if missing:
            return warning(f'The catalogue has no {", ".join(missing)}: '
                           f'clusters cannot be built.')
        return success()

    def trustee_domain(self):
        if not identity.is_delegating():
            return warning(
                '[trust] cluster_user_trust is off: nodes get no login, and '
                'clusters have no volumes and load balancers of the cloud.')
        try:
            identity.check()
        except errors.Temporary as e:
            return warning(f'The administrator of the domain of clusters\' '
                           f'users cannot log in: {brief(e)}')
        except errors.MagnumError as e:
            return failure(brief(e))
        return success()

    @of_the_rows
    def cluster_drivers(self, engine):
        lost = lost_clusters(engine)
        if lost:
            return warning(
                f'No driver is loaded for {listed("cluster", lost)}. They '
                f'can be shown and deleted, but not changed, and are not '
                f'watched. Install or enable their drivers.')
        return success()

    @of_the_rows
    def removed_coes(self, engine):
        templates = audit.templates_of_other_coes(engine, 'kubernetes')
        if templates:
            return warning(
                'Clusters can no longer be created from '
                f'{listed("cluster template", templates)}: the COE is no '
                'longer supported. Delete or replace the template.')
        return success()

    @of_the_rows
    def trusts(self, engine):
        if not audit.has_trust_columns(engine):
            return warning(
                'Release 23.0.0 dropped the records of the clusters\' '
                'trustees. The upgrade adds empty ones. Users named '
                '<cluster uuid>_<project id> in the trustee domain of '
                'Keystone remain: delete those of clusters that are gone.')
        lost = set(lost_clusters(engine))
        kept = [uuid for uuid in audit.clusters_with_trustee(engine)
                if uuid in lost]
        if kept:
            return warning(
                f'No driver is loaded for {listed("cluster", kept)}, but '
                f'there is a trustee in Keystone: the user named '
                f'<cluster uuid>_<project id> and its trust are not removed.')
        return success()

    @of_the_rows
    def stuck_clusters(self, engine):
        stuck = audit.clusters_in_progress_for_ever(engine)
        if stuck:
            return warning(
                f'There is no operation for {listed("cluster", stuck)} in '
                f'status *_IN_PROGRESS. Before the upgrade let the old '
                f'release finish; after it look at the cluster, and delete '
                f'or update it.')
        return success()

    @of_the_rows
    def conductor_names(self, engine):
        count = audit.services_without_host(engine)
        if count > 1:
            return warning(
                f'{count} heartbeats in table magnum_service name no host. '
                f'This release takes the host name when [DEFAULT] host is '
                f'not set; the old rows may be deleted.')
        return success()

    def certificate_store(self):
        try:
            # It answers that there is no such thing, or not at all.
            stores.current().find(NO_CLUSTER, 'magnum-status')
        except (errors.MagnumError, exception.NoMatches, *DB_ERRORS) as e:
            return warning(f'Certificate store '
                           f'"{CONF.certificates.cert_manager_type}" is out '
                           f'of reach: {brief(e)}')
        return success()

    def encryption_keys(self):
        try:
            seals.check()
        except seals.BadKey as e:
            return failure(str(e))
        missing = seals.missing()
        return warning(missing) if missing else success()

    _upgrade_checks = (
        ('Policy File JSON to YAML Migration',
         (common_checks.check_policy_json, {'conf': CONF})),
        ('Database Revision', database_revision),
        ('Service Credentials', service_credentials),
        ('Token Validation', token_validation),
        ('Cloud', cloud),
        ('Domain of Clusters\' Users', trustee_domain),
        ('Cluster Drivers', cluster_drivers),
        ('Removed COEs', removed_coes),
        ('Trustees of Clusters', trusts),
        ('Clusters in Progress', stuck_clusters),
        ('Names of Conductors', conductor_names),
        ('Certificate Store', certificate_store),
        ('Encryption Keys', encryption_keys),
    )


def lost_clusters(engine):
    """The uuids of clusters of which no loaded driver takes care."""
    def is_lost(kind):
        try:
            drivers.for_template(kind)
        except errors.DriverNotFound:
            return True
        return False
    return [kind.uuid for kind in audit.cluster_kinds(engine)
            if is_lost(kind)]


def listed(thing, uuids):
    more = len(uuids) - SHOWN
    text = ', '.join(uuids[:SHOWN]) + (f' and {more} more' if more > 0 else '')
    return f'{len(uuids)} {thing}{"s" if len(uuids) > 1 else ""} ({text})'


def brief(error):
    """Without the advice to programmers in the lines that follow."""
    return str(error).splitlines()[0]


class _Described:
    """CONF for the library's main(), whose --help has no description."""

    def __getattr__(self, name):
        return getattr(CONF, name)

    def __call__(self, *args, **more):
        CONF(*args, description='Check whether Magnum can be upgraded, and '
                                'what its configuration lacks.', **more)


def main(argv=None):
    # Whoever wants to wait for the database calls again.
    session.fail_at_once()
    # The library reads the files itself, else it does not know of --json.
    return upgradecheck.main(_Described(), 'magnum', Checks(),
                             sys.argv[1:] if argv is None else argv)
