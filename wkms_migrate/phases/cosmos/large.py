"""Items over 400 KB: the whole item as compressed JSON, in the item itself, in parts beside it, or in S3.

The head keeps key, expiry and what indexes need. Its attribute `~wkms` is either the body, or says where the body is:

    B "deflate:<bytes>"                          the body: the item's JSON compressed by zlib
    M {parts N, bytes N, sha256 S}               in so many items of the same HASH, in order
    M {bucket S, key S, bytes N, sha256 S}       in an object
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from wkms_migrate.phases.cosmos import values
from wkms_migrate.phases.cosmos.keys import Keys
from wkms_migrate.phases.cosmos.values import Attribute

BODY: Final = "~wkms"
DEFLATE: Final = b"deflate:"
PART_BYTES: Final = 390 * 1024  # leaves room for the key and the expiry
LEVEL: Final = 6


class DamagedBodyError(Exception):
    """A body is not what the head says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the body of an item is: the keys of its parts, or an object."""

    parts: tuple[dict[str, Attribute], ...] = ()
    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object to be put before its item is."""

    bucket: str
    key: str
    body: bytes


Fetch: TypeAlias = Callable[[Place], bytes]


def body_of(own: Mapping[str, Any]) -> bytes:
    """Return the body of a document. Raises `orjson.JSONEncodeError` for what is no Unicode text."""
    return zlib.compress(values.canonical(own), LEVEL)


def document_of(body: bytes) -> Any:
    """Return the document of a body. Raises `DamagedBodyError`."""
    try:
        return values.decoded(zlib.decompress(body))
    except (zlib.error, ValueError) as error:
        raise DamagedBodyError(f"The body cannot be read: {error}.") from error


def inline(body: bytes) -> dict[str, Attribute]:
    """Return the attribute that holds a body."""
    return {BODY: values.binary(DEFLATE, body)}


def parts(body: bytes) -> Iterator[dict[str, Attribute]]:
    """Yield the attribute of each part of a body."""
    for start in range(0, len(body), PART_BYTES):
        yield {BODY: values.binary(b"", body[start : start + PART_BYTES])}


def pointer(body: bytes, where: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Return the attribute that says where a body is."""
    facts = {"bytes": {"N": str(len(body))}, "sha256": {"S": sha256(body).hexdigest()}}
    return {BODY: {"M": {**where, **facts}}}


def object_key(container: str, body: bytes) -> str:
    """Return the key of the object for a body: named by its content, so that it is never written over."""
    return f"cosmos/{container}/{sha256(body).hexdigest()}.json.zlib"


def found(head: Mapping[str, Attribute], keys: Keys, texts: Mapping[str, str], fetch: Fetch | None) -> bytes:
    """Return the body of a head. Raises `DamagedBodyError` when it is not the one that was written."""
    attribute = head[BODY]
    if "B" in attribute:
        return base64.b64decode(attribute["B"]).removeprefix(DEFLATE)
    facts = attribute["M"]
    if fetch is None:
        raise DamagedBodyError("The body is kept elsewhere, and nothing was given to fetch it with.")
    body = fetch(place_of(facts, keys, texts))
    if sha256(body).hexdigest() != facts["sha256"]["S"]:
        raise DamagedBodyError(f"The body has {len(body)} bytes that are not those that were written.")
    return body


def place_of(facts: Mapping[str, Attribute], keys: Keys, texts: Mapping[str, str]) -> Place:
    """Return where a body is by what its head says."""
    if "parts" in facts:
        numbered = range(int(facts["parts"]["N"]))
        return Place(parts=tuple(keys.typed(keys.part(texts, number)) for number in numbered))
    return Place(bucket=facts["bucket"]["S"], key=facts["key"]["S"])
