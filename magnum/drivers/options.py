# SPDX-License-Identifier: Apache-2.0
"""Options of the cluster drivers, ours and those of other packages.

Drivers of other packages read them from the shared CONF too, so an option
stays even when no driver of ours reads it any more.
"""

from oslo_config import cfg

CONF = cfg.CONF

OPTS = {
    'drivers': [
        cfg.ListOpt('disabled_drivers', default=[],
                    help='Entry-point names of cluster drivers that must not '
                         'be loaded.'),
        cfg.ListOpt('enabled_beta_drivers', default=[],
                    help='Entry-point names of beta cluster drivers that may '
                         'be used.'),
        cfg.StrOpt('default_driver',
                   help='Driver of a cluster template when neither the '
                        'request nor the image property magnum_driver names '
                        'one. When unset, the first one, in alphabetical '
                        'order, that supports the kind of cluster.'),
        cfg.BoolOpt('verify_ca', default=True,
                    help='Whether nodes verify the certificates of the '
                         'OpenStack APIs.'),
        cfg.StrOpt('openstack_ca_file', default='',
                   help='CA bundle to install on nodes, so that they can '
                        'verify the OpenStack APIs.'),
    ],
    'cluster': [
        cfg.StrOpt('temp_cache_dir',
                   default='/var/lib/magnum/certificate-cache',
                   help='For drivers of other packages: directory for the '
                        'TLS files of clusters while they are in use.'),
        cfg.IntOpt('pre_delete_lb_timeout', default=60,
                   help='For drivers of other packages: seconds to wait for '
                        'load balancers to go before a cluster is deleted.'),
        cfg.StrOpt('etcd_discovery_service_endpoint_format',
                   default='https://discovery.etcd.io/new?size=%(size)d',
                   deprecated_group='bay',
                   help='For drivers of other packages: URL of the etcd '
                        'discovery service.'),
        cfg.StrOpt('nodes_affinity_policy', default='soft-anti-affinity',
                   help='Policy of the server groups of clusters: affinity, '
                        'anti-affinity, soft-affinity or '
                        'soft-anti-affinity.'),
    ],
    'cluster_template': [
        cfg.ListOpt('kubernetes_allowed_network_drivers',
                    default=['flannel', 'calico'],
                    help='Network drivers that users may choose. "all" lifts '
                         'the restriction.'),
        cfg.StrOpt('kubernetes_default_network_driver', default='flannel',
                   help='Network driver of a cluster template that names '
                        'none.'),
    ],
    'cluster_heat': [
        cfg.IntOpt('create_timeout', default=60,
                   help='Minutes that Heat may take to create a cluster, '
                        'when the request does not say.'),
        cfg.IntOpt('late_stack_seconds', default=120, min=0,
                   help='How long a stack may still appear when Heat gave no '
                        'answer to the request for it. A cluster that is '
                        'deleted meanwhile is not reported as deleted '
                        'before. Longer than rpc_response_timeout of Heat, '
                        'which is 60 by default.'),
    ],
    'kubernetes': [
        cfg.IntOpt('health_polling_interval', default=60,
                   help='Seconds between two looks at the health of a '
                        'cluster. Negative: never look.'),
        cfg.StrOpt('keystone_auth_default_policy',
                   default='/etc/magnum/keystone_auth_default_policy.json',
                   help='For drivers of other packages: default '
                        'authorization policy of the Keystone webhook, a '
                        'JSON list. $PROJECT_ID in it stands for the project '
                        'of the cluster.'),
        cfg.StrOpt('post_install_manifest_url', default='',
                   help='URL of a manifest to apply to each new cluster.'),
        cfg.IntOpt('drain_timeout', default=300, min=0,
                   help='Seconds that the pods of a node may take to leave '
                        'it before it is removed. Pods that a disruption '
                        'budget still holds then end with their server.'),
        cfg.StrOpt('kubeadm_patches_file', default='',
                   help='YAML file of what to add to the configuration of '
                        'kubeadm in every new cluster: documents of kind '
                        'ClusterConfiguration, InitConfiguration, '
                        'JoinConfiguration, KubeletConfiguration or '
                        'KubeProxyConfiguration, each a JSON merge patch (RFC '
                        '7386) of the document that this service writes. '
                        'The API and the conductors need the same file.'),
        cfg.IntOpt('join_credential_ttl', default=86400, min=3600,
                   help='Seconds for which the credential lasts with which '
                        'new nodes join their cluster.'),
    ],
    'cinder': [
        cfg.IntOpt('default_boot_volume_size', default=0,
                   help='Size in GB of the boot volume of nodes when the '
                        'label boot_volume_size is absent. 0: boot from '
                        'the image.'),
        cfg.StrOpt('default_boot_volume_type', default='',
                   help='Volume type of boot volumes when the label '
                        'boot_volume_type is absent. Empty: the first one '
                        'that Cinder lists.'),
        cfg.StrOpt('default_etcd_volume_type', default='',
                   help='Volume type of the volumes of etcd when the label '
                        'etcd_volume_type is absent. Empty: the first one '
                        'that Cinder lists.'),
        cfg.StrOpt('default_docker_volume_type', default='',
                   help='Volume type of the volumes for container storage '
                        'when the label docker_volume_type is absent. Empty: '
                        'the first one that Cinder lists.'),
    ],
    'docker_registry': [
        cfg.StrOpt('swift_region',
                   help='For drivers of other packages: region of the Swift '
                        'that registries on the nodes store images in.'),
        cfg.StrOpt('swift_registry_container', default='docker_registry',
                   help='For drivers of other packages: Swift container in '
                        'which registries on the nodes store images.'),
    ],
}

for _group, _options in OPTS.items():
    CONF.register_opts(_options, group=_group)
