"""Resource ids: base64 of the numbers of the account's tree, each kind as long as the service makes it."""

from __future__ import annotations

import base64
from typing import Final

ITEM_BYTES: Final = 16


def database(number: int) -> str:
    """Return the resource id of a database (4 bytes)."""
    return _text(number.to_bytes(4, "big"))


def container(database_rid: str, number: int) -> str:
    """Return the resource id of a container (8 bytes, the top bit of the second half set)."""
    return _text(_bytes(database_rid) + (number | 1 << 31).to_bytes(4, "big"))


def item(container_rid: str, number: int) -> str:
    """Return the resource id of an item (16 bytes, its number little-endian at the end)."""
    return _text(_bytes(container_rid) + number.to_bytes(8, "little"))


def partition(container_rid: str, index: int) -> str:
    """Return the resource id of a partition-key range."""
    return _text(_bytes(container_rid) + (index + 2).to_bytes(7, "little") + b"\x50")


def database_of(container_rid: str) -> str:
    """Return the resource id of a container's database."""
    return _text(_bytes(container_rid)[:4])


def is_item_of(name: str, container_rid: str) -> bool:
    """Say whether a name is the resource id of an item of this container."""
    try:
        data = _bytes(name)
    except ValueError:
        return False
    return len(data) == ITEM_BYTES and data.startswith(_bytes(container_rid))


def number_of(item_rid: str) -> int:
    """Return the number inside an item's resource id."""
    return int.from_bytes(_bytes(item_rid)[8:], "little")


def _text(data: bytes) -> str:
    return base64.b64encode(data, altchars=b"+-").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"+-")
