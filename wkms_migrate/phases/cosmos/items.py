"""Documents to DynamoDB items and back."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import orjson

from wkms_migrate.phases.cosmos import values
from wkms_migrate.phases.cosmos.keys import Keys, KeyTooLongError, value_at
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES, item_bytes
from wkms_migrate.phases.cosmos.values import Attribute, Notes

Document: TypeAlias = dict[str, Any]
LargeItems: TypeAlias = Literal["compress", "dead-letter"]

SYSTEM: Final = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})
DEFLATE: Final = b"deflate:"
BODY: Final = "~wkms"  # the attribute of an item that was compressed whole


class UnmappableError(Exception):
    """A document that no rule brings over. `code` is the reason in a word, the message says it in full."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """An item ready to be sent: its id, its key texts, its JSON, and the conversions that were made."""

    id: str
    key: tuple[str, ...]
    json: bytes
    notes: Notes


@dataclass(frozen=True, kw_only=True)
class ItemMap:
    """How the documents of one container become items of its table, and what they were."""

    keys: Keys
    default_ttl: int | None
    expiry_name: str
    large_items: LargeItems = "compress"

    def to_item(self, document: Document) -> Mapped:
        """Return the item of a document as the service gives it. Raises `UnmappableError`."""
        notes: Notes = Counter()
        own = stripped(document)
        fixed = self._fixed(document, own, notes)
        attributes = self._attributes(own, notes) | fixed
        try:
            text = orjson.dumps(attributes)
            if len(text) > MAX_ITEM_BYTES and item_bytes(attributes) > MAX_ITEM_BYTES:
                text = self._compressed(own, fixed)
                notes["large-item"] += 1
        except orjson.JSONEncodeError as error:
            raise UnmappableError("not-unicode", f"It holds a string that is no Unicode text: {error}.") from error
        key = tuple(fixed[name]["S"] for name in self.keys.names)
        return Mapped(id=own["id"], key=key, json=text, notes=notes)

    def from_item(self, attributes: Mapping[str, Attribute]) -> Document:
        """Return the document that an item was, without its system properties."""
        if BODY in attributes:
            body = base64.b64decode(attributes[BODY]["B"])
            document: Document = values.decoded(zlib.decompress(body.removeprefix(DEFLATE)))
            return document
        made = {
            values.from_name(name): values.from_attribute(attribute)
            for name, attribute in attributes.items()
            if name not in self._made_up
        }
        self.keys.restore({name: attributes[name]["S"] for name in self.keys.names}, made)
        return made

    def expires_at(self, document: Mapping[str, Any]) -> int | None:
        """Return when a document ends, in seconds since 1970: its last change and its own or the default TTL."""
        if self.default_ttl is None:
            return None
        ttl = document.get("ttl")
        seconds = ttl if isinstance(ttl, int) and not isinstance(ttl, bool) else self.default_ttl
        return None if seconds < 0 else int(document["_ts"]) + seconds

    @cached_property
    def _made_up(self) -> frozenset[str]:
        return frozenset((*self.keys.names, self.expiry_name))

    def _fixed(self, document: Document, own: Document, notes: Notes) -> dict[str, Attribute]:
        """Return the attributes that the mapping makes up: the key, and the time of expiry."""
        try:
            fixed: dict[str, Attribute] = {name: {"S": text} for name, text in self.keys.of(own).items()}
        except KeyTooLongError as error:
            raise UnmappableError("key-too-long", str(error)) from error
        except UnicodeEncodeError as error:
            raise UnmappableError("not-unicode", f"Its key is no Unicode text: {error}.") from error
        if not all(isinstance(value_at(own, path), str) for path in self.keys.paths):
            notes["key-as-text"] += 1
        expires = self.expires_at(document)
        if expires is not None:
            fixed[self.expiry_name] = {"N": str(expires)}
        return fixed

    def _attributes(self, own: Document, notes: Notes) -> dict[str, Attribute]:
        kept = own
        if not self.keys.is_joined:
            scalar = {name for name in self.keys.names if not isinstance(own.get(name), (dict, list))}
            kept = {name: value for name, value in own.items() if name not in scalar}
        taken = self._made_up
        return {values.to_name(name, taken): values.to_attribute(value, notes) for name, value in kept.items()}

    def _compressed(self, own: Document, fixed: Mapping[str, Attribute]) -> bytes:
        if self.large_items == "compress":
            body = values.binary(DEFLATE, zlib.compress(values.canonical(own), 6))
            attributes = {**fixed, BODY: body}
            if item_bytes(attributes) <= MAX_ITEM_BYTES:
                return orjson.dumps(attributes)
        raise UnmappableError("too-large", f"It needs more than the {MAX_ITEM_BYTES} bytes of a DynamoDB item.")


def stripped(document: Document) -> Document:
    """Return a document without its five system properties; what else begins with `_` is the user's own."""
    return {name: value for name, value in document.items() if name not in SYSTEM}
