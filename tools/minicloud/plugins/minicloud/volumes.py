# SPDX-License-Identifier: Apache-2.0
"""A Cinder driver that stores nothing: every operation succeeds.

The connection that Nova gets is of a type which its fake driver never opens.
"""

from cinder import interface
from cinder.volume import driver


@interface.volumedriver
class VoidDriver(driver.VolumeDriver):
    VERSION = '1.0'
    CI_WIKI_NAME = 'none'

    def check_for_setup_error(self):
        pass

    def _update_volume_stats(self):
        self._stats = {
            'volume_backend_name': 'void', 'vendor_name': 'minicloud',
            'driver_version': self.VERSION, 'storage_protocol': 'void',
            'pools': [{'pool_name': 'void', 'total_capacity_gb': 100000,
                       'free_capacity_gb': 100000, 'reserved_percentage': 0,
                       'thin_provisioning_support': True,
                       'max_over_subscription_ratio': 20.0,
                       'provisioned_capacity_gb': 0, 'multiattach': True,
                       'QoS_support': False}]}

    def clone_image(self, context, volume, image_location, image_meta,
                    image_service):
        # True: done; no byte has to be copied.
        return {}, True

    def initialize_connection(self, volume, connector):
        return {'driver_volume_type': 'fake',
                'data': {'volume_id': volume['id'], 'access_mode': 'rw'}}

    def retype(self, context, volume, new_type, diff, host):
        return True

    def _succeed(self, *args, **kwargs):
        pass

    create_volume = create_volume_from_snapshot = create_cloned_volume = \
        copy_image_to_volume = delete_volume = create_snapshot = \
        delete_snapshot = extend_volume = ensure_export = create_export = \
        remove_export = terminate_connection = _succeed
