# SPDX-License-Identifier: Apache-2.0
"""The CA certificates of a cluster, and what they sign."""

from magnum.api import clusters
from magnum.api import expose
from magnum.api import types
from magnum.certificates import authority
from magnum import errors
from magnum.operations import rotate_ca
from magnum.policies import certificate as rules


class Certificate(types.Resource):
    cluster_uuid = types.Attribute(types.SHORT, never_null=True)
    csr = types.Attribute(types.Text(min_length=1), required=True,
                          optional=True)
    ca_cert_type = types.Attribute(types.STRING, optional=True,
                                   never_null=True)
    pem = types.Attribute(types.STRING, write=types.IGNORED, never_null=True)
    # The name that clusters had once; old clients still use it.
    bay_uuid = types.Attribute(types.SHORT, optional=True, never_null=True)
    links = types.Attribute(types.LINKS, write=types.READONLY, never_null=True)


@expose.method(query=(expose.Parameter('ca_cert_type', types.STRING),),
               result=Certificate)
def get_one(call, cluster_ident):
    """Show a CA certificate of a cluster."""
    return _ca(call, cluster_ident, call.query['ca_cert_type'])


@expose.method(result=Certificate)
def get_typed(call, cluster_ident, ca_cert_type):
    """Show a CA certificate of a cluster, its type named by the path."""
    return _ca(call, cluster_ident, ca_cert_type)


@expose.method(body=Certificate, answers=201, result=Certificate)
def post(call):
    """Sign a request with a CA of a cluster."""
    ident = call.body['cluster_uuid'] or call.body['bay_uuid']
    if ident is None:
        raise errors.InvalidParameter('cluster_uuid', 'it is required.')
    try:
        cluster = _find(call, ident, rules.CREATE,
                        rules.CREATE_ALL_PROJECTS)
    except errors.NotFound as e:
        raise errors.Invalid(str(e)) from None
    asked = {'csr': call.body['csr']}
    if call.body['ca_cert_type'] is not None:
        asked['ca_cert_type'] = call.body['ca_cert_type']
    pem = authority.sign(cluster, asked['csr'], call.body['ca_cert_type'])
    return _show(call, cluster, pem=pem, **asked)


@expose.method(answers=202, result=types.Identity, keyed=True, tagged=True,
               begins=True)
def patch(call, cluster_ident):
    """Replace the CAs of a cluster."""
    cluster = clusters.find(call, cluster_ident, rules.ROTATE_CA,
                            rules.ROTATE_CA_ALL_PROJECTS)
    clusters.require_seen(call, cluster)
    rotate_ca.request(call.context, cluster)
    return {'uuid': cluster.uuid}


def _ca(call, cluster_ident, ca_cert_type):
    cluster = _find(call, cluster_ident, rules.GET, rules.GET_ALL_PROJECTS)
    return _show(call, cluster,
                 pem=authority.ca_certificate(cluster, ca_cert_type))


def _find(call, ident, rule, rule_of_all_projects):
    """As for any cluster; its own user acts here for its owner."""
    return clusters.find(call, ident, rule, rule_of_all_projects,
                         target=lambda row: {
                             'project_id': row.project_id,
                             'user_id': _owner(call, row),
                             'trustee_user_id': row.trustee_user_id})


def _owner(call, row):
    user_id = call.context.user_id
    is_its_own = user_id is not None and user_id == row.trustee_user_id
    return user_id if is_its_own else row.user_id


def _show(call, cluster, **computed):
    return types.show(Certificate, cluster, cluster_uuid=cluster.uuid,
                      links=call.links('certificates', cluster.uuid),
                      **computed)
