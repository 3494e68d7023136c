# SPDX-License-Identifier: Apache-2.0
"""Which drivers there are, and which of them serves a cluster.

Drivers are entry points of group `magnum.drivers`.  There is one look-up for
everything: templates, new clusters and every later operation get the same
answer, so that what was accepted can also be worked on.

They may be other people's: one that cannot be loaded is absent, and the others
go on.
"""

from collections.abc import Mapping
import functools
from importlib import metadata
from typing import Any

from oslo_config import cfg
from oslo_log import log

from magnum.drivers import base
from magnum.drivers import options  # noqa: F401  (registers [drivers])
from magnum import errors

LOG = log.getLogger(__name__)
CONF = cfg.CONF


@functools.cache
def _installed() -> Mapping[str, base.Driver]:
    """All drivers that can be loaded, by entry-point name.

    The code of disabled ones is not even imported.
    """
    loaded = {entry_point.name: _load(entry_point)
              for entry_point in metadata.entry_points(group='magnum.drivers')
              if entry_point.name not in CONF.drivers.disabled_drivers}
    return {name: driver for name, driver in loaded.items() if driver}


def _load(entry_point: metadata.EntryPoint) -> base.Driver | None:
    """The driver; None, and a warning, where it is none of this release."""
    why = 'it is written for another release of Magnum'
    try:
        driver = entry_point.load()()
        if isinstance(driver, base.Driver):
            return driver
    except Exception as e:
        # Foreign code: whatever is wrong with it is not wrong with us.
        why = f'{type(e).__name__}: {e}'
    LOG.warning('Cluster driver %s (%s) is not available: %s. Its clusters '
                'cannot be changed. Name it in [drivers] disabled_drivers if '
                'it is not needed.', entry_point.name, entry_point.value, why)
    return None


def names() -> list[str]:
    """The drivers that are installed and not disabled, sorted."""
    return sorted(set(_installed()) - set(CONF.drivers.disabled_drivers))


def loaded() -> Mapping[str, base.Driver]:
    """The drivers of these names, beta drivers among them."""
    return {name: _installed()[name] for name in names()}


def usable() -> Mapping[str, base.Driver]:
    """Those that may be given to a template, by name."""
    return {name: driver for name, driver in loaded().items()
            if not driver.beta or name in CONF.drivers.enabled_beta_drivers}


def by_name(name: str) -> base.Driver:
    """The driver called `name`.

    :raises DriverNotFound: it is not installed, disabled, or a beta driver
        that the operator has not enabled.
    """
    if name not in names():
        raise errors.DriverNotFound(
            f'Cluster driver {name} is not available; there is: '
            f'{", ".join(names()) or "none"}.')
    driver = _installed()[name]
    if driver.beta and name not in CONF.drivers.enabled_beta_drivers:
        raise errors.DriverNotFound(
            f'Cluster driver {name} is a beta driver that is not enabled in '
            f'[drivers] enabled_beta_drivers.')
    return driver


def of_coe(coe: str | None, name: str | None = None) -> list[base.Driver]:
    """The drivers that may build such clusters; only `name` if it is one.

    For questions that come up before the driver of a template is known.
    """
    if name in names():
        return [_installed()[name]]
    return [driver for driver in loaded().values()
            if any(kind.coe == coe for kind in driver.provides)]


def by_type(server_type: str | None, distro: str | None,
            coe: str | None) -> str:
    """The name of the first usable driver that serves such clusters.

    :raises DriverNotFound: there is none.
    """
    # Whoever uploads an image may write the name of its system as it is
    # spoken.
    wanted = base.ClusterType(server_type or 'vm', (distro or '').lower(),
                              coe or '')
    for name, driver in usable().items():
        if wanted in driver.provides:
            return name
    raise errors.DriverNotFound(
        f'Cluster type ({wanted.server_type}, {wanted.os}, {wanted.coe}) is '
        f'not supported by any enabled cluster driver.')


def resolve(explicit: str | None, image_properties: Mapping[str, Any],
            server_type: str | None, coe: str | None) -> str:
    """The name of the driver for a new template.

    In this order: the one that was asked for, the image's property
    `magnum_driver`, `[drivers] default_driver`, the first that serves
    (server_type, the image's `os_distro`, coe).
    """
    name = (explicit or image_properties.get('magnum_driver')
            or CONF.drivers.default_driver
            or by_type(server_type, image_properties.get('os_distro'), coe))
    by_name(name)
    return name


def name_for(template: Any) -> str:
    """The name of the driver of a template's clusters."""
    return template.driver or by_type(template.server_type,
                                      template.cluster_distro, template.coe)


def for_template(template: Any) -> base.Driver:
    """The driver of a template's clusters.

    :raises DriverNotFound: there is none that may be used.
    """
    return by_name(name_for(template))
