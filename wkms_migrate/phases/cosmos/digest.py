"""What two ends are compared by: per bucket of keys, a count and an order-free sum of item digests.

The sum is of 128-bit digests, modulo 2**128, so that items may come in any order and equal ones do not cancel out.
An item's digest is taken over what it is to the application (the document, key and expiry), not over how it is stored:
the target's side is mapped back first, so that a fault of the mapping shows as a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import orjson

from wkms_migrate.phases.cosmos import numbers, values
from wkms_migrate.phases.cosmos.items import Document, ItemMap, stripped
from wkms_migrate.phases.cosmos.keys import ABSENT, KeyTooLongError, KeyTypeError, Kind, value_at
from wkms_migrate.phases.cosmos.large import Fetch
from wkms_migrate.phases.cosmos.values import Attribute

BUCKETS: Final = 256
MODULUS: Final = 2**128
_ABSENT_MARK: Final[dict[str, Any]] = {}  # no key is an object, so it can stand for the key that is not there


@dataclass(frozen=True, slots=True)
class Print:
    """One item: the bytes that name it, its digest, and when it expires."""

    identity: bytes
    digest: int
    expires: int | None

    @property
    def bucket(self) -> int:
        """The bucket of its key, the same on both ends."""
        return blake2b(self.identity, digest_size=1).digest()[0]


@dataclass(slots=True)
class Digest:
    """Counts and sums of all items of one end, by bucket."""

    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    sums: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, one: Print) -> None:
        """Take an item in."""
        bucket = one.bucket
        self.counts[bucket] += 1
        self.sums[bucket] = (self.sums[bucket] + one.digest) % MODULUS

    def merge(self, other: Digest) -> None:
        """Take in what another one has seen."""
        for bucket in range(BUCKETS):
            self.counts[bucket] += other.counts[bucket]
            self.sums[bucket] = (self.sums[bucket] + other.sums[bucket]) % MODULUS

    @property
    def count(self) -> int:
        """The number of items."""
        return sum(self.counts)

    @property
    def text(self) -> str:
        """The sum over all buckets in hexadecimal."""
        return f"{sum(self.sums) % MODULUS:032x}"

    def differing(self, other: Digest) -> list[int]:
        """Return the buckets in which two ends differ."""
        return [
            bucket
            for bucket in range(BUCKETS)
            if (self.counts[bucket], self.sums[bucket]) != (other.counts[bucket], other.sums[bucket])
        ]


def of_document(document: Document, mapping: ItemMap) -> Print:
    """Return the print of a document as the source gives it."""
    own = stripped(document)
    try:
        key = mapping.keys.of(own)
    except (KeyTooLongError, KeyTypeError, UnicodeEncodeError):
        key = {}
    return _print(own, key, mapping.expires_at(document), mapping)


def of_item(attributes: Mapping[str, Attribute], mapping: ItemMap, fetch: Fetch | None = None) -> Print:
    """Return the print of an item as the target holds it; `fetch` gets bodies that are kept elsewhere."""
    own = mapping.from_item(attributes, fetch)
    expiry = attributes.get(mapping.expiry_name, {}).get("N")
    return _print(own, mapping.key_texts(attributes), int(expiry) if expiry else None, mapping)


def unreadable(attributes: Mapping[str, Attribute], mapping: ItemMap) -> Print:
    """Return the print of an item that no document can be made of; its key tells what it can of its name."""
    own: Document = {}
    mapping.keys.restore(mapping.key_texts(attributes), own)
    return Print(identity_of(own, mapping), 0, None)


def _print(own: Document, key: Mapping[str, str], expires: int | None, mapping: ItemMap) -> Print:
    texts = [_one_form(key[one.name], one.kind) for one in mapping.keys.attributes if one.name in key]
    content = _text([mapping.kept(own), texts, expires])
    digest = int.from_bytes(blake2b(content, digest_size=16).digest(), "big")
    return Print(identity_of(own, mapping), digest, expires)


def identity_of(own: Document, mapping: ItemMap) -> bytes:
    """Return what names a document in its container, as JSON: the values of its partition key, and its id."""
    levels = [value_at(own, path) for path in mapping.keys.paths]
    return _text([*(_ABSENT_MARK if level is ABSENT else level for level in levels), own.get("id")])


def _one_form(text: str, kind: Kind) -> str:
    return numbers.canonical(numbers.parse(text)) if kind == "N" else text


def _text(value: Any) -> bytes:
    try:
        return values.canonical(value)
    except orjson.JSONEncodeError:
        return repr(value).encode("utf-8", "backslashreplace")
