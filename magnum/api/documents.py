# SPDX-License-Identifier: Apache-2.0
"""What the API tells of itself: its versions, its resources, its description.
"""

from magnum.api.description import openapi
from magnum.api import expose
from magnum.api import framework
from magnum.api import types
from magnum.api import versions

DOCUMENTATION = 'https://docs.openstack.org/magnum/latest/'

RESOURCES = ('clustertemplates', 'clusters', 'quotas', 'certificates',
             'mservices', 'stats', 'federations', 'credentials')
LEGACY = ('bays', 'baymodels')


def _told(kind):
    return types.Attribute(kind, write=types.READONLY, never_null=True)


class Version(types.Resource):
    id = _told(types.STRING)
    status = _told(types.STRING)
    min_version = _told(types.STRING)
    max_version = _told(types.STRING)
    links = _told(types.LINKS)


class VersionsDocument(types.Resource):
    name = _told(types.STRING)
    description = _told(types.STRING)
    versions = _told(types.Nested(Version, many=True))


class _VersionDocument(types.Resource):
    id = _told(types.STRING)
    media_types = _told(types.MapList())
    links = _told(types.LINKS)
    version = _told(types.Nested(Version))


VersionDocument = framework.resource(
    'VersionDocument', _VersionDocument,
    {name: _told(types.LINKS) for name in (*RESOURCES, 'nodegroups')}
    | {name: types.Attribute(types.LINKS, write=types.READONLY,
                             never_null=True,
                             optional=True) for name in LEGACY})


@expose.method(result=VersionsDocument)
def versions_document(call):
    """Which versions of the API there are."""
    return {'name': 'OpenStack Magnum API',
            'description': 'Container infrastructure management: clusters '
                           'of container orchestration engines, as a '
                           'service.',
            'versions': [_version(call)]}


@expose.method(result=VersionDocument)
def version_document(call):
    """What version 1 of the API offers."""
    answer = {
        'id': 'v1',
        'media_types': [
            {'base': 'application/json',
             'type': 'application/vnd.openstack.magnum.v1+json'}],
        'links': [{'href': f'{call.url}/v1/', 'rel': 'self'},
                  {'href': DOCUMENTATION, 'rel': 'describedby',
                   'type': 'text/html'}],
        # For clients that look here for the range of versions.
        'version': _version(call)}
    names = RESOURCES
    if call.version <= versions.LAST_BAYS:
        names += LEGACY
    for name in names:
        answer[name] = [
            {'href': f'{call.url}/v1/{name}/', 'rel': 'self'},
            {'href': f'{call.url}/{name}/', 'rel': 'bookmark'}]
    path = 'clusters/{cluster_id}/nodegroups'
    answer['nodegroups'] = [
        {'href': f'{call.url}/v1/{path}', 'rel': 'self'},
        {'href': f'{call.url}/{path}', 'rel': 'bookmark'}]
    return answer


def openapi_document(routes, public):
    """The method that describes the API.

    :param routes: gives the map of routes, of which this method is a part.
    """
    @expose.method(result={'type': 'object'})
    def openapi_document(call):
        """Describe this API, as OpenAPI has it."""
        return openapi.document(routes(), public, call.url)

    return openapi_document


def _version(call):
    return {'id': 'v1', 'status': 'CURRENT',
            'min_version': str(versions.MINIMUM),
            'max_version': str(versions.MAXIMUM),
            'links': [{'href': f'{call.url}/v1/', 'rel': 'self'}]}
