"""What a blob becomes as an object: key, headers, metadata, tags, storage class. Pure.

Sources of the limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html (1,024 bytes),
UsingMetadata.html (2 KB of user metadata, US-ASCII), storage-class-intro.html (128 KB billed at least).
"""

from __future__ import annotations

import base64
import hashlib
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from wkms_migrate.clients.azure_blob import Blob

KEY_BYTES = 1024
METADATA_BYTES = 2048
SMALLEST_COLD = 128 << 10
OBJECT_BYTES = 50_000_000_000_000  # 50 TB, S3's largest object
CONTROL = ".wkms-migrate/"  # keys of this tool's own objects: sidecars and backups
SIDECARS = f"{CONTROL}metadata/"
BACKUPS = f"{CONTROL}backup/"

Left = Literal["", "folder", "archived", "key-too-long", "too-large", "reserved", "taken", "collision", "unselected"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN = re.compile(r"[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """How to write an object. `notes` are codes of what could not stay as it was; `sidecar` holds what has no room."""

    headers: Mapping[str, str]
    sidecar: tuple[str, bytes] | None
    notes: tuple[str, ...]


def left(blob: Blob, key: str, *, folders: bool = False) -> Left:
    """Return why this blob cannot be copied as it is, or an empty string; `folders` takes their stubs too."""
    if blob.folder and not blob.size and not folders:
        return "folder"
    if blob.tier == "Archive":
        return "archived"
    if len(key.encode()) > KEY_BYTES:
        return "key-too-long"
    if blob.size > OBJECT_BYTES:
        return "too-large"
    return "reserved" if key.startswith(CONTROL) else ""


def fingerprint(blob: Blob, key: str) -> str:
    """Return a digest of all that is copied. The ETag alone does not follow tags and tier."""
    parts = (blob.etag, blob.tier, sorted(blob.tags.items()), key)
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=12).hexdigest()


def proposed_key(name: str, room: int = KEY_BYTES) -> str:
    """Return a key of `room` bytes for a name that is longer: cut, with a digest of the name, and the same suffix."""
    suffix = PurePosixPath(name).suffix if len(PurePosixPath(name).suffix.encode()) <= 16 else ""  # noqa: PLR2004
    tail = f"~{hashlib.sha256(name.encode()).hexdigest()[:12]}{suffix}"
    return name.encode()[: room - len(tail.encode())].decode(errors="ignore") + tail


def storage_class(blob: Blob, classes: Mapping[str, str]) -> str:
    """Return the storage class. Cold classes bill 128 KiB at least, so what is smaller stays in STANDARD."""
    if blob.tier_inferred or blob.size < SMALLEST_COLD:
        return "STANDARD"
    return classes.get(blob.tier, "STANDARD")


def mapped(blob: Blob, key: str, source: str, classes: Mapping[str, str], version: str = "") -> Mapped:
    """Return how to write the blob under `key`; `source` is `account/container`, `version` the fingerprint if known.

    Both are kept in the metadata.
    """
    content = {name: value for name, value in blob.headers.items() if _PLAIN.fullmatch(value)}
    unfit = {f"azure-{name.lower()}": value for name, value in blob.headers.items() if name not in content}
    own = {
        "azure-source": source,
        "azure-etag": blob.etag,
        "azure-version": version or fingerprint(blob, key),
        "azure-last-modified": blob.last_modified,
        "azure-blob-type": blob.kind,
        **({"azure-snapshot": blob.snapshot} if blob.snapshot else {}),
        **({"azure-version-id": blob.version} if blob.version else {}),
    }
    name = {} if key == blob.name else {"azure-name": blob.name}
    metadata = {name.lower(): encoded(value) for name, value in {**name, **unfit, **blob.metadata}.items()}
    kept, sidecar = {**own, **metadata}, None
    if not _fits(kept, given=metadata):
        sidecar = _sidecar(key, blob, unfit)
        kept = {**own, "azure-metadata": sidecar[0]}
    headers = content | {f"x-amz-meta-{name}": value for name, value in kept.items()}
    if blob.tags:
        headers["x-amz-tagging"] = urllib.parse.urlencode(blob.tags, quote_via=urllib.parse.quote)
    if (cold := storage_class(blob, classes)) != "STANDARD":
        headers["x-amz-storage-class"] = cold
    return Mapped(headers=headers, sidecar=sidecar, notes=_notes(blob, unfit, overflow=sidecar is not None))


def encoded(value: str) -> str:
    """Return a value that survives an HTTP header: as it is, or as an encoded word of RFC 2047."""
    if not value or _PLAIN.fullmatch(value):
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def decoded(value: str) -> str:
    """Return what `encoded` was given."""
    if value.startswith("=?UTF-8?B?") and value.endswith("?="):
        return base64.b64decode(value[10:-2]).decode()
    return value


def _fits(metadata: Mapping[str, str], given: Mapping[str, str]) -> bool:
    named = all(_TOKEN.fullmatch(name) for name in given)
    return named and sum(map(len, metadata)) + sum(map(len, metadata.values())) <= METADATA_BYTES


def _sidecar(key: str, blob: Blob, unfit: Mapping[str, str]) -> tuple[str, bytes]:
    whose = key if key.endswith(blob.past) else f"{key}@{blob.past}"  # versions of one object have their own
    name = f"{SIDECARS}{hashlib.sha256(whose.encode()).hexdigest()}.json"
    headers = {"headers": dict(unfit)} if unfit else {}
    return name, msgspec.json.encode({"key": key, "name": blob.name, "metadata": blob.metadata, **headers})


def _notes(blob: Blob, unfit: Mapping[str, str], *, overflow: bool) -> tuple[str, ...]:
    facts = {
        "header-not-ascii": bool(unfit),
        "metadata-in-sidecar": overflow,
        "metadata-encoded": bool(blob.metadata) and any(encoded(value) != value for value in blob.metadata.values()),
        "metadata-lowercased": bool(blob.metadata) and any(name != name.lower() for name in blob.metadata),
        "access-list-lost": blob.posix,
        "written-as-object": blob.kind != "BlockBlob",
    }
    return tuple(code for code, true in facts.items() if true)
