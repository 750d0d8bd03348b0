"""Documents to DynamoDB items and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import orjson

from wkms_migrate.phases.cosmos import large, numbers, values, vectors
from wkms_migrate.phases.cosmos.keys import Keys, KeyTooLongError, KeyTypeError, Kind, value_at
from wkms_migrate.phases.cosmos.large import BODY, Fetch, Object
from wkms_migrate.phases.cosmos.settings import LargeItems
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES, item_bytes
from wkms_migrate.phases.cosmos.values import Attribute, Notes
from wkms_migrate.phases.cosmos.vectors import Forms

Document: TypeAlias = dict[str, Any]
OutOfRange: TypeAlias = Literal["text", "clamp", "fail"]

SYSTEM: Final = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})
INDEX_KEY_BYTES: Final[Mapping[str, int]] = {"S": 1024, "N": 64}  # a value has to fit wherever an index puts it


class UnmappableError(Exception):
    """A document that no rule brings over. `code` is the reason in a word, the message says it in full."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """An item ready to be sent: its id, its key texts, its JSON, and the conversions that were made.

    `parts` are items, and `object` is an object, that have to be there before it is.
    """

    id: str
    key: tuple[str, ...]
    json: bytes
    notes: Notes
    parts: tuple[bytes, ...] = ()
    object: Object | None = None


@dataclass(frozen=True, kw_only=True)
class ItemMap:
    """How the documents of one container become items of its table, and what they were.

    `vectors` and `index_keys` name properties by path and by name; `bucket` and `container` say where offloaded bodies
    go.
    """

    keys: Keys
    default_ttl: int | None
    expiry_name: str
    large_items: LargeItems = "compress"
    out_of_range: OutOfRange = "text"
    vectors: Forms = field(default_factory=dict)
    index_keys: Mapping[str, Kind] = field(default_factory=dict)
    bucket: str = ""
    container: str = ""

    def to_item(self, document: Document) -> Mapped:
        """Return the item of a document as the service gives it. Raises `UnmappableError`."""
        notes: Notes = Counter()
        own = stripped(document)
        fixed = self._fixed(document, own, notes)
        attributes = self._attributes(own, notes) | fixed
        key = tuple(fixed[attribute.name][attribute.kind] for attribute in self.keys.attributes)
        try:
            text = orjson.dumps(attributes)
            if len(text) > MAX_ITEM_BYTES and item_bytes(attributes) > MAX_ITEM_BYTES:
                return self._large(own, self._head(attributes, fixed), key, notes)
        except orjson.JSONEncodeError as error:
            raise UnmappableError("not-unicode", f"It holds a string that is no Unicode text: {error}.") from error
        return Mapped(id=own["id"], key=key, json=text, notes=notes)

    def from_item(self, attributes: Mapping[str, Attribute], fetch: Fetch | None = None) -> Document:
        """Return the document that an item was, without its system properties.

        `fetch` gets the bodies that are kept elsewhere. Raises `DamagedBodyError`.
        """
        texts = self.key_texts(attributes)
        if BODY in attributes:
            document: Document = large.document_of(large.found(attributes, self.keys, texts, fetch))
            return document
        made = {
            values.from_name(name): values.from_attribute(attribute)
            for name, attribute in attributes.items()
            if name not in self._made_up
        }
        self.keys.restore(texts, made)
        return made

    def kept(self, own: Document) -> Document:
        """Return what this mapping promises to keep of a document: it, but for the losses that were chosen."""
        if self.out_of_range == "clamp":
            own = numbers.all_clamped(own)
        return vectors.rounded(own, self.vectors) if self.vectors else own

    def key_texts(self, attributes: Mapping[str, Attribute]) -> dict[str, str]:
        """Return the values of an item's key attributes."""
        return {attribute.name: attributes[attribute.name][attribute.kind] for attribute in self.keys.attributes}

    def expires_at(self, document: Mapping[str, Any]) -> int | None:
        """Return when a document ends, in seconds since 1970: its last change and its own or the default TTL."""
        if self.default_ttl is None:
            return None
        ttl = document.get("ttl")
        seconds = ttl if isinstance(ttl, int) and not isinstance(ttl, bool) else self.default_ttl
        return None if seconds < 0 else int(document["_ts"]) + seconds

    @property
    def is_plain(self) -> bool:
        """Whether a property becomes an attribute by its own value alone."""
        return self.keys.are_texts and self.out_of_range == "text" and not self.vectors and not self.index_keys

    @cached_property
    def _made_up(self) -> frozenset[str]:
        return frozenset((*self.keys.names, self.expiry_name))

    @cached_property
    def _in_keys(self) -> frozenset[str]:
        return frozenset(one.name for one in self.keys.attributes if one.stands_for_property)

    def _fixed(self, document: Document, own: Document, notes: Notes) -> dict[str, Attribute]:
        """Return the attributes that the mapping makes up: the key, and the time of expiry."""
        try:
            fixed: dict[str, Attribute] = {**self.keys.typed(self.keys.of(own))}
        except KeyTooLongError as error:
            raise UnmappableError("key-too-long", str(error)) from error
        except KeyTypeError as error:
            raise UnmappableError("key-type", str(error)) from error
        except UnicodeEncodeError as error:
            raise UnmappableError("not-unicode", f"Its key is no Unicode text: {error}.") from error
        if self.keys.hash.kind == "S" and not all(isinstance(value_at(own, path), str) for path in self.keys.paths):
            notes["key-as-text"] += 1
        expires = self.expires_at(document)
        if expires is not None:
            fixed[self.expiry_name] = {"N": str(expires)}
        return fixed

    def _attributes(self, own: Document, notes: Notes) -> dict[str, Attribute]:
        if self.out_of_range != "text":
            own = self._in_range(own, notes)
        if self.vectors:
            own = vectors.written(own, self.vectors, notes)
        in_keys = {name for name in self._in_keys if not isinstance(own.get(name), (dict, list))}
        taken = self._made_up
        made = {
            values.to_name(name, taken): values.to_attribute(value, notes)
            for name, value in own.items()
            if name not in in_keys
        }
        return self._indexable(made, notes) if self.index_keys else made

    def _in_range(self, own: Document, notes: Notes) -> Document:
        """Apply the policy for numbers that DynamoDB cannot hold, when there are any."""
        found: Notes = Counter()
        for value in own.values():
            values.to_attribute(value, found)
        if not found["number-as-text"]:
            return own
        if self.out_of_range == "fail":
            raise UnmappableError("number-out-of-range", "It holds a number that DynamoDB's N cannot.")
        notes["number-clamped"] += found["number-as-text"]
        clamped: Document = numbers.all_clamped(own)
        return clamped

    def _indexable(self, attributes: dict[str, Attribute], notes: Notes) -> dict[str, Attribute]:
        """Put aside what an index cannot take as its key: the service would refuse the whole item."""
        aside = {
            name for name, kind in self.index_keys.items() if name in attributes and not _is_key(attributes[name], kind)
        }
        if not aside:
            return attributes
        notes["index-key-aside"] += len(aside)
        return {values.PREFIX + name if name in aside else name: value for name, value in attributes.items()}

    def _head(self, attributes: Mapping[str, Attribute], fixed: Mapping[str, Attribute]) -> dict[str, Attribute]:
        """Return what stays in the item when its body is too large: key, expiry, and the keys of indexes."""
        indexed = {name: attributes[name] for name in self.index_keys if name in attributes}
        return {**indexed, **fixed}

    def _large(self, own: Document, head: dict[str, Attribute], key: tuple[str, ...], notes: Notes) -> Mapped:
        notes["large-item"] += 1
        if self.large_items == "dead-letter":
            raise _too_large()
        body = large.body_of(own)
        whole = head | large.inline(body)
        fits = item_bytes(whole) <= MAX_ITEM_BYTES
        if self.large_items == "compress" and not fits:
            raise _too_large()
        if self.large_items == "offload":
            return self._offloaded(own["id"], body, head, key, notes)
        if fits:
            return Mapped(id=own["id"], key=key, json=orjson.dumps(whole), notes=notes)
        texts = dict(zip(self.keys.names, key, strict=True))
        fixed = {name: value for name, value in head.items() if name == self.expiry_name}
        parts = [
            orjson.dumps({**self.keys.typed(self.keys.part(texts, number)), **fixed, **part})
            for number, part in enumerate(large.parts(body))
        ]
        told = large.pointer(body, {"parts": {"N": str(len(parts))}})
        notes["split-item"] += 1
        return Mapped(id=own["id"], key=key, json=orjson.dumps(head | told), notes=notes, parts=tuple(parts))

    def _offloaded(
        self, id: str, body: bytes, head: dict[str, Attribute], key: tuple[str, ...], notes: Notes
    ) -> Mapped:
        kept = Object(bucket=self.bucket, key=large.object_key(self.container, body), body=body)
        told = large.pointer(body, {"bucket": {"S": kept.bucket}, "key": {"S": kept.key}})
        notes["offloaded-item"] += 1
        return Mapped(id=id, key=key, json=orjson.dumps(head | told), notes=notes, object=kept)


def stripped(document: Document) -> Document:
    """Return a document without its five system properties; what else begins with `_` is the user's own."""
    return {name: value for name, value in document.items() if name not in SYSTEM}


def _is_key(attribute: Attribute, kind: Kind) -> bool:
    value = attribute.get(kind)
    return isinstance(value, str) and 0 < len(value.encode()) <= INDEX_KEY_BYTES[kind]


def _too_large() -> UnmappableError:
    return UnmappableError("too-large", f"It needs more than the {MAX_ITEM_BYTES} bytes of a DynamoDB item.")
