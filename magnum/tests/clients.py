# SPDX-License-Identifier: Apache-2.0
"""What real clients take an answer for: where one would stumble, this fails.

The types are those of gophercloud, on which Terraform, the autoscaler and the
auto-healer stand: a single wrong one in a single item and the whole list is
lost.  magnumclient dies of a `Retry-After`, of a redirect, and of an error
without a title.  Every answer that a functional test ever sees is read so.
"""

import datetime
import re
from urllib import parse as urlparse

INTEGER, FLAG, WORD, TIME = 'integer', 'flag', 'word', 'time'
WORDS, MAP, OBJECT, LINKS = 'words', 'map', 'object', 'links'


def _types(**names):
    return {name: kind for kind, listed in names.items()
            for name in listed.split()}


# Other keys are passed over; null is fine everywhere.
CLUSTER = _types(
    integer='create_timeout docker_volume_size master_count node_count',
    flag='floating_ip_enabled master_lb_enabled',
    map='faults labels labels_added labels_overridden labels_skipped',
    object='health_status_reason',
    words='master_addresses node_addresses',
    links='links',
    time='created_at updated_at',
    word='api_address cluster_template_id coe_version container_version '
         'discovery_url fixed_network fixed_subnet flavor_id health_status '
         'keypair master_flavor_id name project_id stack_id cluster_id '
         'status status_reason user_id uuid')

TEMPLATE = _types(
    integer='apiserver_port docker_volume_size',
    flag='floating_ip_enabled master_lb_enabled public registry_enabled '
         'tls_disabled hidden',
    map='labels',
    links='links',
    time='created_at updated_at',
    word='cluster_distro coe dns_nameserver docker_storage_driver driver '
         'external_network_id fixed_network fixed_subnet flavor_id '
         'http_proxy https_proxy image_id insecure_registry keypair_id '
         'master_flavor_id name network_driver no_proxy project_id '
         'server_type status tags user_id uuid volume_driver')

NODEGROUP = _types(
    integer='id node_count min_node_count docker_volume_size max_node_count',
    flag='is_default',
    map='labels labels_added labels_overridden labels_skipped',
    words='node_addresses',
    links='links',
    time='created_at updated_at',
    word='cluster_id flavor_id image_id name project_id role stack_id status '
         'status_reason uuid version')

QUOTA = _types(integer='hard_limit', time='created_at updated_at',
               word='project_id resource')

CERTIFICATE = _types(word='cluster_uuid bay_uuid pem csr', links='links')

SERVICE = _types(integer='id report_count', flag='disabled',
                 time='created_at updated_at',
                 word='host binary state disabled_reason')

STATS = _types(integer='clusters nodes')

FEDERATION = _types(map='properties', words='member_ids', links='links',
                    time='created_at updated_at',
                    word='uuid name hostcluster_id status status_reason')

# Also the names of lists.
RESOURCES = {'clusters': CLUSTER, 'bays': CLUSTER,
             'clustertemplates': TEMPLATE, 'baymodels': TEMPLATE,
             'nodegroups': NODEGROUP, 'quotas': QUOTA,
             'certificates': CERTIFICATE, 'mservices': SERVICE,
             'federations': FEDERATION, 'stats': STATS}

STATUSES = {
    'CREATE_IN_PROGRESS', 'CREATE_FAILED', 'CREATE_COMPLETE',
    'UPDATE_IN_PROGRESS', 'UPDATE_FAILED', 'UPDATE_COMPLETE',
    'DELETE_IN_PROGRESS', 'DELETE_FAILED', 'DELETE_COMPLETE',
    'RESUME_COMPLETE', 'RESUME_FAILED', 'RESTORE_COMPLETE',
    'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED', 'ROLLBACK_COMPLETE',
    'SNAPSHOT_COMPLETE', 'CHECK_COMPLETE', 'ADOPT_COMPLETE'}

# In clusters and lists of them; elsewhere the word means something else.
_STATEFUL = {'clusters', 'bays', 'nodegroups', 'federations'}


class Misread(AssertionError):
    """A client would stumble over an answer."""


def read(path, response):
    """Take an answer as clients do.

    :param path: of the request, with its version.
    :raises Misread: one of them would stumble.
    """
    # What was asked for only if it has changed is no redirect.
    if 300 <= response.status_int < 400 and response.status_int != 304:
        raise Misread(f'{path}: redirects are not followed.')
    if 'Retry-After' in response.headers and response.status_int != 413:
        raise Misread(f'{path}: Retry-After is not understood.')
    if not response.headers.get('X-Openstack-Request-Id', '').startswith(
            'req-'):
        raise Misread(f'{path}: there is no request id.')
    if response.status_int >= 400:
        _read_error(path, response)
    elif response.body:
        _read_answer(path, response.json)


def _read_error(path, response):
    if response.content_type != 'application/json':
        raise Misread(f'{path}: an error is {response.content_type}.')
    if not response.body:
        return
    document = response.json
    if set(document) == {'error'}:
        # Of the middleware that looks at tokens.
        if not (document['error']['title'] and document['error']['message']):
            raise Misread(f'{path}: the error says nothing.')
        return
    errors = document.get('errors')
    if not isinstance(errors, list) or not errors or not all(
            isinstance(errors[0].get(key), str) and errors[0][key]
            for key in ('title', 'detail')):
        raise Misread(f'{path}: there is no title in {document}.')
    if errors[0]['code'] == 'client' and len(errors[0]['title'].split()) < 3:
        raise Misread(f'{path}: the title alone says nothing: {errors}.')
    if document.get('message') != errors[0]['detail']:
        raise Misread(f'{path}: there is no message in {document}.')


def _read_answer(path, document):
    parts = path.strip('/').split('/')
    if parts[0] != 'v1':
        parts.insert(0, 'v1')
    name = ('nodegroups' if 'nodegroups' in parts
            else parts[1] if len(parts) > 1 else None)
    if name not in RESOURCES:
        return
    if name == 'nodegroups' and name in document or name in document and (
            isinstance(document[name], list)):
        _read_list(path, name, document)
    else:
        _read_item(path, name, document)


def _read_list(path, name, document):
    arrays = [key for key, value in document.items()
              if isinstance(value, list)]
    if arrays != [name]:
        raise Misread(f'{path}: which of {arrays} is the list?')
    for item in document[name]:
        _read_item(path, name, item)
    if 'next' in document:
        url = urlparse.urlsplit(document['next'])
        if not (url.scheme and url.netloc and '/v1/' in url.path):
            raise Misread(f'{path}: there is no way to {document["next"]}.')


def _read_item(path, name, item):
    if not isinstance(item, dict):
        raise Misread(f'{path}: {item} is no object.')
    for key, value in item.items():
        kind = RESOURCES[name].get(key)
        if kind and value is not None and not _fits(kind, value):
            raise Misread(f'{path}: {key} is no {kind}, but {value!r}.')
    status = item.get('status')
    if name in _STATEFUL and status is not None and status not in STATUSES:
        raise Misread(f'{path}: nobody knows the status {status}.')


def _fits(kind, value):
    if kind == INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == WORD:
        return isinstance(value, str)
    if kind == TIME:
        return _is_time(value)
    if kind == WORDS:
        return isinstance(value, list) and all(
            isinstance(item, str) for item in value)
    if kind == LINKS:
        return isinstance(value, list) and all(
            set(item) == {'href', 'rel'} for item in value)
    return isinstance(value, dict) and (kind == OBJECT or all(
        isinstance(item, str) for item in value.values()))


def _is_time(value):
    """Whether Go reads it: RFC 3339, with an offset."""
    if not isinstance(value, str) or not re.fullmatch(
            r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)',
            value):
        return False
    return datetime.datetime.fromisoformat(value).tzinfo is not None
