# SPDX-License-Identifier: Apache-2.0
"""What other services know of things, as far as this service reads it."""

from collections.abc import Mapping
import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Image:
    """What a server needs: `min_disk` and `size` in GB, `min_ram` in MB."""

    id: str
    name: str | None
    properties: Mapping[str, str]
    status: str = 'active'
    min_disk: int = 0
    min_ram: int = 0
    size: float = 0


@dataclasses.dataclass(frozen=True)
class Flavor:
    """`disk` in GB, `ram` in MB."""

    id: str
    name: str
    disk: int
    ram: int
    vcpus: int


@dataclasses.dataclass(frozen=True)
class Network:
    id: str
    name: str
    project_id: str | None = None


@dataclasses.dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    network_id: str
    cidr: str
    project_id: str | None = None


@dataclasses.dataclass(frozen=True)
class Named:
    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """`public_key` is one line for a file of authorized keys, or PEM text."""

    name: str
    public_key: str


@dataclasses.dataclass(frozen=True)
class LoadBalancer:
    id: str
    name: str
    description: str
    provisioning_status: str
    vip_port_id: str | None


@dataclasses.dataclass(frozen=True)
class FloatingIp:
    id: str
    address: str
    description: str


@dataclasses.dataclass(frozen=True)
class Allowance:
    """What a quota allows, and what is taken; no limit: None."""

    limit: int | None
    used: int


def image(row: dict[str, Any]) -> Image:
    # Glance mixes an image's own properties with its fields; all properties
    # are text.
    return Image(row['id'], row.get('name'),
                 {key: value for key, value in row.items()
                  if isinstance(value, str)},
                 status=row.get('status') or 'active',
                 min_disk=row.get('min_disk') or 0,
                 min_ram=row.get('min_ram') or 0,
                 size=(row.get('size') or 0) / 2 ** 30)


def flavor(row: dict[str, Any]) -> Flavor:
    return Flavor(row['id'], row['name'], row['disk'], row['ram'],
                  row['vcpus'])


def named(rows: list[dict[str, Any]], prefix: str) -> list[Named]:
    return [Named(row['id'], row['name']) for row in rows
            if (row['name'] or '').startswith(prefix)]
