"""Vectors: lists of numbers that are made for 32-bit floats, written shorter.

exact     a list with the digits that were sent
float32   a list with the fewest digits that name the same 32-bit float
packed    B `f32:` and the 32-bit floats, little endian: shortest, but no vector index reads it
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from wkms_migrate.phases.cosmos import float32, numbers, values
from wkms_migrate.phases.cosmos.keys import Path
from wkms_migrate.phases.cosmos.values import Notes, Ready

Form: TypeAlias = Literal["exact", "float32", "packed"]
Forms: TypeAlias = Mapping[Path, Form]


def written(document: dict[str, Any], forms: Forms, notes: Notes) -> dict[str, Any]:
    """Return a document in which the vectors are attribute values already."""
    for path, form in forms.items():
        vector = at(document, path)
        data = None if form == "exact" or not is_vector(vector) else float32.packed(vector)
        if data is None:
            continue
        texts = float32.texts(data)
        if any(numbers.canonical(one) != text for one, text in zip(vector, texts, strict=True)):
            notes["vector-rounded"] += 1
        if form == "packed":
            notes["vector-packed"] += 1
            ready = Ready(values.binary(values.FLOAT32, data))
        else:
            ready = Ready({"L": [{"N": text} for text in texts]})
        document = _with(document, path, ready)
    return document


def rounded(document: dict[str, Any], forms: Forms) -> dict[str, Any]:
    """Return a document with its vectors as 32-bit floats keep them."""
    for path, form in forms.items():
        vector = at(document, path)
        data = None if form == "exact" or not is_vector(vector) else float32.packed(vector)
        if data is not None:
            document = _with(document, path, list(map(numbers.parse, float32.texts(data))))
    return document


def is_vector(value: Any) -> bool:
    """Say whether a value is a list of numbers alone."""
    return isinstance(value, list) and bool(value) and all(type(one) in (int, Decimal) for one in value)


def at(document: Mapping[str, Any], path: Path) -> Any:
    """Return the value at a path; None where there is none."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _with(document: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a document with another value at a path, sharing the rest."""
    head, rest = path[0], path[1:]
    return {**document, head: _with(document[head], rest, value) if rest else value}
