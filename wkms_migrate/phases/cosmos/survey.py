"""What the documents of a container are like: types, sizes, depth, keys, TTL, vectors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import orjson

from wkms_migrate.phases.cosmos import float32, numbers, values, vectors
from wkms_migrate.phases.cosmos.items import Document, ItemMap, UnmappableError, stripped
from wkms_migrate.phases.cosmos.keys import ABSENT, Path, to_text, value_at
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES, item_bytes
from wkms_migrate.phases.cosmos.weights import Weights

SIZES: Final = (1, 4, 16, 64, 256, 400, 1024, 2048)  # KiB, upper bounds of the histogram
VECTOR_NUMBERS: Final = 64  # a shorter list of numbers is taken for a list
NAMES_KEPT: Final = 200  # properties whose types are told
VALUES_KEPT: Final = 1000  # distinct values counted of a property
EXAMPLES: Final = 3
TYPES: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    type(None): "null",
    list: "array",
    dict: "object",
}


@dataclass(slots=True)
class Vector:
    """The vectors at one path. `as_float32` counts those whose digits name 32-bit floats and nothing more."""

    count: int = 0
    dimensions: Counter[int] = field(default_factory=Counter)
    as_float32: int = 0
    bytes: dict[str, int] = field(default_factory=lambda: {"exact": 0, "float32": 0, "packed": 0})


@dataclass(slots=True)
class Survey:
    """What was seen of a container so far, and what writing it takes (`weights`). Sizes are in bytes."""

    weights: Weights
    items: int = 0
    json_bytes: int = 0
    item_bytes: int = 0
    largest: int = 0
    deepest: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    key_types: dict[Path, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    key_bytes: dict[Path, int] = field(default_factory=lambda: defaultdict(int))
    types: dict[str, Counter[str]] = field(default_factory=dict)
    distinct: dict[str, set[str]] = field(default_factory=dict)
    own_ttl: int = 0
    expired: int = 0
    vectors: dict[Path, Vector] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def over_limit(self) -> int:
        """The number of items that DynamoDB would refuse for their size."""
        return sum(count for size, count in self.sizes.items() if size > MAX_ITEM_BYTES // 1024)

    def add(self, document: Document, mapping: ItemMap, now: float) -> None:
        """Take in a document as the service gives it. `now` is in seconds since 1970."""
        own = stripped(document)
        self.items += 1
        self._note_keys(own, mapping)
        for name, value in own.items():
            self._note_type(name, value)
        self._note_size(own)
        self.own_ttl += isinstance(own.get("ttl"), int)
        expires = mapping.expires_at(document)
        self.expired += expires is not None and expires <= now
        for path, value in vectors_of(own):
            self._note_vector(path, value)
        self._try(document, mapping)

    def _note_keys(self, own: Document, mapping: ItemMap) -> None:
        for path in mapping.keys.paths:
            value = value_at(own, path)
            self.key_types[path]["absent" if value is ABSENT else TYPES[type(value)]] += 1
            self.key_bytes[path] = max(self.key_bytes[path], len(to_text(value).encode("utf-8", "replace")))

    def _note_type(self, name: str, value: Any) -> None:
        if name not in self.types and len(self.types) == NAMES_KEPT:
            return
        self.types.setdefault(name, Counter())[TYPES[type(value)]] += 1
        held = self.distinct.setdefault(name, set())
        if len(held) < VALUES_KEPT and not isinstance(value, (dict, list)):
            held.add(to_text(value))

    def _note_size(self, own: Document) -> None:
        text = orjson.dumps(own, default=str) if _is_unicode(own) else b""
        size = item_bytes({name: values.to_attribute(value, Counter()) for name, value in own.items()}) if text else 0
        self.json_bytes += len(text)
        self.item_bytes += size
        self.largest = max(self.largest, size)
        self.sizes[next((limit for limit in SIZES if size <= limit * 1024), SIZES[-1])] += 1
        if size > MAX_ITEM_BYTES:
            self._example("over 400 KB", own["id"])
        depth = depth_of(own) - 1
        self.deepest = max(self.deepest, depth)

    def _note_vector(self, path: Path, vector: list[numbers.Number]) -> None:
        found = self.vectors.setdefault(path, Vector())
        found.count += 1
        found.dimensions[len(vector)] += 1
        found.bytes["exact"] += item_bytes({"": values.to_attribute(vector, Counter())})
        packed = float32.packed(vector)
        if packed is None:
            return
        texts = float32.texts(packed)
        found.as_float32 += all(numbers.canonical(one) == text for one, text in zip(vector, texts, strict=True))
        found.bytes["float32"] += item_bytes({"": {"L": [{"N": text} for text in texts]}})
        found.bytes["packed"] += len(packed) + len(values.FLOAT32)

    def _try(self, document: Document, mapping: ItemMap) -> None:
        self.weights.seen += 1
        try:
            mapped = mapping.to_item(document)
        except UnmappableError as reason:
            self.dead[reason.code] += 1
            self._example(reason.code, document["id"])
            return
        self.weights.add([*mapped.parts, mapped.json])
        for code, count in mapped.notes.items():
            self.notes[code] += count
            self._example(code, mapped.id)

    def _example(self, code: str, id: str) -> None:
        if len(self.examples[code]) < EXAMPLES:
            self.examples[code].append(id)


def vectors_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, list[numbers.Number]]]:
    """Yield every list of many numbers in a document, outside of lists, with its path."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from vectors_of(inner, (*path, name))
        elif isinstance(inner, list) and len(inner) >= VECTOR_NUMBERS and vectors.is_vector(inner):
            yield (*path, name), inner


def depth_of(value: Any) -> int:
    """Return how many containers are inside each other: 0 for a scalar, 1 for a flat object or list."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def _is_unicode(own: Document) -> bool:
    try:
        values.canonical(own)
    except orjson.JSONEncodeError:
        return False
    return True
