"""From the text of a document to the text of its item, without building what is in between.

Most of a document is written alike on both sides: a string, a number, a name. So a document is cut into its properties
(by msgspec, which checks them and does not decode), and each is wrapped into its DynamoDB type as it stands. What needs
a rule of the mapping takes its exact way: a value through `values`, a whole document through `ItemMap.to_item`. Tests
hold all ways equal. Numbers are never parsed, which is what makes vectors quick; documents of a shape that was seen
before are not even cut (shapes.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from wkms_migrate.clients.azure_cosmos import POSITION
from wkms_migrate.phases.cosmos import numbers, values
from wkms_migrate.phases.cosmos.items import SYSTEM, ItemMap, Mapped
from wkms_migrate.phases.cosmos.keys import HASH_BYTES, RANGE_BYTES, KeyTooLongError
from wkms_migrate.phases.cosmos.shapes import Shapes
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES
from wkms_migrate.phases.cosmos.values import Notes

NO_NOTES: Final[Notes] = Counter()
LEFT_OUT: Final = SYSTEM | {POSITION}
NUMERIC: Final = b"0123456789.,-+eE"
SHORT_NUMBER: Final = numbers.MAX_DIGITS  # characters: without an exponent, no number so short is out of N's range
NAMES: Final = 4096  # names of properties to remember
UTF8_BYTES: Final = 4  # of a character, at most
_PLAIN_NUMBER: Final = re.compile(rb"(?!-0(?:\.0*)?\Z)-?\d+(?:\.\d+)?")
_NEGATIVE_ZERO: Final = re.compile(rb"-0(?:\.0*)?(?:[eE][+-]?\d+)?(?:,|\Z)")
_NEAR: Final = re.compile(rb"[eE](?:-[0-8]?\d|\+?0?\d)(?!\d)")  # so short a number with it is in N's range
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
        keys = mapping.keys
        self._mapping = mapping
        self._is_plain = mapping.is_plain
        self._keys_are_plain = keys.are_plain
        self._key_names = keys.source_names
        self._made = tuple(one for one in keys.attributes if not one.stands_for_property)
        self._asked = () if mapping.default_ttl is None else ("_ts", "ttl")
        as_it_is = frozenset(one.name for one in keys.attributes if one.stands_for_property)
        taken = frozenset({*keys.names, mapping.expiry_name}) - as_it_is
        self._label = lru_cache(NAMES)(lambda name: _labelled(name, taken))
        self._notes: Notes = Counter()
        self._shapes = Shapes(
            label=self._label, numbers=_plain_numbers, left_out=LEFT_OUT, wanted=self._key_names, asked=self._asked
        )

    def pack(self, document: msgspec.Raw) -> Packed:
        """Return the item of a document. Raises `UnmappableError`."""
        text = bytes(document)
        if self._is_plain and not (b"\\u" in text and _SURROGATE.search(text)):
            packed = self._by_shape(text) or self._by_property(text)
            if packed is not None:
                return packed
        mapped = self._mapping.to_item(document_of(text))
        return Packed(mapped.key, mapped.json, mapped)

    def _by_shape(self, text: bytes) -> Packed | None:
        """Return the item of a document of a shape that was seen before; None for another one."""
        filled = self._shapes.fill(text)
        return None if filled is None else self._packed(filled.json, filled.wanted, filled.asked, NO_NOTES)

    def _by_property(self, text: bytes) -> Packed | None:
        """Return the item of a document that needs no rule for its key and its size; None for another one."""
        found = _properties(text)
        try:
            wanted = [bytes(found[name]) for name in self._key_names]
        except KeyError:
            return None
        label, notes = self._label, self._notes
        parts = [label(name) + _typed(bytes(one), notes, 1) for name, one in found.items() if name not in LEFT_OUT]
        asked = {name: bytes(found[name]) for name in self._asked if name in found}
        packed = self._packed(b"{%b}" % b",".join(parts), wanted, asked, notes)
        if notes:
            self._notes = Counter()
        elif packed is not None:
            self._shapes.learn(found)
        return packed

    def _packed(self, item: bytes, wanted: Sequence[bytes], asked: Mapping[str, bytes], notes: Notes) -> Packed | None:
        """Return the item with what the mapping makes up; None when its key or its size needs a rule."""
        key = self._key(wanted)
        if key is None:
            return None
        if self._made or asked:
            item = b",".join([item[:-1], *self._made_up(key, asked)]) + b"}"
        if len(item) > MAX_ITEM_BYTES:
            return None
        return Packed(key, item, Mapped(id=key[-1], key=key, json=item, notes=notes) if notes else None)

    def _key(self, wanted: Sequence[bytes]) -> tuple[str, ...] | None:
        """Return the key texts when each is of strings; None when one does not stand for itself where it should."""
        try:
            texts = tuple([_string(one) for one in wanted])
        except msgspec.ValidationError:
            return None
        if not self._keys_are_plain:
            return self._joined(texts)
        for text, most in zip(texts, (HASH_BYTES, RANGE_BYTES), strict=False):
            if not text or text[0] == "~" or (len(text) * UTF8_BYTES > most and len(text.encode()) > most):
                return None
        return texts

    def _joined(self, texts: Sequence[str]) -> tuple[str, ...] | None:
        document = dict(zip(self._key_names, texts, strict=True))
        try:
            found = self._mapping.keys.of(document)
        except KeyTooLongError:
            return None
        as_they_are = all(found[name] == text for name, text in document.items() if name in found)
        return tuple(found.values()) if as_they_are else None

    def _made_up(self, key: tuple[str, ...], asked: Mapping[str, bytes]) -> Iterator[bytes]:
        """Yield the attributes that are no property: keys that are made of several, and the time of expiry."""
        texts = dict(zip(self._mapping.keys.names, key, strict=True)) if self._made else {}
        for one in self._made:
            yield b'%b:{"S":%b}' % (orjson.dumps(one.name), orjson.dumps(texts[one.name]))
        known = {name: _seconds(text) for name, text in asked.items()}
        expires = self._mapping.expires_at(known) if known else None
        if expires is not None:
            yield b'%b:{"N":"%d"}' % (orjson.dumps(self._mapping.expiry_name), expires)


def _seconds(text: bytes) -> Any:
    """Return a value that is a time, most often; at once when it is one."""
    return int(text) if len(text) < numbers.INT_DIGITS and text.isdigit() else values.decoded(text)


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
    plain = _plain(text[1:-1], found)
    if plain is None:
        plain = b",".join([_number(one, notes) for one in found])
    return b'{"L":[%b]}' % plain


def _plain_numbers(text: bytes) -> bytes | None:
    """Return the elements of a list as attribute values; None when they are not numbers that stand as they are."""
    return None if text.translate(None, NUMERIC) else _plain(text, text.split(b","))


def _plain(text: bytes, found: list[bytes]) -> bytes | None:
    if max(map(len, found)) > SHORT_NUMBER or _NEGATIVE_ZERO.search(text):
        return None
    if not (_are_near(text, b"e") and _are_near(text, b"E")):
        return None
    return b'{"N":"%b"}' % b'"},{"N":"'.join(found)


def _are_near(text: bytes, mark: bytes) -> bool:
    at = text.find(mark)
    while at >= 0 and _NEAR.match(text, at):
        at = text.find(mark, at + 1)
    return at < 0


def _map(text: bytes, notes: Notes, depth: int) -> bytes:
    if depth >= values.MAX_DEPTH:
        return _exactly(text, notes, depth)
    parts = [_inner_label(name) + _typed(bytes(one), notes, depth + 1) for name, one in _properties(text).items()]
    return b'{"M":{%b}}' % b",".join(parts)


def _exactly(text: bytes, notes: Notes, depth: int) -> bytes:
    return orjson.dumps(values.to_attribute(values.decoded(text), notes, depth))
