"""What DynamoDB refuses, and how it counts and writes values. Written from the developer guide, not from the mover."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

MAX_ITEM = 400 * 1024
MAX_LEVELS = 32


class ValidationError(Exception):
    """The service's ValidationException."""


def check_item(item: dict[str, Any], keys: dict[str, str]) -> None:
    size = sum(len(name.encode()) + size_of(value) for name, value in item.items())
    if size > MAX_ITEM:
        raise ValidationError(f"Item size has exceeded the maximum allowed size: {size}")
    for name, value in item.items():
        check_value(name, value, 1)
    for name, role in keys.items():
        text = item.get(name, {}).get("S", "")
        if not text:
            raise ValidationError(f"The key attribute {name} is missing or empty")
        if len(text.encode()) > (2048 if role == "HASH" else 1024):
            raise ValidationError(f"The key attribute {name} is too long")


def check_value(name: str, attribute: dict[str, Any], level: int) -> None:
    if not name:
        raise ValidationError("An attribute name is empty")
    if level > MAX_LEVELS:
        raise ValidationError("Nesting Levels have exceeded supported limits")
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            check_number(value)
        case "L" | "M":
            held = value.items() if kind == "M" else ((name, inner) for inner in value)
            for inner_name, inner in held:
                check_value(inner_name, inner, level + 1)
        case _ if kind not in ("S", "B", "BOOL", "NULL"):
            raise ValidationError(f"{kind} is not expected here")


def check_number(text: str) -> None:
    number = Decimal(text)
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > 38:
        raise ValidationError("Attempting to store more than 38 significant digits in a Number")
    if number and not -130 <= number.adjusted() <= 125:
        raise ValidationError("Number overflow or underflow")


def size_of(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            number = Decimal(value)
            digits = len("".join(map(str, number.as_tuple().digits)).strip("0"))
            return (digits + 1) // 2 + 1 + (1 if number < 0 else 0)
        case "B":
            return len(base64.b64decode(value))
        case "L":
            return 3 + sum(1 + size_of(inner) for inner in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(inner) for name, inner in value.items())
        case _:
            return 1


def as_the_service_writes(attribute: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return {"N": written(value)}
        case "L":
            return {"L": [as_the_service_writes(inner) for inner in value]}
        case "M":
            return {"M": {name: as_the_service_writes(inner) for name, inner in value.items()}}
        case _:
            return attribute


def written(text: str) -> str:
    number = Decimal(text)
    if not number:
        return "0"
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def keys_of(requests: list[dict[str, Any]], keys: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for request in requests:
        held = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
        yield tuple(str(held[name]) for name in keys)
