# SPDX-License-Identifier: Apache-2.0
"""Every attribute that is text: where it ends, and that no trick gets there.

What reaches nodes lands in files that root reads: units of systemd, TOML,
YAML, flags of the kubelet.  An attribute that is new must be put into a row.
"""

import pytest

from magnum.api import cluster_templates
from magnum.api import clusters
from magnum.api import nodegroups
from magnum.api import types
from magnum.tests import factories

# Whatever is between, no file must see it.
TRICKS = ['{}\n[Service]\nExecStart=/bin/x', '{}"', "{}'", '{}\\', '{} $(x)',
          '{}`x`', '{}\r', '{}\t#', '{}\x07', '{}\u2028x']

# The attributes by what keeps tricks out.
LOOKED_UP = 'it must be the name or id of something in the cloud'
ONE_OF = 'it must be one of some words'
RULE = 'it has a rule of its own'
NOWHERE = 'it goes to no node, and to no template of Heat'

TEMPLATE = {
    'name': NOWHERE, 'tags': NOWHERE,
    # A cluster looks it up, whether it is the template's or its own.
    'keypair_id': NOWHERE,
    # What is stored follows from the image.
    'cluster_distro': NOWHERE,
    'image_id': LOOKED_UP, 'flavor_id': LOOKED_UP,
    'master_flavor_id': LOOKED_UP, 'external_network_id': LOOKED_UP,
    'fixed_network': LOOKED_UP, 'fixed_subnet': LOOKED_UP,
    'coe': ONE_OF, 'server_type': ONE_OF, 'driver': ONE_OF,
    'network_driver': ONE_OF, 'volume_driver': ONE_OF,
    'dns_nameserver': RULE, 'http_proxy': RULE, 'https_proxy': RULE,
    'no_proxy': RULE, 'insecure_registry': RULE,
    'docker_storage_driver': RULE}

CLUSTER = {
    'name': RULE, 'discovery_url': RULE,
    'cluster_template_id': LOOKED_UP, 'keypair': LOOKED_UP,
    'flavor_id': LOOKED_UP, 'master_flavor_id': LOOKED_UP,
    'fixed_network': LOOKED_UP, 'fixed_subnet': LOOKED_UP}

# What a driver puts into a node's labels, it checks itself: any text is a
# name by contract.
NODEGROUP = {'name': NOWHERE, 'role': NOWHERE, 'image_id': NOWHERE,
             'flavor_id': LOOKED_UP}

GOOD = {'dns_nameserver': '8.8.8.8', 'http_proxy': 'http://p',
        'https_proxy': 'http://p', 'no_proxy': 'p', 'name': 'n',
        'insecure_registry': 'r', 'docker_storage_driver': 'overlay2',
        'discovery_url': 'http://d'}


@pytest.mark.parametrize(('kind', 'table'), [
    (cluster_templates.ClusterTemplate, TEMPLATE),
    (clusters.Cluster, CLUSTER), (nodegroups.NodeGroup, NODEGROUP)],
    ids=lambda value: getattr(value, '__name__', ''))
def test_every_attribute_has_its_row(kind, table):
    texts = {name for name, attribute in types.attributes(kind).items()
             if attribute.write == types.WRITABLE and isinstance(
                 attribute.kind, types.Text | types.Enum | types.NameServers)}
    assert texts == set(table)


@pytest.fixture
def cluster(api):
    template = factories.template(name='t')
    cluster = factories.cluster(name='c', cluster_template_id=template.uuid)
    factories.store(template, cluster, *factories.nodegroups(cluster))


REQUESTS = {
    '/v1/clustertemplates': (TEMPLATE, {'coe': 'kubernetes',
                                        'image_id': 'ubuntu-k8s'}),
    '/v1/clusters': (CLUSTER, {'cluster_template_id': 't'}),
    '/v1/clusters/c/nodegroups': (NODEGROUP, {'name': 'g'})}


@pytest.mark.parametrize(('path', 'name'), [
    (path, name) for path, (table, _) in REQUESTS.items()
    for name, guard in table.items() if guard != NOWHERE])
def test_no_trick_is_accepted(api, cluster, path, name):
    _, body = REQUESTS[path]
    word = GOOD.get(name) or body.get(name) or 'm1.small'
    for trick in TRICKS:
        answer = api('POST', path, {**body, name: trick.format(word)},
                     version='latest')
        assert answer.status_int in (400, 404), (trick, answer.text)
