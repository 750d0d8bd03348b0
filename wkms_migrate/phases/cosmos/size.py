"""How large an item is to DynamoDB, to the byte as far as the service tells.

Names and strings count as UTF-8, a list or map as three bytes and one per element (developer guide, "DynamoDB item
sizes and formats"). For numbers the guide says about one byte per two digits and one more; here digits are paired from
the decimal point on, as dynalite does after measuring the service, with one byte for the exponent and one for a minus.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
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
            return _number_bytes(value)
        case "B":
            return len(value) * 3 // 4 - str(value[-2:]).count("=")
        case "L":
            return _CONTAINER_BYTES + sum(1 + _value_bytes(inner) for inner in value)
        case "M":
            return _CONTAINER_BYTES + sum(1 + len(name.encode()) + _value_bytes(inner) for name, inner in value.items())
        case _:
            return 1


def _number_bytes(text: str) -> int:
    number = Decimal(text)
    if not number:
        return 1
    count = len("".join(map(str, number.as_tuple().digits)).rstrip("0"))
    unpaired = count % 2 == 0 and number.adjusted() % 2 == 0
    return 1 + (count + 1) // 2 + int(unpaired) + int(number < 0)
