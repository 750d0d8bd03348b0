"""How large an item is to DynamoDB, never less than the service's own count.

Names and strings count as UTF-8, a number as one byte per two digits and one or two more, a list or map as three bytes
and one per element (developer guide, "DynamoDB item sizes and formats").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_ITEM_BYTES: Final = 400 * 1024
_CONTAINER_BYTES: Final = 3


def item_bytes(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of an item in bytes."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return (len(value) + 1) // 2 + 2
        case "B":
            return len(value) * 3 // 4
        case "L":
            return _CONTAINER_BYTES + sum(1 + _value_bytes(inner) for inner in value)
        case "M":
            return _CONTAINER_BYTES + sum(1 + len(name.encode()) + _value_bytes(inner) for name, inner in value.items())
        case _:
            return 1
