"""JSON values to DynamoDB attribute values and back, without a loss.

Cosmos DB has no binary type, so a B attribute is always ours: it holds what DynamoDB has no place for, as text.

    B "number:<text>"   a number out of N's range or with more digits than N holds
    B "json:<text>"     what is nested deeper than DynamoDB allows
    B "f32:<bytes>"     a vector packed into 32-bit floats (vectors.py)
    B "deflate:<bytes>" a whole item that is too large (large.py)

Property names that DynamoDB or this mapping cannot take as they are get the prefix `~wkms:`; so do those that begin
with it already, which makes it reversible.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import orjson

from wkms_migrate.phases.cosmos import float32, numbers

Attribute: TypeAlias = dict[str, Any]
Notes: TypeAlias = Counter[str]  # how often a conversion was made, by its code

MAX_DEPTH: Final = 31  # nested containers below the attribute itself; 32 levels with it
PREFIX: Final = "~wkms:"
RESERVED: Final = "~wkms"
NUMBER: Final = b"number:"
JSON: Final = b"json:"
FLOAT32: Final = b"f32:"


@dataclass(frozen=True, slots=True)
class Ready:
    """An attribute value in the place of a JSON value."""

    attribute: Attribute


def to_attribute(value: Any, notes: Notes, depth: int = 1) -> Attribute:
    """Return the attribute value of a JSON value; note every conversion."""
    convert = _CONVERT.get(type(value))
    if convert is None:
        raise TypeError(f"{type(value).__name__} is no JSON value")
    return convert(value, notes, depth)


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Return the JSON value of an attribute value, as far as it can be ours; anything else as it is written."""
    ((kind, value),) = attribute.items()
    restore = _RESTORE.get(kind)
    return {PREFIX + kind: value} if restore is None else restore(value)


def binary(marker: bytes, content: bytes) -> Attribute:
    """Return a B attribute that holds marked content."""
    return {"B": base64.b64encode(marker + content).decode()}


def canonical(value: Any) -> bytes:
    """Return the JSON text that all equal values have in common: sorted names, canonical numbers.

    Raises `orjson.JSONEncodeError` for strings that are no Unicode text (lone surrogates).
    """
    return orjson.dumps(value, default=_number, option=orjson.OPT_SORT_KEYS)


def decoded(text: bytes) -> Any:
    """Read canonical JSON text."""
    import json

    return json.loads(text, parse_float=Decimal, parse_int=numbers.parse, parse_constant=Decimal)


def to_name(name: str, taken: frozenset[str] = frozenset()) -> str:
    """Return the attribute name of a property; `taken` are those that the mapping itself uses."""
    return PREFIX + name if not name or name.startswith(RESERVED) or name in taken else name


def from_name(name: str) -> str:
    """Return the property of an attribute name."""
    return name.removeprefix(PREFIX)


def _string(value: str, _notes: Notes, _depth: int) -> Attribute:
    return {"S": value}


def _boolean(value: bool, _notes: Notes, _depth: int) -> Attribute:
    return {"BOOL": value}


def _null(_value: None, _notes: Notes, _depth: int) -> Attribute:
    return {"NULL": True}


def _integer(value: int, _notes: Notes, _depth: int) -> Attribute:
    return {"N": str(value)}


def _decimal(value: Decimal, notes: Notes, _depth: int) -> Attribute:
    text = str(value)
    if numbers.is_plain(text):
        return {"N": text}
    stored = numbers.storable(value)
    if stored is None:
        notes["number-as-text"] += 1
        return binary(NUMBER, text.encode())
    if numbers.is_negative_zero(value):
        notes["negative-zero"] += 1
    return {"N": stored}


def _ready(value: Ready, _notes: Notes, _depth: int) -> Attribute:
    return value.attribute


def _list(value: list[Any], notes: Notes, depth: int) -> Attribute:
    if depth >= MAX_DEPTH and any(isinstance(inner, (dict, list)) for inner in value):
        return _folded(value, notes)
    return {"L": [to_attribute(inner, notes, depth + 1) for inner in value]}


def _map(value: dict[str, Any], notes: Notes, depth: int) -> Attribute:
    if depth >= MAX_DEPTH and any(isinstance(inner, (dict, list)) for inner in value.values()):
        return _folded(value, notes)
    return {"M": {to_name(name): to_attribute(inner, notes, depth + 1) for name, inner in value.items()}}


def _folded(value: Any, notes: Notes) -> Attribute:
    notes["depth-as-text"] += 1
    return binary(JSON, canonical(value))


def _as_it_is(value: str | bool) -> str | bool:
    return value


def _nothing(_value: bool) -> None:
    return None


def _from_list(value: list[Attribute]) -> list[Any]:
    return [from_attribute(inner) for inner in value]


def _from_map(value: Mapping[str, Attribute]) -> dict[str, Any]:
    return {from_name(name): from_attribute(inner) for name, inner in value.items()}


def _from_binary(text: str) -> Any:
    content = base64.b64decode(text)
    if content.startswith(NUMBER):
        return Decimal(content[len(NUMBER) :].decode())
    if content.startswith(JSON):
        return decoded(content[len(JSON) :])
    if content.startswith(FLOAT32):
        return list(map(numbers.parse, float32.texts(content[len(FLOAT32) :])))
    return {PREFIX + "B": text}


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(numbers.canonical(value))
    raise TypeError(f"{type(value).__name__} is no JSON value")


_CONVERT: Final[dict[type, Callable[[Any, Notes, int], Attribute]]] = {
    str: _string,
    bool: _boolean,
    type(None): _null,
    int: _integer,
    Decimal: _decimal,
    list: _list,
    dict: _map,
    Ready: _ready,
}
_RESTORE: Final[dict[str, Callable[[Any], Any]]] = {
    "S": _as_it_is,
    "BOOL": _as_it_is,
    "N": numbers.parse,
    "NULL": _nothing,
    "L": _from_list,
    "M": _from_map,
    "B": _from_binary,
}
