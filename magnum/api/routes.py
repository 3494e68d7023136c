# SPDX-License-Identifier: Apache-2.0
"""Every path of the API, on one page."""

from magnum.api import certificates
from magnum.api import cluster_actions
from magnum.api import cluster_templates
from magnum.api import clusters
from magnum.api import credentials
from magnum.api import documents
from magnum.api import drivers
from magnum.api.legacy import baymodels
from magnum.api.legacy import bays
from magnum.api.legacy import federations
from magnum.api import nodegroups
from magnum.api import operations
from magnum.api import protection
from magnum.api import quotas
from magnum.api import services
from magnum.api import stats

# Of these no token is asked.
PUBLIC = ('', '/v1')

ROUTES = {
    '': {'GET': documents.versions_document},
    'v1': {'GET': documents.version_document},
    'v1/baymodels': {'GET': baymodels.get_all, 'POST': baymodels.post},
    'v1/baymodels/detail': {'GET': baymodels.detail},
    'v1/baymodels/{baymodel_ident}': {
        'GET': baymodels.get_one, 'PATCH': baymodels.patch,
        'DELETE': baymodels.delete},
    'v1/bays': {'GET': bays.get_all, 'POST': bays.post},
    'v1/bays/detail': {'GET': bays.detail},
    'v1/bays/{bay_ident}': {
        'GET': bays.get_one, 'PATCH': bays.patch, 'DELETE': bays.delete},
    'v1/certificates': {'POST': certificates.post},
    'v1/certificates/{cluster_ident}': {
        'GET': certificates.get_one, 'PATCH': certificates.patch},
    'v1/certificates/{cluster_ident}/{ca_cert_type}': {
        'GET': certificates.get_typed},
    'v1/clusters': {'GET': clusters.get_all, 'POST': clusters.post},
    'v1/clusters/detail': {'GET': clusters.detail},
    'v1/clusters/{cluster_ident}': {
        'GET': clusters.get_one, 'PATCH': clusters.patch,
        'DELETE': clusters.delete},
    'v1/clusters/{cluster_ident}/actions/resize': {
        'POST': cluster_actions.resize},
    'v1/clusters/{cluster_ident}/actions/upgrade': {
        'POST': cluster_actions.upgrade},
    # No action: 405, as in 22.0.0.
    'v1/clusters/{cluster_ident}/actions/{action}': {},
    'v1/clusters/{cluster_ident}/nodegroups': {
        'GET': nodegroups.get_all, 'POST': nodegroups.post},
    'v1/clusters/{cluster_ident}/nodegroups/{nodegroup_ident}': {
        'GET': nodegroups.get_one, 'PATCH': nodegroups.patch,
        'DELETE': nodegroups.delete},
    'v1/clusters/{cluster_ident}/protection': {
        'GET': protection.get_one, 'PATCH': protection.patch},
    'v1/clusters/{cluster_ident}/operations': {'GET': operations.get_all},
    'v1/clustertemplates': {
        'GET': cluster_templates.get_all, 'POST': cluster_templates.post},
    'v1/clustertemplates/detail': {'GET': cluster_templates.detail},
    'v1/clustertemplates/{template_ident}': {
        'GET': cluster_templates.get_one, 'PATCH': cluster_templates.patch,
        'DELETE': cluster_templates.delete},
    'v1/credentials': {},
    'v1/credentials/{cluster_ident}': {'PATCH': credentials.patch},
    'v1/drivers': {'GET': drivers.get_all},
    'v1/drivers/{driver_name}/labels': {'GET': drivers.get_labels},
    'v1/federations': {'GET': federations.get_all, 'POST': federations.post},
    'v1/federations/detail': {'GET': federations.detail},
    'v1/federations/{federation_ident}': {
        'GET': federations.get_one, 'PATCH': federations.patch,
        'DELETE': federations.delete},
    'v1/mservices': {'GET': services.get_all},
    'v1/mservices/{ident}': {},
    'v1/openapi.json': {
        'GET': documents.openapi_document(lambda: ROUTES, PUBLIC)},
    'v1/operations/{operation_uuid}': {'GET': operations.get_one},
    'v1/operations/{operation_uuid}/abort': {'POST': operations.abort},
    'v1/operations/{operation_uuid}/retry': {'POST': operations.retry},
    'v1/quotas': {'GET': quotas.get_all, 'POST': quotas.post},
    'v1/quotas/{project_id}': {},
    'v1/quotas/{project_id}/{resource}': {
        'GET': quotas.get_one, 'PATCH': quotas.patch,
        'DELETE': quotas.delete},
    'v1/stats': {'GET': stats.get_all},
    'v1/stats/{ident}': {},
}

# Here a required part of the path is missing: 400, not 405.
INCOMPLETE = {
    path: ('DELETE', 'PATCH') for path in (
        'v1/baymodels', 'v1/bays', 'v1/clusters', 'v1/clustertemplates',
        'v1/federations', 'v1/quotas',
        'v1/clusters/{cluster_ident}/nodegroups')}
INCOMPLETE |= {'v1/certificates': ('PATCH',), 'v1/credentials': ('PATCH',),
               'v1/quotas/{project_id}': ('GET', 'DELETE', 'PATCH')}
