"""From the text of a document to the text of its item, without building what is in between.

Most of a document is written alike on both sides: a string, a number, a name. So a document is cut into its properties
(by msgspec, which checks them and does not decode), and each is wrapped into its DynamoDB type as it stands. What needs
a rule of the mapping takes its exact way: a value through `values`, a whole document through `ItemMap.to_item`. Tests
hold both ways equal. Numbers are never parsed, which is what makes vectors quick.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from wkms_migrate.clients.azure_cosmos import POSITION
from wkms_migrate.phases.cosmos import numbers, values
from wkms_migrate.phases.cosmos.items import SYSTEM, ItemMap, Mapped
from wkms_migrate.phases.cosmos.keys import HASH_BYTES, RANGE_BYTES
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES
from wkms_migrate.phases.cosmos.values import Notes

LEFT_OUT: Final = SYSTEM | {POSITION}
NUMERIC: Final = b"0123456789.,-+eE"
SHORT_NUMBER: Final = numbers.MAX_DIGITS  # characters: without an exponent, no number so short is out of N's range
NAMES: Final = 4096  # names of properties to remember
UTF8_BYTES: Final = 4  # of a character, at most
_PLAIN_NUMBER: Final = re.compile(rb"(?!-0(?:\.0*)?\Z)-?\d+(?:\.\d+)?")
_NEGATIVE_ZERO: Final = re.compile(rb"-0(?:\.0*)?(?:[eE][+-]?\d+)?[,\]]")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_QUOTE, _BRACKET, _BRACE = b'"[{'
_WORDS: Final = {b"true": b'{"BOOL":true}', b"false": b'{"BOOL":false}', b"null": b'{"NULL":true}'}
_properties: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_string: Final = msgspec.json.Decoder(str).decode


class Packed(NamedTuple):
    """An item ready to be sent: its key texts and its JSON; `mapped` where there is more to say or to write."""

    key: tuple[str, ...]
    json: bytes
    mapped: Mapped | None


class Packer:
    """Packs the documents of one container; for one thread."""

    def __init__(self, mapping: ItemMap) -> None:
        self._mapping = mapping
        self._is_plain = mapping.is_plain
        self._expires = mapping.default_ttl is not None
        self._names = mapping.keys.names
        taken = frozenset({mapping.expiry_name})
        self._label = lru_cache(NAMES)(lambda name: _labelled(name, taken))
        self._notes: Notes = Counter()

    def pack(self, document: msgspec.Raw) -> Packed:
        """Return the item of a document. Raises `UnmappableError`."""
        text = bytes(document)
        if self._is_plain and not (b"\\u" in text and _SURROGATE.search(text)):
            packed = self._quickly(text)
            if packed is not None:
                return packed
        mapped = self._mapping.to_item(document_of(text))
        return Packed(mapped.key, mapped.json, mapped)

    def _quickly(self, text: bytes) -> Packed | None:
        """Return the item of a document that needs no rule for its key and its size; None for another one."""
        found = _properties(text)
        key = self._key(found)
        if key is None:
            return None
        label, notes = self._label, self._notes
        parts = [label(name) + _typed(bytes(one), notes, 1) for name, one in found.items() if name not in LEFT_OUT]
        if self._expires:
            parts += self._expiry(found)
        item = b"{%b}" % b",".join(parts)
        if notes:
            self._notes = Counter()
        if len(item) > MAX_ITEM_BYTES:
            return None
        return Packed(key, item, Mapped(id=key[-1], key=key, json=item, notes=notes) if notes else None)

    def _key(self, found: Mapping[str, msgspec.Raw]) -> tuple[str, ...] | None:
        """Return the key texts when each is a string that stands for itself."""
        try:
            key = tuple([_string(found[name]) for name in self._names])
        except (KeyError, msgspec.ValidationError):
            return None
        for text, most in zip(key, (HASH_BYTES, RANGE_BYTES), strict=False):
            if not text or text[0] == "~" or (len(text) * UTF8_BYTES > most and len(text.encode()) > most):
                return None
        return key

    def _expiry(self, found: Mapping[str, msgspec.Raw]) -> list[bytes]:
        known = {name: values.decoded(bytes(found[name])) for name in ("ttl", "_ts") if name in found}
        expires = self._mapping.expires_at(known)
        return [] if expires is None else [b'%b:{"N":"%d"}' % (orjson.dumps(self._mapping.expiry_name), expires)]


def document_of(text: bytes) -> dict[str, Any]:
    """Return a document as the mapping takes it, its numbers as they were sent."""
    document: dict[str, Any] = values.decoded(text)
    document.pop(POSITION, None)
    return document


def _labelled(name: str, taken: frozenset[str]) -> bytes:
    return orjson.dumps(values.to_name(name, taken)) + b":"


_inner_label: Final = lru_cache(NAMES)(lambda name: _labelled(name, frozenset()))


def _typed(text: bytes, notes: Notes, depth: int) -> bytes:
    """Return the attribute value of a JSON value, both as text."""
    first = text[0]
    if first == _QUOTE:
        return b'{"S":%b}' % text
    if first == _BRACKET:
        return _list(text, notes, depth)
    if first == _BRACE:
        return _map(text, notes, depth)
    return _WORDS.get(text) or _number(text, notes)


def _number(text: bytes, notes: Notes) -> bytes:
    if len(text) <= SHORT_NUMBER and _PLAIN_NUMBER.fullmatch(text):
        return b'{"N":"%b"}' % text
    return orjson.dumps(values.to_attribute(numbers.parse(text.decode()), notes))


def _list(text: bytes, notes: Notes, depth: int) -> bytes:
    inner = text[1:-1]
    if inner and not inner.translate(None, NUMERIC):
        return _numbers(text, inner.split(b","), notes)
    if depth >= values.MAX_DEPTH:
        return _exactly(text, notes, depth)
    return b'{"L":[%b]}' % b",".join([_typed(bytes(one), notes, depth + 1) for one in _elements(text)])


def _numbers(text: bytes, found: list[bytes], notes: Notes) -> bytes:
    """Return a list that holds numbers only; a vector, mostly."""
    if max(map(len, found)) > SHORT_NUMBER or _NEGATIVE_ZERO.search(text):
        return b'{"L":[%b]}' % b",".join([_number(one, notes) for one in found])
    if b"e" not in text and b"E" not in text:
        return b'{"L":[{"N":"%b"}]}' % b'"},{"N":"'.join(found)
    return b'{"L":[%b]}' % b",".join(
        [_number(one, notes) if b"e" in one or b"E" in one else b'{"N":"%b"}' % one for one in found]
    )


def _map(text: bytes, notes: Notes, depth: int) -> bytes:
    if depth >= values.MAX_DEPTH:
        return _exactly(text, notes, depth)
    parts = [_inner_label(name) + _typed(bytes(one), notes, depth + 1) for name, one in _properties(text).items()]
    return b'{"M":{%b}}' % b",".join(parts)


def _exactly(text: bytes, notes: Notes, depth: int) -> bytes:
    return orjson.dumps(values.to_attribute(values.decoded(text), notes, depth))
