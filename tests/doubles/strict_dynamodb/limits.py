"""What DynamoDB refuses, and how it counts and writes values. Written from the developer guide, not from the mover."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_ITEM = 400 * 1024
MAX_LEVELS = 32
MAX_BATCH = 25
MAX_REQUEST = 16 * 1024 * 1024
KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
SCALARS = ("S", "N", "B", "BOOL", "NULL")
UNIT = 1024
MAX_DIMENSIONS = 4096
DISTANCES = ("COSINE", "DOT_PRODUCT", "EUCLIDEAN")


class ValidationError(Exception):
    """The service's ValidationException."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A table's keys, and those of its indexes: (name, type) by role, and by name of the index."""

    table: tuple[tuple[str, str, str], ...]  # name, HASH or RANGE, type
    indexes: tuple[tuple[tuple[str, str], ...], ...] = ()

    @classmethod
    def of(cls, definition: dict[str, Any]) -> Keys:
        """Return the keys of a table as CreateTable or DescribeTable gives it."""
        kinds = {one["AttributeName"]: one["AttributeType"] for one in definition["AttributeDefinitions"]}
        table = tuple(
            (one["AttributeName"], one["KeyType"], kinds[one["AttributeName"]]) for one in definition["KeySchema"]
        )
        indexes = definition.get("GlobalSecondaryIndexes") or ()
        return cls(
            table,
            tuple(
                tuple((one["AttributeName"], kinds[one["AttributeName"]]) for one in index["KeySchema"])
                for index in indexes
            ),
        )

    def key_of(self, item: dict[str, Any]) -> tuple[str, ...]:
        """Return what identifies an item; numbers that are equal are the same key."""
        return tuple(f"{kind}:{_same(kind, item[name][kind])}" for name, _, kind in self.table)


def _same(kind: str, value: str) -> str:
    return written(value) if kind == "N" else value


def check_key(key: dict[str, Any], keys: Keys) -> None:
    """Refuse a key that has not exactly the key attributes, or a value that cannot be one."""
    if set(key) != {name for name, _, _ in keys.table}:
        raise ValidationError("The provided key element does not match the schema")
    for name, role, kind in keys.table:
        _check_key_value(name, role, kind, key.get(name))


def check_item(item: dict[str, Any], keys: Keys) -> int:
    """Refuse what the service refuses in an item; return its size in bytes."""
    for name, value in item.items():
        check_value(name, value, 1)
    size = size_of_item(item)
    if size > MAX_ITEM:
        raise ValidationError("Item size has exceeded the maximum allowed size")
    for name, role, kind in keys.table:
        _check_key_value(name, role, kind, item.get(name))
    for index in keys.indexes:
        for name, kind in index:
            if name in item and (kind not in item[name] or not item[name][kind]):
                raise ValidationError(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {kind}"
                )
    return size


def _check_key_value(name: str, role: str, kind: str, attribute: dict[str, Any] | None) -> None:
    if attribute is None:
        raise ValidationError(f"One or more parameter values were invalid: Missing the key {name} in the item")
    if kind not in attribute:
        raise ValidationError(f"One or more parameter values were invalid: Type mismatch for key {name}")
    value = attribute[kind]
    if kind == "N":
        check_number(value)
    elif not value:
        raise ValidationError(
            f"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an"
            f" empty string value. Key: {name}"
        )
    elif len(base64.b64decode(value) if kind == "B" else value.encode()) > KEY_BYTES[role]:
        raise ValidationError(f"The size of the key attribute {name} exceeds {KEY_BYTES[role]} bytes")


def check_value(name: str, attribute: dict[str, Any], level: int) -> None:
    """Refuse a value that no attribute may have."""
    if not name:
        raise ValidationError("Attribute name must not be empty")
    if level > MAX_LEVELS:
        raise ValidationError("Nesting Levels have exceeded supported limits")
    if len(attribute) != 1:
        raise ValidationError("Supplied AttributeValue must contain exactly one of the supported datatypes")
    ((kind, value),) = attribute.items()
    match kind:
        case "M":
            for inner_name, inner in value.items():
                check_value(inner_name, inner, level + 1)
        case "L":
            for inner in value:
                check_value(name, inner, level + 1)
        case _:
            _check_flat(kind, value)


def _check_flat(kind: str, value: Any) -> None:
    if kind in ("SS", "NS", "BS"):
        _check_set(kind, value)
    elif kind == "N":
        check_number(value)
    elif kind not in SCALARS:
        raise ValidationError(f"{kind} is not a type of DynamoDB")


def _check_set(kind: str, values: list[str]) -> None:
    if kind == "NS":
        for value in values:
            check_number(value)
    if not values or len({_same(kind[0], value) for value in values}) != len(values):
        raise ValidationError("Input collection is empty or contains duplicates")


def check_number(text: str) -> None:
    """Refuse a number of more than 38 significant digits, or out of range."""
    try:
        number = Decimal(text)
    except (InvalidOperation, TypeError) as error:
        raise ValidationError(f"The parameter cannot be converted to a numeric value: {text}") from error
    if not number.is_finite():
        raise ValidationError(f"The parameter cannot be converted to a numeric value: {text}")
    if len(_digits(number)) > 38:
        raise ValidationError("Attempting to store more than 38 significant digits in a Number")
    if number and not -130 <= number.adjusted() <= 125:
        raise ValidationError("Number overflow. Attempting to store a number with magnitude out of supported range")


def _digits(number: Decimal) -> str:
    return "".join(map(str, number.as_tuple().digits)).strip("0")


def size_of_item(item: dict[str, Any]) -> int:
    """Return the size of an item as the service counts it."""
    return sum(len(name.encode()) + size_of(value) for name, value in item.items())


def size_of(attribute: dict[str, Any]) -> int:
    """Return the size of a value as the service counts it."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            number = Decimal(value)
            return (len(_digits(number)) + 1) // 2 + 1 + (1 if number < 0 else 0)
        case "B":
            return len(base64.b64decode(value))
        case "SS" | "NS" | "BS":
            return sum(size_of({kind[0]: one}) for one in value)
        case "L":
            return 3 + sum(1 + size_of(inner) for inner in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(inner) for name, inner in value.items())
        case _:
            return 1


def units(size: int) -> int:
    """Return the write units of an item: one per KB begun."""
    return max(1, -(-size // UNIT))


def as_the_service_writes(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return a value as it comes back."""
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return {"N": written(value)}
        case "NS":
            return {"NS": [written(one) for one in value]}
        case "L":
            return {"L": [as_the_service_writes(inner) for inner in value]}
        case "M":
            return {"M": {name: as_the_service_writes(inner) for name, inner in value.items()}}
        case _:
            return attribute


def item_as_the_service_writes(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as it comes back."""
    return {name: as_the_service_writes(value) for name, value in item.items()}


def written(text: str) -> str:
    """Return a number as the service writes it."""
    number = Decimal(text)
    if not number:
        return "0"
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def check_batch(requests: list[dict[str, Any]], size: int, keys: Keys) -> list[int]:
    """Refuse what BatchWriteItem refuses; return the write units of each request."""
    if not 1 <= len(requests) <= MAX_BATCH or size > MAX_REQUEST:
        raise ValidationError("Member must have length less than or equal to 25, and 16 MB in all")
    costs = [_check_request(request, keys) for request in requests]
    if len(set(_keys_of(requests, keys))) != len(requests):
        raise ValidationError("Provided list of item keys contains duplicates")
    return costs


def _check_request(request: dict[str, Any], keys: Keys) -> int:
    if "PutRequest" in request:
        item = request["PutRequest"]["Item"]
        return units(check_item(item, keys)) * (1 + sum(all(name in item for name, _ in one) for one in keys.indexes))
    check_key(request["DeleteRequest"]["Key"], keys)
    return 1


def _keys_of(requests: Iterable[dict[str, Any]], keys: Keys) -> Iterable[tuple[str, ...]]:
    for request in requests:
        yield keys.key_of(request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"])


def check_vector_indexes(asked: dict[str, Any]) -> None:
    """Refuse vector indexes that CreateTable refuses."""
    found = asked.get("VectorIndexes") or ()
    if found and asked.get("BillingMode") != "PAY_PER_REQUEST":
        raise ValidationError("Vector indexes are only supported on tables with on-demand capacity mode")
    widths: dict[str, int] = {}
    for one in found:
        width = one["Dimensions"]
        if not 1 <= width <= MAX_DIMENSIONS or one["DistanceFunction"] not in DISTANCES:
            raise ValidationError("One or more parameter values of a vector index were invalid")
        if widths.setdefault(one["VectorAttribute"]["AttributeName"], width) != width:
            raise ValidationError("Vector indexes of one attribute must have the same number of dimensions")
