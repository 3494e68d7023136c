# SPDX-License-Identifier: Apache-2.0
"""Check that what a template or cluster names exists in the cloud.

Images, flavors, networks and key pairs are stored as the user gave them, by
name or id; here they are looked up once for each request, side by side, with
the caller's own token.
"""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
import dataclasses
import functools
import math
import re
from typing import Any

from oslo_config import cfg

from magnum import context as contexts
from magnum.drivers import options  # noqa: F401  (registers [cinder])
from magnum import errors
from magnum import openstack

CONF = cfg.CONF

_LOOK_UPS = {
    'image_id': lambda cloud, ident: cloud.image(ident),
    'flavor_id': lambda cloud, ident: cloud.flavor(ident),
    'master_flavor_id': lambda cloud, ident: cloud.flavor(ident),
    'external_network_id': lambda cloud, ident: cloud.external_network(ident),
    'fixed_network': lambda cloud, ident: cloud.network(ident),
    'fixed_subnet': lambda cloud, ident: cloud.subnet(ident),
    'keypair': lambda cloud, ident: cloud.keypair(ident),
}

_KINDS = {'image_id': 'image', 'flavor_id': 'flavor',
          'master_flavor_id': 'flavor',
          'external_network_id': 'external network',
          'fixed_network': 'network', 'fixed_subnet': 'subnet',
          'keypair': 'keypair'}


@dataclasses.dataclass(frozen=True)
class Found:
    """What the names stand for; None where none was given."""

    image_id: Any = None
    flavor_id: Any = None
    master_flavor_id: Any = None
    external_network_id: Any = None
    fixed_network: Any = None
    fixed_subnet: Any = None
    keypair: Any = None

    @property
    def image(self) -> Any:
        return self.image_id


def find(cloud: openstack.Cloud, names: Mapping[str, str | None],
         then: Mapping[str, Callable[[Any], None]] | None = None) -> Found:
    """Look up all of `names` that are not None; keys as in `Found`.

    The error of the first key in the order of `names` is raised, so that the
    same request always gets the same answer.

    :param then: what else is asked of what was found; its errors come before
        those of the following keys.
    :raises InvalidParameter: one does not exist, or an image has no
        `os_distro`.
    :raises NotFound: the key pair does not exist.
    :raises Conflict: a name stands for several.
    :raises Forbidden: the caller may not see it.
    """
    wanted = {key: ident for key, ident in names.items() if ident is not None}
    if not wanted:
        return Found()
    # Masters and workers often are of one flavor.
    things = {(_KINDS[key], ident): key for key, ident in wanted.items()}
    with futures.ThreadPoolExecutor(
            len(things), initializer=contexts.joining()) as pool:
        answers = {thing: pool.submit(_LOOK_UPS[key], cloud, thing[1])
                   for thing, key in things.items()}
    found = {}
    for key, ident in wanted.items():
        try:
            found[key] = answers[_KINDS[key], ident].result()
        except errors.NotFound:
            if key == 'keypair':
                raise
            raise errors.InvalidParameter(
                key, f'{_KINDS[key]} {wanted[key]} could not be found.'
            ) from None
        except errors.AuthorisationEnded:
            raise
        except (errors.Conflict, errors.Forbidden) as e:
            kind = (errors.Conflict if isinstance(e, errors.Conflict)
                    else errors.Forbidden)
            raise kind(f'{key} {wanted[key]}: {e}') from None
        if key == 'image_id':
            _check_image(wanted[key], found[key])
        if then and key in then:
            then[key](found[key])
    _check_subnet(found.get('fixed_network'), found.get('fixed_subnet'))
    return Found(**found)


def _check_subnet(network: Any, subnet: Any) -> None:
    if network and subnet and subnet.network_id != network.id:
        raise errors.InvalidParameter(
            'fixed_subnet', f'subnet {subnet.name or subnet.id} is not part '
                            f'of fixed_network {network.name or network.id}.')


def _check_image(ident: str, image: Any) -> None:
    if image.status != 'active':
        raise errors.InvalidParameter(
            'image_id', f'image {ident} is {image.status}; only active images '
                        'can be used.')
    if not image.properties.get('os_distro'):
        raise errors.InvalidParameter(
            'image_id', f'image {ident} has no property os_distro, which '
                        'selects the driver of the cluster.')


def check_image_fits(found: Found, labels: Mapping[str, Any] | None) -> None:
    """Refuse flavors and boot volumes that are too small for the image.

    Nova and Cinder refuse them, too, when the first node is made.

    :raises InvalidParameter: a server of the flavor cannot run the image.
    """
    image, volume = found.image, boot_volume_size(labels)
    if volume > 0:
        _check_size('labels', f'boot_volume_size is {volume} GB', volume,
                    image)
    for key in ('flavor_id', 'master_flavor_id'):
        flavor = getattr(found, key)
        if flavor is None:
            continue
        if flavor.ram < image.min_ram:
            raise errors.InvalidParameter(
                key, f'flavor {flavor.name} has {flavor.ram} MB of memory, '
                     f'image {image.name} needs {image.min_ram}.')
        if volume <= 0 and flavor.disk > 0:
            _check_size(key, f'the disk of flavor {flavor.name} has '
                             f'{flavor.disk} GB', flavor.disk, image)


# The comment behind it is the owner's own, and may hold anything.
_SSH_KEY = re.compile(r'[a-z0-9.@-]+ [A-Za-z0-9+/]+=*')


def public_key(found: Found) -> str | None:
    """What lets the owner log in on nodes: one line, without its comment.

    Kept with the cluster: the key pair may be deleted, or be another user's.

    :raises InvalidParameter: the key pair is none for SSH.
    """
    if found.keypair is None:
        return None
    key = _SSH_KEY.match(found.keypair.public_key)
    if key is None:
        raise errors.InvalidParameter(
            'keypair', f'key pair {found.keypair.name} is not an SSH key; '
                       'nodes accept only public keys for SSH.')
    return key[0]


def _check_size(key: str, what: str, size: int, image: Any) -> None:
    needed = max(image.min_disk, math.ceil(image.size))
    if size < needed:
        raise errors.InvalidParameter(
            key, f'{what}, image {image.name} needs {needed}.')


def boot_volume_size(labels: Mapping[str, Any] | None) -> int:
    """GB of the nodes' boot volume; 0 or less: they boot from the image.

    :raises InvalidParameter: the label is not an integer.
    """
    value = (labels or {}).get('boot_volume_size')
    if value in (None, ''):
        return CONF.cinder.default_boot_volume_size
    try:
        return int(value)
    except ValueError:
        raise errors.InvalidParameter(
            'labels', f'boot_volume_size must be an integer, not "{value}".'
        ) from None


def disks(labels: Mapping[str, Any] | None
          ) -> dict[str, Callable[[Any], None]]:
    """What to ask of the flavors of nodes that boot from the image."""
    if boot_volume_size(labels) != 0:
        return {}
    return {key: functools.partial(_check_disk, key)
            for key in ('flavor_id', 'master_flavor_id')}


def check_root_disk(found: Found, labels: Mapping[str, Any] | None) -> None:
    """Refuse flavors without a disk where the nodes boot from the image.

    :raises InvalidParameter: a flavor's disk is 0 and no boot volume is set.
    """
    for key, check in disks(labels).items():
        if getattr(found, key) is not None:
            check(getattr(found, key))


def _check_disk(key: str, flavor: Any) -> None:
    if flavor.disk == 0:
        raise errors.InvalidParameter(
            key, f'flavor {flavor.name} has no root disk; set label '
                 f'boot_volume_size, or choose another flavor.')
